// Package function is the record stage: it takes every event of the catalogue
// and appends it to the history store, whose only writer it is. It answers
// with nothing, so its wide Trigger cannot loop.
//
// An event is on disk before its delivery is acknowledged. The store knows
// events by their id and sums remediations up from the set of their events,
// so redelivery and reordering do no harm.
//
// HISTORY_URL names the store:
//
//	HISTORY_URL=sqlite:///var/lib/kubernaut/history.db
//
// The stage does not start when the store cannot be opened. A store that is
// locked or full later on is a failure that may pass: the Broker delivers the
// event again.
package function
