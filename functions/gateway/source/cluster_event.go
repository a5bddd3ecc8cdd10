package source

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"kubernaut.ai/shared/signal"
)

// clusterEvent is an Event of Kubernetes, of v1 or of events.k8s.io/v1: the
// second has other names for the same.
type clusterEvent struct {
	about                 reference
	kind, reason, message string
	cluster               string
	count                 int
	// Times may be missing or null: which of them are set depends on who
	// reported the event.
	created, first, latest, once, repeated time.Time
	badTime                                bool
}

func (c *clusterEvent) read(r *reader) error {
	return r.object(func(key string) error { return c.member(r, key) })
}

func (c *clusterEvent) member(r *reader, key string) (err error) {
	switch key {
	case "involvedObject", "regarding":
		err = c.about.read(r)
	case "type":
		c.kind, err = r.text()
	case "reason":
		c.reason, err = r.text()
	case "message", "note":
		c.message, err = r.text()
	case "clusterName":
		c.cluster, err = r.text()
	case "count", "deprecatedCount":
		c.count, err = r.count()
	case "firstTimestamp", "deprecatedFirstTimestamp":
		c.first, err = c.time(r)
	case "lastTimestamp", "deprecatedLastTimestamp":
		c.latest, err = c.time(r)
	case "eventTime":
		c.once, err = c.time(r)
	case "metadata", "series":
		err = c.nested(r)
	default:
		err = r.skip()
	}
	return err
}

// nested reads what counts of the event's metadata and of its series.
func (c *clusterEvent) nested(r *reader) error {
	if r.null() {
		return nil
	}
	return r.object(func(key string) (err error) {
		switch key {
		case "creationTimestamp":
			c.created, err = c.time(r)
		case "lastObservedTime":
			c.repeated, err = c.time(r)
		case "count":
			c.count, err = r.count()
		default:
			err = r.skip()
		}
		return err
	})
}

func (c *clusterEvent) time(r *reader) (time.Time, error) {
	t, ok, err := r.time()
	c.badTime = c.badTime || !ok
	return t, err
}

// check says what an event lacks without which it is none.
func (c *clusterEvent) check() error {
	switch {
	case c.about.object.Kind == "" || c.about.object.Name == "":
		return errNoObject
	case c.reason == "":
		return errNoReason
	}
	return nil
}

// last is when the event occurred last; now, where it does not say.
func (c *clusterEvent) last(now time.Time) time.Time {
	var last time.Time
	for _, t := range []time.Time{c.created, c.first, c.once, c.latest, c.repeated} {
		if t.After(last) && believed(t, now) {
			last = t
		}
	}
	if last.IsZero() {
		return now
	}
	return last
}

// began is when it occurred first, zero where it does not say.
func (c *clusterEvent) began(now time.Time) time.Time {
	for _, t := range []time.Time{c.first, c.once, c.created} {
		if !t.IsZero() && believed(t, now) {
			return t
		}
	}
	return time.Time{}
}

// believed tells that a time is none of the future.
func believed(t, now time.Time) bool { return !t.After(now.Add(MaxAhead)) }

// alert is the event as an alert on its object. The same fault of the same
// object is the same alert, however often the event is counted and handed
// over: the id is the object's UID and the event's name, the episode its first
// time.
func (c *clusterEvent) alert(now time.Time) signal.Alert {
	o := c.about.object
	a := signal.Alert{ID: c.id(), Object: o, Annotations: map[string]string{"message": c.message}}
	if c.count > 1 {
		a.Annotations["count"] = strconv.Itoa(c.count)
	}
	a.Labels = map[string]string{signal.LabelAlertName: c.name(), "kind": o.Kind, "name": o.Name,
		signal.LabelNamespace: o.Namespace, signal.LabelContainer: container(c.about.fieldPath), signal.LabelCluster: c.cluster}
	maps.DeleteFunc(a.Labels, func(_, value string) bool { return value == "" })
	if a.StartsAt = c.began(now); a.StartsAt.IsZero() {
		a.StartsAt, a.Undated = now, true
	}
	return a
}

func (c *clusterEvent) id() string {
	o := c.about.object
	labels := map[string]string{"event": c.name(), "uid": c.about.uid}
	if c.about.uid == "" {
		labels["kind"], labels["name"], labels[signal.LabelNamespace] = o.Kind, o.Name, o.Namespace
	}
	return signal.MomentID(labels)
}

// container takes a container's name out of a field path such as
// spec.containers{cart}; empty for any other.
func container(fieldPath string) string {
	list, rest, ok := strings.Cut(fieldPath, "{")
	name, end, closed := strings.Cut(rest, "}")
	if !ok || !closed || end != "" || list != "spec.containers" && list != "spec.initContainers" {
		return ""
	}
	return name
}
