package ledger

import (
	"context"
	"time"
)

var scriptDueHasten = script("due_hasten")

// HastenDue moves an item that waits to the earlier of its time and in from
// now, with the payload that it has, and says whether it moved. An item that
// is leased, or not there, is left.
func (l *Ledger) HastenDue(ctx context.Context, id string, in time.Duration) (moved bool, err error) {
	const op = "hasten item"
	if err := firstError(checkID("item", id), checkDelay("delay", in)); err != nil {
		return false, wrap(op, err)
	}
	reply, err := l.run(ctx, scriptDueHasten, listDue.keys(shardOf(id)), id, millis(in))
	if err != nil {
		return false, wrap(op, err)
	}
	return reply[0] == "moved", nil
}
