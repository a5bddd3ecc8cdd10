package timeline

import (
	"slices"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// inOrder sorts entries as things came about: by time, but no effect before
// its cause and nothing before the first event, since the clocks of two pods
// differ and some events share their very time.
func inOrder(entries []history.Entry) []history.Entry {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b history.Entry) int {
		if first := rank(a) - rank(b); first != 0 {
			return first
		}
		return history.Chronological(a, b)
	})
	o := ordering{byID: make(map[string]history.Entry, len(sorted)), out: make([]history.Entry, 0, len(sorted)), done: map[string]bool{}}
	for _, e := range sorted {
		o.byID[e.ID] = e
	}
	for _, e := range sorted {
		o.place(e)
	}
	return o.out
}

func rank(e history.Entry) int {
	if e.Type == event.SignalReceived {
		return 0
	}
	return 1
}

type ordering struct {
	byID map[string]history.Entry
	out  []history.Entry
	done map[string]bool
}

// place puts an entry behind its causes. An entry counts as done before its
// causes are: a circle, which only a defect can make, ends there.
func (o *ordering) place(e history.Entry) {
	if o.done[e.ID] {
		return
	}
	o.done[e.ID] = true
	if cause, ok := o.byID[e.Causation]; ok {
		o.place(cause)
	}
	o.out = append(o.out, e)
}

// Whole tells whether the cause of each entry is among them. Events reach
// history each on its own, so for a moment an effect may be there without it.
func Whole(entries []history.Entry) bool {
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		there[e.ID] = true
	}
	return !slices.ContainsFunc(entries, func(e history.Entry) bool { return e.Causation != "" && !there[e.Causation] })
}
