// Package function is the enrich stage: it adds what the cluster knows about a
// signal's target.
//
// It takes signal.received and answers signal.enriched, with event.Context:
// owner chain, namespace labels, the workload's state, its pods and how their
// containers fare, recent events, rollout history, autoscaler and disruption
// budgets, the node, the GitOps owner, resources and their usage.
//
// Which of these there are depends on the target's kind; kinds.go has a reader
// for each. A HorizontalPodAutoscaler, PodDisruptionBudget, Service or claim is
// looked through: the context is about the workload behind it.
//
// The parts are read at the same time, each bounded in time and size. A part
// that cannot be read is named in Unavailable, with a reason, and the rest goes
// on: an analyst with half the facts is better than none. Only when nothing at
// all can be read is there no answer, and the Broker tries again.
//
//	unavailable: [{part: revisions, reason: forbidden}, {part: usage, reason: not_installed}]
//
// Nothing is read that could hold a secret and kept: no environment, arguments,
// volumes or annotations, no logs, no container's last words. Out of the messages
// that are kept, what looks like a credential is taken.
package function
