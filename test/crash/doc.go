// Command crash kills Kubernaut at every outside call of a remediation and
// insists that the story still ends well.
//
// The whole system, all functions and the embedded Broker, runs in a child
// process: this command, built by the test. What must survive a death stays
// with the test: Redis, the simulated cluster, the history file. Between the
// two stand proxies through which every call to Redis, to the API server, to
// the Broker's ingress and to the history store goes, so that each has a name
// and a number:
//
//	redis begin inbox execute #1
//	api execute PATCH deployments #1
//	publish signal.received #1
//	store append remediation.executed #1
//
// Undisturbed stories first record which calls there are. Then, for each, once
// before it goes out and once after its answer came but was not handed on,
// the child is killed (SIGKILL, nothing of it gets to run) and started again,
// with all that its Broker held in memory gone. The test then plays
// Alertmanager: it posts until it gets a 2xx and never again, and posts the
// resolve when the fault is gone. Everything else must come from retries and
// the sweep. A story is good when its end is in history, its claim is settled,
// nothing is due any more, the verdict says what is so in the cluster, and the
// API server counted exactly one change. A planned call that was never reached
// fails the test, too.
//
//	go test ./test/crash -run TestEveryOutsideCall -v
//	go test ./test/crash -run TestEveryOutsideCall -v -points 'execute PATCH'
package main
