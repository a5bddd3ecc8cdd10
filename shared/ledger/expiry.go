package ledger

import (
	"context"
	"time"
)

// kindExpiry is the kind of the items on the list of expiries.
const kindExpiry = "expiry"

// Expiry is when an alert ends unless it is posted again.
type Expiry struct {
	// Alert is the alert's id: there is one item for it.
	Alert string
	// In is how long from now it may go without being posted.
	In time.Duration
	// Payload is what ending it needs.
	Payload []byte
}

// ExpectMany puts the expiries of alerts on their list, or moves them, in one
// round trip. Whoever leased one of them before has lost the lease. The list
// is not the one of LeaseDue: another stage works it off.
func (l *Ledger) ExpectMany(ctx context.Context, expiries []Expiry) error {
	const op = "expect alerts"
	calls := make([]batchCall, len(expiries))
	for i, e := range expiries {
		due := Due{ID: e.Alert, Kind: kindExpiry, Payload: e.Payload}
		call, err := scheduleCall(due, scheduleRequest{in: e.In, mode: modeMove, on: listExpiry})
		if err = firstError(err, checkAlertID(e.Alert)); err != nil {
			return wrap(op, err)
		}
		calls[i] = call
	}
	return wrap(op, l.allOf(ctx, calls))
}

// LeaseExpired leases alerts that are past their expiry, as LeaseDue does; the
// item's ID is the alert's. Complete and Postpone take them.
func (l *Ledger) LeaseExpired(ctx context.Context, limit int, lease time.Duration) ([]Leased, error) {
	items, err := l.leaseOf(ctx, listExpiry, limit, lease)
	return items, wrap("lease expired alerts", err)
}
