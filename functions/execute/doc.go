// Package function is the execute stage: the only one that writes to
// workloads.
//
// It takes an approved decision and carries it out, exactly once, however
// often it is delivered and wherever it dies:
//
//	verify    the decision authorises exactly this action, with exactly these
//	          parameters, on exactly this object, now
//	scope     everything that is disturbed opted in, and nothing opted out
//	fence     the object does not carry this step's mark yet
//	plan      the order becomes absolute values, stored before the first write
//	start     the remediation cannot be cancelled any more; the target is locked
//	apply     one JSON Patch, which tests UID and former values and sets mark,
//	          time and receipt with the change; or evictions by UID
//	observe   what the controller makes of it, for a bounded while
//
// The mark is the annotation kubernaut.ai/applied=<remediation>/<step>: an
// object that carries it has the step applied, even if Redis forgot. The
// receipt beside it tells how to take the change back by hand:
//
//	kubectl get deployment web -o jsonpath='{.metadata.annotations.kubernaut\.ai/receipt}'
//
// What it would do is asked at the harness's explain path, of an Explainer: scope,
// fence and plan as above, and nothing that could write. A planner, which both
// share, has a client that only reads.
//
// What must not be done ends as a refusal with a named reason, which is a
// result and tells what earlier turns had done; what may pass is an error, and the
// Broker delivers again.
//
// An action is one file, named for it; notify_only.go is the one to copy.
package function
