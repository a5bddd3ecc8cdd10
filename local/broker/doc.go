// Package broker is Kubernaut's Broker for one machine: it reads the same Broker, Trigger and PingSource
// manifests that a cluster gets and delivers their events over loopback HTTP as Knative's channel-based
// Broker does, so that a stage cannot tell the two apart.
//
// What is Knative's own code here: decoding and validation of the manifests, the filters, the retry and
// backoff rules, the names of the TTL and error extensions. What this package adds is the queue between
// them: bounded, observable, with a clock that tests own and with chaos on request.
//
// Like Knative's InMemoryChannel it keeps events in memory only: what is queued when the process dies is
// lost, and the stages' own sweep makes up for it. Four differences from Knative are deliberate:
//
//   - a full queue answers 503 with Retry-After instead of growing without bound;
//   - a Trigger with no filter, or with one that cannot be honoured, stops the Broker from starting;
//   - an attempt without a timeout in its manifest ends after [MaxAttempt] instead of never;
//   - a dead letter whose last attempt timed out, or got a reply that is no CloudEvent, still carries the
//     knativeerror* extensions, which Knative's channel loses in those two cases.
//
// Usage:
//
//	b, err := broker.New(ctx, broker.Options{
//		Manifests: []string{"brokers", "triggers"},
//		Resolve: func(ref duckv1.KReference) (string, bool) {
//			url, ok := stageURLs[ref.Name]
//			return url, ok
//		},
//	})
//	if err != nil {
//		return err // names the file and the reason
//	}
//	go http.Serve(listener, b) // K_SINK of every stage
//	b.Start()                  // the PingSources' schedules
//	defer b.Stop(stopCtx)
package broker
