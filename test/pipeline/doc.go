// Package pipeline tests Kubernaut as a whole, in one process: every function,
// the Broker with the real manifests, Redis, history and a simulated cluster.
// What it changed is counted at the API server's side, never from its own
// records; what it refused is looked up by its named reason.
//
//	go test -race ./test/pipeline
//	go test ./test/pipeline -run 'TestOneSystem/the_samples' -update   # golden timelines
package pipeline
