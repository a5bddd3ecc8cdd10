package ledger

import (
	"context"
	"fmt"
	"time"
)

// kindExpiry is the kind of the items on the list of expiries.
const kindExpiry = "expiry"

const (
	// MaxExpiries bounds the alerts that wait for their expiry, over all callers:
	// their senders choose how many there are. Each shard of the list has its part
	// of them, so that one may be full a little earlier.
	MaxExpiries = 8_000
	// MaxExpiryPayload bounds what one of them keeps, in bytes before it is packed.
	MaxExpiryPayload = 16 << 10
)

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
// is not the one of LeaseDue: another stage works it off. Noted tells for each
// whether it is there now: one that was not found no room where there are
// MaxExpiries, and nothing of it was kept.
func (l *Ledger) ExpectMany(ctx context.Context, expiries []Expiry) (noted []bool, err error) {
	const op = "expect alerts"
	calls := make([]batchCall, len(expiries))
	for i, e := range expiries {
		due := Due{ID: e.Alert, Kind: kindExpiry, Payload: e.Payload}
		call, err := scheduleCall(due, scheduleRequest{in: e.In, mode: modeMove, on: listExpiry, most: MaxExpiries / DueShards})
		if err = firstError(err, checkAlertID(e.Alert), checkExpiry(e)); err != nil {
			return nil, wrap(op, err)
		}
		calls[i] = call
	}
	if err := l.allOf(ctx, calls); err != nil {
		return nil, wrap(op, err)
	}
	noted = make([]bool, len(calls))
	for i, c := range calls {
		noted[i] = c.reply[0] != "full"
	}
	return noted, nil
}

func checkExpiry(e Expiry) error {
	if len(e.Payload) > MaxExpiryPayload {
		return fmt.Errorf("%w: expiry of %d bytes, more than %d", ErrInvalid, len(e.Payload), MaxExpiryPayload)
	}
	return nil
}

// LeaseExpired leases alerts that are past their expiry, as LeaseDue does; the
// item's ID is the alert's. Complete and Postpone take them.
func (l *Ledger) LeaseExpired(ctx context.Context, limit int, lease time.Duration) ([]Leased, error) {
	items, err := l.leaseOf(ctx, listExpiry, limit, lease)
	return items, wrap("lease expired alerts", err)
}
