package cluster

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

const (
	// eventPage bounds one page of events, and MaxWarnings what one scan keeps.
	eventPage   = 500
	MaxWarnings = 2000
	// maxEventPages bounds what one scan reads at a stretch: a cluster in trouble
	// has events without end.
	maxEventPages = 20
	// maxEventNamespaces bounds the namespaces of which one page each is read where
	// that was not enough.
	maxEventNamespaces = 500
)

// Window is the time in which events count.
type Window struct {
	// After is when they must have been seen last.
	After time.Time
	// Until is now, and a little more for clocks that differ: a time after it says
	// nothing, for whoever writes events chooses their times.
	Until time.Time
}

// Warnings are the events of type Warning that were seen in the window, without
// managed fields. More tells that there were too many to read or to keep. Of too
// many each namespace has an equal share, in which those count that were seen
// last: the API server hands out one namespace after the other, and a flood in
// one would hide all that come after it.
func (c *Clients) Warnings(ctx context.Context, in Window) (found []corev1.Event, more bool, err error) {
	w := &warnings{in: in}
	var next, last string
	for range maxEventPages {
		page, err := c.warnings(ctx, metav1.NamespaceAll, next)
		if err != nil {
			return nil, false, err
		}
		w.take(page.Items)
		if n := len(page.Items); n > 0 {
			last = page.Items[n-1].Namespace
		}
		if next = page.Continue; next == "" {
			return w.shared(), w.more, nil
		}
	}
	w.more = true
	behind, err := c.namespacesAfter(ctx, last)
	if err != nil {
		return nil, false, err
	}
	for _, namespace := range behind {
		page, err := c.warnings(ctx, namespace, "")
		if err != nil {
			return nil, false, err
		}
		w.take(page.Items)
	}
	return w.shared(), true, nil
}

func (c *Clients) warnings(ctx context.Context, namespace, next string) (*corev1.EventList, error) {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	page, err := c.Kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{Limit: eventPage, Continue: next,
		FieldSelector: fields.OneTermEqualSelector("type", corev1.EventTypeWarning).String()})
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return page, nil
}

// namespacesAfter are the first namespaces behind one, in the order in which the
// API server has them.
func (c *Clients) namespacesAfter(ctx context.Context, last string) ([]string, error) {
	var names []string
	for next := ""; ; {
		page, err := c.namespaces(ctx, next)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			// The order is that of keys, in which a slash follows the name.
			if name := page.Items[i].Name; name+"/" > last+"/" && len(names) < maxEventNamespaces {
				names = append(names, name)
			}
		}
		if next = page.Continue; next == "" || len(names) == maxEventNamespaces {
			return names, nil
		}
	}
}

func (c *Clients) namespaces(ctx context.Context, next string) (*metav1.PartialObjectMetadataList, error) {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	page, err := c.Metadata.Resource(corev1.SchemeGroupVersion.WithResource("namespaces")).List(ctx, metav1.ListOptions{Limit: eventPage, Continue: next})
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	return page, nil
}
