// Package function is the classify stage: it says what a signal is worth.
//
// It takes signal.enriched and answers signal.classified: severity, priority,
// environment and signal mode, each with the rule that gave it, and the digest
// of the policy in force. It reads neither cluster nor Redis: the same event
// and the same policy give the same answer, so it may run any number of times.
//
// The rules are Rego. The default is in policy/: classify.rego decides,
// data.yaml holds its tables, tables.rego checks them, and *_test.rego tests
// all (go test, or `opa test policy`). A directory named by POLICY_DIR, such as
// a mounted ConfigMap, replaces the modules or changes the tables, and is
// reloaded when it changes. For instance, this file alone makes all of
// production's high alerts P0, and leaves every other priority as it is:
//
//	# priorities.yaml
//	priorities:
//	  production: {high: P0}
//
// Tables that would mislead, such as priorities of "prodution", are refused.
// A policy that gives no answer, or one that is no classification, is never
// guessed around: the event is refused with the reason, the Broker tries it
// again, and a policy that was mended meanwhile answers it.
package function
