package function

import (
	"cmp"
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// Events are kept by name, not by time: to find the newest, all must be read.
const (
	eventPage     = 500
	maxEventsRead = 2000
)

// eventQuery says which events to read; empty fields ask for any.
type eventQuery struct{ namespace, name, kind string }

// selector is asked of the API server, so that what nobody needs is not sent.
func (q eventQuery) selector() string {
	var terms []fields.Selector
	if q.name != "" {
		terms = append(terms, fields.OneTermEqualSelector("involvedObject.name", q.name))
	}
	if q.kind != "" {
		terms = append(terms, fields.OneTermEqualSelector("type", q.kind))
	}
	return fields.AndSelectors(terms...).String()
}

func (e enricher) readEvents(ctx context.Context, q eventQuery) (events []corev1.Event, more bool, err error) {
	options := metav1.ListOptions{Limit: eventPage, FieldSelector: q.selector()}
	for len(events) < maxEventsRead {
		list, err := e.clients.Kube.CoreV1().Events(q.namespace).List(ctx, options)
		if err != nil {
			return nil, false, err
		}
		events = append(events, list.Items...)
		if options.Continue = list.Continue; options.Continue == "" {
			return events, false, nil
		}
	}
	return events, true, nil
}

// mergeEvents leaves out what two queries both found.
func mergeEvents(first, second []corev1.Event) []corev1.Event {
	known := make(map[types.NamespacedName]bool, len(first))
	for i := range first {
		known[types.NamespacedName{Namespace: first[i].Namespace, Name: first[i].Name}] = true
	}
	return append(first, slices.DeleteFunc(second, func(n corev1.Event) bool {
		return known[types.NamespacedName{Namespace: n.Namespace, Name: n.Name}]
	})...)
}

// object names what an event is about, its kind as targets write it.
type object struct{ kind, name string }

// notes are the events about these objects, the newest first; nil means all.
func notes(events []corev1.Event, about map[object]bool) []event.Note {
	var out []event.Note
	for i := range events {
		n := &events[i]
		of := object{signal.KindOf(n.InvolvedObject.APIVersion, n.InvolvedObject.Kind), n.InvolvedObject.Name}
		if about != nil && !about[of] {
			continue
		}
		out = append(out, event.Note{Type: n.Type, Reason: event.Cut(n.Reason, event.MaxAttribute),
			Message: n.Message, Object: of.kind + "/" + of.name, Count: times(n), LastSeen: lastSeen(n)})
	}
	slices.SortStableFunc(out, func(a, b event.Note) int {
		return cmp.Or(b.LastSeen.Compare(a.LastSeen), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Reason, b.Reason))
	})
	for i := range out {
		out[i].Message = textOf(i, event.MaxNotes, out[i].Message)
	}
	return out
}

// lastSeen is when it happened last; senders fill different fields.
func lastSeen(n *corev1.Event) time.Time {
	last := n.CreationTimestamp.Time
	for _, t := range []time.Time{n.FirstTimestamp.Time, n.EventTime.Time, n.LastTimestamp.Time} {
		if t.After(last) {
			last = t
		}
	}
	if n.Series != nil && n.Series.LastObservedTime.After(last) {
		last = n.Series.LastObservedTime.Time
	}
	return last.UTC()
}

func times(n *corev1.Event) int32 {
	count := max(n.Count, 1)
	if n.Series != nil {
		count = max(count, n.Series.Count)
	}
	return count
}
