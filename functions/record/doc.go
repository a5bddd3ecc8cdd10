// Package function is the record stage: it takes every event of the catalogue
// and appends it to the history store, whose only writer it is. It answers
// with nothing, so its wide Trigger cannot loop.
//
// An event is on disk before its delivery is acknowledged. The store knows
// events by their id and sums remediations up from the set of their events,
// so redelivery and reordering do no harm.
//
// HISTORY_URL names the store, and with it the database:
//
//	HISTORY_URL=postgres://user:password@host:5432/kubernaut?sslmode=verify-full
//	HISTORY_URL=sqlite:///var/lib/kubernaut/history.db
//
// The stage does not start with a store that can never be opened: a wrong
// password, no such database, a folder in place of a file. A store that is
// away, locked or full is a failure that may pass, at the start and later on:
// the Broker delivers the event again. So it does whatever else a store that is
// open fails for: only an event that no store could keep is given up at once.
//
// HISTORY_RETENTION is how long a remediation is kept after its end: days, as
// 90d, which is the default, or Go's notation, as 720h; at least a day. 0 keeps
// all. What has not ended is kept in any case. Being the only writer, the stage
// removes what is older itself, beside its work and at most once an hour: with
// no events there is nothing that grows.
package function
