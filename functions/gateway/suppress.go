package function

import (
	"context"
	"strconv"
	"time"

	"kubernaut.ai/functions/gateway/scan"
	"kubernaut.ai/shared/event"
)

// Bounds of signal.suppressed: one at once and then one a minute for each
// reason and workload, and so many a minute over all. What goes without an
// event of its own is counted in the next, and in the metrics.
const (
	suppressEvery   = time.Minute
	suppressScanned = time.Hour
	suppressMost    = 600
	suppressKeys    = 10_000
	suppressTimeout = 2 * time.Second
)

// suppressor decides which suppressions become events.
type suppressor struct {
	kept *recent[string, window]
	all  *recent[int64, int]
}

// window is what is known of one reason and workload.
type window struct {
	sent time.Time
	// since counts suppressions after the last event.
	since int64
	due   bool
}

func newSuppressor() *suppressor {
	return &suppressor{kept: newRecent[string, window](suppressKeys), all: newRecent[int64, int](1)}
}

// note counts one suppression; due tells that it becomes an event, of count
// suppressions.
func (s *suppressor) note(key string, now time.Time) (count int64, due bool) {
	return s.noteEvery(key, now, suppressEvery)
}

// noteEvery is note with another time between two events.
func (s *suppressor) noteEvery(key string, now time.Time, every time.Duration) (count int64, due bool) {
	s.kept.change(key, func(w window, _ bool) window {
		w.since++
		w.due = w.sent.IsZero() || now.Sub(w.sent) >= every
		count, due = w.since, w.due
		return w
	})
	if !due || !s.room(now) {
		return count, false
	}
	// Between the two steps another may have sent: twice the same event id.
	s.kept.put(key, window{sent: now})
	return count, true
}

// room takes one of the minute's events, if there is one left.
func (s *suppressor) room(now time.Time) (ok bool) {
	s.all.change(now.Unix()/int64(suppressEvery/time.Second), func(n int, _ bool) int {
		ok = n < suppressMost
		return n + 1
	})
	return ok
}

// report counts what was dropped or counted as a duplicate, and publishes
// what is due of it. It is best effort: the answer to the sender is decided,
// the log and the metrics have it, and the next event carries the count.
func (g *gateway) report(ctx context.Context, all []*work) {
	ctx, cancel := context.WithTimeout(ctx, suppressTimeout)
	defer cancel()
	var due []*suppression
	for _, w := range all {
		if w.result.Status != StatusIgnored && w.result.Status != StatusDuplicate {
			continue
		}
		s, every := &suppression{work: w, key: suppressKey(w)}, suppressEvery
		if scan.Made(w.source) {
			// A scan finds the same again and again.
			s.key, every = "scan|"+s.key, suppressScanned
		}
		if s.count, s.due = g.suppressed.noteEvery(s.key, w.received, every); s.due {
			due = append(due, s)
		}
	}
	concurrently(due, func(s *suppression) {
		g.drop(ctx, s.work.result.Reason, s.detail())
		if _, err := g.outbox.Send(ctx, s.draft()); err != nil {
			g.meters.unreported(ctx, s.work.result.Reason)
		}
	})
}

// refused counts malformed alerts of a request that brought others too, and
// logs them at the same rate. They have no event: nothing of them is certain.
func (g *gateway) refused(ctx context.Context, results []Result) {
	for i := range results {
		r := &results[i]
		if r.Status != StatusInvalid {
			continue
		}
		if count, due := g.suppressed.note("invalid|"+r.Reason, g.now()); due {
			g.drop(ctx, r.Reason, strconv.FormatInt(count, 10)+" malformed alerts, the last named "+strconv.Quote(r.Alert))
		}
	}
}

// suppression is one that is due to be published.
type suppression struct {
	work  *work
	key   string
	count int64
	due   bool
}

// suppressKey tells apart what is suppressed on its own: by claim where there
// is one, by target, and by the alert's name where neither is known.
func suppressKey(w *work) string {
	r := w.result
	switch {
	case r.RemediationID != "":
		return r.Reason + "|" + r.RemediationID
	case r.Target != "":
		return r.Reason + "|" + r.Target
	}
	return r.Reason + "|" + r.Alert
}

func (s *suppression) detail() string {
	r := s.work.result
	if r.Target == "" {
		return r.Alert
	}
	return r.Alert + " on " + r.Target
}

// draft has an id by key and minute: a request that is posted again within
// it mints no second one.
func (s *suppression) draft() event.Draft {
	w := s.work
	minute := w.received.Unix() / int64(suppressEvery/time.Second)
	return event.Draft{
		Type: event.SignalSuppressed, Cause: s.key + "|" + strconv.FormatInt(minute, 10),
		Target: w.target, Correlation: w.result.RemediationID, Fingerprint: w.fingerprint, Now: w.received,
		Sections: []event.Section{
			{Name: event.SectionSignal, Value: w.signal()},
			{Name: event.SectionSuppression, Value: event.Suppression{Reason: w.result.Reason,
				Detail: event.Cut(s.detail(), event.MaxText), Holder: w.result.RemediationID, Count: s.count}},
		},
	}
}
