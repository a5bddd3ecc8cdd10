package tables

import (
	"slices"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// KeptFirst orders the events of a remediation by which of them a timeline has
// room for: what moves it on before what is only about it, and duplicates, of which
// there may be any number, last; of each the newest first.
const KeptFirst = `progress DESC, type = '` + event.SignalSuppressed + `', time DESC, step DESC, id DESC`

// Timeline puts what was read by KeptFirst into its order. Count tells how many
// events there are; it is asked only where some may have been left out.
func Timeline(entries []history.Entry, count func() (int, error)) ([]history.Entry, error) {
	slices.SortFunc(entries, history.Chronological)
	if len(entries) < history.MaxTimeline {
		return entries, nil
	}
	total, err := count()
	if err != nil {
		return nil, err
	}
	entries[0].LeftOut = max(total-len(entries), 0)
	return entries, nil
}

// ScanCount reads one number.
func ScanCount(row Row) (n int, err error) { return n, row.Scan(&n) }
