package scan

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/stage"
)

const (
	eventsPath = "/api/v1/signals/kubernetes-event"
	markEvents = "events"
	// eventsBack is how far the first scan looks back, and eventsOverlap how far
	// every other looks behind the one before: events are written late.
	eventsBack    = 5 * time.Minute
	eventsOverlap = 30 * time.Second
)

// openEvents makes the scan of Warning events: their exporters do not outlast
// an outage.
func openEvents(o Options) (Scan, bool, error) {
	if !o.Events {
		return Scan{}, false, nil
	}
	reads, err := o.sourceAt(eventsPath, "SCAN_EVENTS")
	e := events{Options: o, reads: reads}
	return Scan{Name: markEvents, Find: e.find}, true, err
}

type events struct {
	Options
	reads source.Source
}

// find reads the events since the last scan, as their exporter would have
// posted them. How far it came is noted once they were accepted.
func (e events) find(ctx context.Context) (Found, error) {
	now := e.Now()
	last, err := e.Marks.Mark(ctx, markEvents)
	if err != nil {
		return Found{}, err
	}
	after := last.Add(-eventsOverlap)
	if last.IsZero() {
		after = now.Add(-eventsBack)
	}
	// Older ones are ignored, and would take the place of those that count.
	if oldest := now.Add(-e.EventMaxAge); after.Before(oldest) {
		after = oldest
	}
	warnings, more, err := e.Cluster.Warnings(ctx, cluster.Window{After: after, Until: now.Add(source.MaxAhead)})
	if err != nil {
		return Found{}, err
	}
	if more {
		e.Drop(ctx, ReasonCut, fmt.Sprintf("Warning events: of those since %s only %d are taken, of each namespace as many", after.UTC().Format(time.RFC3339), len(warnings)))
	}
	var items []source.Item
	for i := range warnings {
		body, err := json.Marshal(&warnings[i])
		if err != nil {
			return Found{}, fmt.Errorf("encode event: %w", err)
		}
		b, err := e.reads.Read(e.posting(body))
		if err != nil {
			// One that cannot be read must not keep all others from being found.
			stage.Logger(ctx).Warnw("event not read", "event", warnings[i].Namespace+"/"+warnings[i].Name, "error", err)
			continue
		}
		items = append(items, b.Items...)
	}
	return Found{Batches: batches(e.reads.Name(), items),
		Accepted: func(ctx context.Context) error { return e.Marks.SetMark(ctx, markEvents, now) }}, nil
}
