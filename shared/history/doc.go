// Package history keeps what happened: every event of every remediation, and
// what those events add up to. Record is its only writer; people, analysts and
// the sweep read it. It informs judgement and is never asked for a safety
// decision: it may lag behind, and it may have been emptied.
//
// A Store is opened by URL. Implementations register themselves by scheme, so
// that a binary links only the database that it uses:
//
//	import _ "kubernaut.ai/shared/history/sqlite"
//
//	store, err := history.Open("sqlite:///var/lib/kubernaut/history.db")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	err = store.Append(ctx, entry)
//	summary, err := store.Remediation(ctx, entry.Remediation)
//
// Whatever can be derived from a remediation's events is derived by the pure
// function Summarise, from the set of its events and not from the order in
// which they came: a Broker may reorder and repeat them.
//
// Every implementation passes the one suite in historytest.
package history
