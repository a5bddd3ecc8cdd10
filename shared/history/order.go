package history

import (
	"cmp"
	"slices"

	"kubernaut.ai/shared/event"
)

// Chronological orders entries by time, then step, then id, so that the order
// is the same whoever asks.
func Chronological(a, b Entry) int {
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Step, b.Step), cmp.Compare(a.ID, b.ID))
}

// InOrder sorts entries as things came about: by time, but no effect before
// its cause and nothing before the first event, since the clocks of two pods
// differ and some events share their very time.
func InOrder(entries []Entry) []Entry {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(a, b Entry) int {
		return cmp.Or(rank(a)-rank(b), Chronological(a, b))
	})
	o := ordering{byID: make(map[string]Entry, len(sorted)), out: make([]Entry, 0, len(sorted)), done: make(map[string]bool, len(sorted))}
	for _, e := range sorted {
		o.byID[e.ID] = e
	}
	for _, e := range sorted {
		o.place(e)
	}
	return o.out
}

func rank(e Entry) int {
	if e.Type == event.SignalReceived {
		return 0
	}
	return 1
}

type ordering struct {
	byID map[string]Entry
	out  []Entry
	done map[string]bool
}

// place puts an entry behind its causes. An entry counts as done before its
// causes are: a circle, which only a defect can make, ends there.
func (o *ordering) place(e Entry) {
	if o.done[e.ID] {
		return
	}
	o.done[e.ID] = true
	if cause, ok := o.byID[e.Causation]; ok {
		o.place(cause)
	}
	o.out = append(o.out, e)
}
