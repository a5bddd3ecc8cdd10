// Package scenario shows Kubernaut at work on a real cluster, as its users run
// it: alerts from a real Alertmanager, every stage a Knative Service that func
// deployed, with its own ServiceAccount and at zero when idle, the project's own
// manifests, and what became of it read from the API server, PostgreSQL and Redis.
//
// The scenarios are tests, which skip where no cluster is given: "make e2e" brings
// one up, installs the product and runs them.
//
//	make e2e                              # all, on a cluster of their own
//	make e2e ARGS="--keep"                # and leave that cluster up
//	make e2e ARGS="--run Rollback --keep" # one, on the cluster that was left up
//
// Each scenario has namespaces of its own and may run beside others, unless it
// stops a part that all share.
package scenario
