// Package scan looks for what senders lost while Kubernaut could not be
// reached: Warning events, Flux objects that are not ready, and alerts that an
// Alertmanager has firing. One file a scan; each is off unless a setting turns
// it on.
//
// A scan writes down what it finds as its sender would have posted it and has
// the package source read that, so that it is the same alert by whichever way
// it comes. What becomes of it is the gateway's matter:
//
//	for _, s := range scans {
//		found, err := s.Find(ctx)
//		...
//		for _, batch := range found.Batches {
//			accept(batch)
//		}
//		found.Accepted(ctx) // once all were: the next scan goes on from here
//	}
package scan
