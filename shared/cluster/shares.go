package cluster

import (
	"cmp"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// warnings are events on their way to MaxWarnings of them.
type warnings struct {
	in    Window
	found []corev1.Event
	more  bool
}

// take keeps what was seen in the window, and no more than twice what there is
// room for.
func (w *warnings) take(page []corev1.Event) {
	for i := range page {
		e := &page[i]
		if !seenAt(e, w.in.Until).After(w.in.After) {
			continue
		}
		e.APIVersion, e.Kind, e.ManagedFields = "v1", "Event", nil
		w.found = append(w.found, *e)
	}
	if len(w.found) > 2*MaxWarnings {
		w.found = w.shared()
	}
}

// shared is what there is room for: of too many each namespace's newest, as many
// of each as of any other, and what some leave over for the rest.
func (w *warnings) shared() []corev1.Event {
	if len(w.found) <= MaxWarnings {
		return w.found
	}
	w.more = true
	of := map[string][]corev1.Event{}
	for i := range w.found {
		of[w.found[i].Namespace] = append(of[w.found[i].Namespace], w.found[i])
	}
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(len(of[a])-len(of[b]), cmp.Compare(a, b))
	})
	out := make([]corev1.Event, 0, MaxWarnings)
	for i, name := range names {
		share := min(len(of[name]), (MaxWarnings-len(out))/(len(names)-i))
		slices.SortStableFunc(of[name], func(a, b corev1.Event) int {
			return seenAt(&b, w.in.Until).Compare(seenAt(&a, w.in.Until))
		})
		out = append(out, of[name][:share]...)
	}
	return out
}

// seenAt is when an event was seen last, of the times that are no later than
// until; the API knows four ways to say so.
func seenAt(e *corev1.Event, until time.Time) time.Time {
	times := []time.Time{e.CreationTimestamp.Time, e.FirstTimestamp.Time, e.LastTimestamp.Time, e.EventTime.Time}
	if e.Series != nil {
		times = append(times, e.Series.LastObservedTime.Time)
	}
	var last time.Time
	for _, t := range times {
		if t.After(last) && !t.After(until) {
			last = t
		}
	}
	return last
}
