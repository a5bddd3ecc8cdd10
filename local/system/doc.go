// Package system is the whole of Kubernaut in one process: the same functions
// behind func-go's own handlers, the same triggers/ and brokers/ manifests
// behind an embedded Broker, and, unless told otherwise, an embedded Redis, a
// SQLite history and a simulated cluster. Every function is configured as in
// production, by settings: nothing here reaches into one.
//
//	s, err := system.Start(ctx, system.Options{Root: ".", Dir: ".local"})
//	if err != nil {
//		return err
//	}
//	defer s.Close(ctx)
//	http.Post(s.URL()+"/api/v1/signals/prometheus", "application/json", alert)
package system
