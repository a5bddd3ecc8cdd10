// Package replay tells stories: each sample is a fault in the simulated
// cluster and the webhook body that a real Alertmanager sent about one like
// it. A story is posted to the gateway as Alertmanager would, a person answers
// where one is asked, the alert is resolved once the fault is gone, and how it
// ended is held against how it should.
//
//	stories, err := replay.Load("local/samples")
//	result := replay.Runner{System: s}.Run(ctx, stories[0])
package replay
