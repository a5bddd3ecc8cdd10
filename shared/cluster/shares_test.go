package cluster

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// takeAll has events taken in pages, as the API server hands them out: one
// namespace after the other.
func takeAll(all []corev1.Event) ([]corev1.Event, bool) {
	w := &warnings{in: Window{After: start, Until: start.Add(time.Hour)}}
	for page := range slices.Chunk(all, eventPage) {
		w.take(page)
	}
	return w.shared(), w.more
}

func many(namespace string, n int) []corev1.Event {
	out := make([]corev1.Event, n)
	for i := range out {
		out[i] = corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprint(i)},
			LastTimestamp: metav1.NewTime(start.Add(time.Duration(i+1) * time.Millisecond))}
	}
	return out
}

func TestOfTooManyWarningsEachNamespaceHasAnEqualShare(t *testing.T) {
	type counts map[string]int
	for name, test := range map[string]struct {
		events, want counts
		more         bool
	}{
		"as many as there is room for":      {counts{"a": 1200, "b": 800}, counts{"a": 1200, "b": 800}, false},
		"one floods, and two are quiet":     {counts{"a": 9000, "b": 3, "c": 40}, counts{"a": 1957, "b": 3, "c": 40}, true},
		"two are quiet before one floods":   {counts{"a": 3, "b": 40, "c": 9000}, counts{"a": 3, "b": 40, "c": 1957}, true},
		"two flood, and one is quiet":       {counts{"a": 3000, "b": 4000, "c": 100}, counts{"a": 950, "b": 950, "c": 100}, true},
		"three flood":                       {counts{"a": 1001, "b": 2000, "c": 3000}, counts{"a": 666, "b": 667, "c": 667}, true},
		"one has a few more than its share": {counts{"a": 700, "b": 5000, "c": 600}, counts{"a": 700, "b": 700, "c": 600}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var all []corev1.Event
			for _, namespace := range []string{"a", "b", "c"} {
				all = append(all, many(namespace, test.events[namespace])...)
			}
			found, more := takeAll(all)
			require.Equal(t, test.more, more)
			got := counts{}
			for _, e := range found {
				got[e.Namespace]++
			}
			require.Equal(t, test.want, got)
			for _, e := range found {
				newest := start.Add(time.Duration(test.events[e.Namespace]-got[e.Namespace]) * time.Millisecond)
				require.True(t, e.LastTimestamp.After(newest), "of each those that were seen last")
			}
		})
	}
}

func TestForgedTimesTakeNoPlaceOfNewerEvents(t *testing.T) {
	all := many("a", 2*MaxWarnings)
	for i := range all {
		all[i].CreationTimestamp, all[i].LastTimestamp = metav1.NewTime(start.Add(time.Millisecond)), metav1.NewTime(start.Add(24*time.Hour))
	}
	honest := many("a", 1)[0]
	honest.Name, honest.LastTimestamp = "honest", metav1.NewTime(start.Add(time.Second))
	found, more := takeAll(append(all, honest))
	require.True(t, more)
	require.Len(t, found, MaxWarnings)
	require.Equal(t, "honest", found[0].Name)
}
