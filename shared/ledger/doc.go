// Package ledger is Kubernaut's shared memory in Redis: which remediation holds
// which workload, what each stage has already answered, what was planned, what
// is due, and how much may still be done before a storm breaker trips.
//
// Every key and every Lua script of the product lives here. Each multi-step
// operation is one script over keys of one hash tag, so that it is atomic on a
// single Redis, behind sentinels and on Redis Cluster alike. Time is always the
// Redis server's: callers pass durations, never instants, and a pod with a wrong
// clock decides nothing.
//
// A claim is the right to remediate one workload (a fingerprint). Its life:
//
//	Reserve -> reserved   the caller must now publish the first event
//	Confirm -> confirmed  the Broker has it; duplicates are counted
//	Advance -> confirmed  a later stage moved it on: new phase, new deadline
//	Settle  -> settled    it ended; alerts are counted until the cooldown is over
//
// Whoever meets a reservation past its lease, or a confirmed claim past its
// deadline, takes it over under the same remediation id and publishes the same
// event again: receivers know it by its id. So no crash loses a claim and none
// leaves one stuck. A live claim also has a watch item on the due list, put
// there before the claim is confirmed, so that a sweep finds it even when no
// alert ever comes again.
//
//	l, err := ledger.Open("redis://127.0.0.1:6379")
//	...
//	claim, outcome, err := l.Reserve(ctx, ledger.Reservation{
//		Fingerprint: fp, Base: base, Lease: 30 * time.Second,
//	})
//	if outcome == ledger.Opened || outcome == ledger.TakenOver {
//		publish(event(claim.Remediation))
//		err = l.Confirm(ctx, ledger.Confirmation{
//			Fingerprint: fp, Remediation: claim.Remediation, Token: claim.Token,
//			Phase: "received", Within: 5 * time.Minute, Event: sealed,
//		})
//	}
//
// Redis may be one server, a primary with replicas behind sentinels, or a Redis
// Cluster (see Open). What an answer promises when a server fails:
//
//   - An answer means that the primary has it, and its disk as far as
//     "appendfsync always" goes. It does not wait for replicas: that would cost
//     each stage a round trip, and still not be consensus.
//   - What the replica has when it takes over stands: claims, turns, plans, due
//     items. Until then calls answer ErrUnavailable, and are to be retried.
//   - What only the old primary had is forgotten. The same alert opens the same
//     remediation id again, under a higher token, so whoever held it before is
//     fenced off; a stage that reports first creates its claim again, marked
//     ExecutedUnknown, so that nobody cancels what may have been done. A second
//     effect is prevented by the applied annotation on the object, which is not
//     kept here, and what is missing from the due list comes back from history
//     by the sweep. "min-replicas-to-write 1" with a short
//     "min-replicas-max-lag" bounds how much that can be.
//   - A node of a Cluster that fails without a replica takes only the claims of
//     its slots with it, and they wait for it, as long as the others go on
//     ("cluster-require-full-coverage no").
//
// An error for which errors.Is(err, ErrUnavailable) holds can pass: answer 503.
// A network error may hide a write that happened; every operation is safe to
// repeat.
package ledger
