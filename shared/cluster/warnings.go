package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

const (
	// eventPage bounds one page of events, and MaxWarnings what one scan keeps.
	eventPage   = 500
	MaxWarnings = 2000
	// maxEventPages bounds what one scan reads: a cluster in trouble has events
	// without end.
	maxEventPages = 20
)

// Warnings are the events of type Warning that were seen after a time, without
// managed fields, and of too many those that were seen last. More tells that
// there were too many to read or to keep.
func (c *Clients) Warnings(ctx context.Context, after time.Time) (found []corev1.Event, more bool, err error) {
	options := metav1.ListOptions{Limit: eventPage,
		FieldSelector: fields.OneTermEqualSelector("type", corev1.EventTypeWarning).String()}
	for range maxEventPages {
		page, err := c.warnings(ctx, options)
		if err != nil {
			return nil, false, err
		}
		for i := range page.Items {
			e := &page.Items[i]
			if !seenAt(e).After(after) {
				continue
			}
			e.APIVersion, e.Kind, e.ManagedFields = "v1", "Event", nil
			found = append(found, *e)
		}
		if len(found) > MaxWarnings {
			slices.SortStableFunc(found, func(a, b corev1.Event) int { return seenAt(&b).Compare(seenAt(&a)) })
			clear(found[MaxWarnings:])
			found, more = found[:MaxWarnings], true
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return found, more, nil
		}
	}
	return found, true, nil
}

func (c *Clients) warnings(ctx context.Context, options metav1.ListOptions) (*corev1.EventList, error) {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	page, err := c.Kube.CoreV1().Events(metav1.NamespaceAll).List(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return page, nil
}

// seenAt is when an event was seen last; the API knows four ways to say so.
func seenAt(e *corev1.Event) time.Time {
	last := e.CreationTimestamp.Time
	for _, t := range []time.Time{e.FirstTimestamp.Time, e.LastTimestamp.Time, e.EventTime.Time} {
		if t.After(last) {
			last = t
		}
	}
	if e.Series != nil && e.Series.LastObservedTime.After(last) {
		last = e.Series.LastObservedTime.Time
	}
	return last
}
