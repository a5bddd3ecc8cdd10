package function

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/stage"
)

const (
	scannedEventsPath = "/api/v1/signals/kubernetes-event"
	markEvents        = "events"
	// eventsBack is how far the first scan looks back, and eventsOverlap how far
	// every other looks behind the one before: events are written late.
	eventsBack    = 5 * time.Minute
	eventsOverlap = 30 * time.Second
)

// openEventScan makes the scan of Warning events: their exporters do not
// outlast an outage.
func openEventScan(s scanning) (scan, bool, error) {
	if !s.config.Bool(EnvScanEvents, false) {
		return scan{}, false, nil
	}
	reads, err := s.sourceAt(scannedEventsPath, EnvScanEvents)
	e := eventScan{scanning: s, reads: reads, maxAge: s.config.Duration(source.EnvEventMaxAge, source.DefaultEventMaxAge)}
	return scan{name: markEvents, find: e.find}, true, err
}

type eventScan struct {
	scanning
	reads source.Source
	// maxAge is how long after its last occurrence an event counts.
	maxAge time.Duration
}

// find reads the events since the last scan, as their exporter would have
// posted them. How far it came is noted once they were accepted.
func (e eventScan) find(ctx context.Context) ([]source.Batch, func(context.Context) error, error) {
	now := e.now()
	last, err := e.marks.Mark(ctx, markEvents)
	if err != nil {
		return nil, nil, err
	}
	after := last.Add(-eventsOverlap)
	if last.IsZero() {
		after = now.Add(-eventsBack)
	}
	// Older ones are ignored, and would take the place of those that count.
	if oldest := now.Add(-e.maxAge); after.Before(oldest) {
		after = oldest
	}
	warnings, more, err := e.clients.Warnings(ctx, after)
	if err != nil {
		return nil, nil, err
	}
	if more {
		e.drop(ctx, ReasonScanCut, fmt.Sprintf("Warning events: the newest %d since %s are read", len(warnings), after.UTC().Format(time.RFC3339)))
	}
	var items []source.Item
	for i := range warnings {
		body, err := json.Marshal(&warnings[i])
		if err != nil {
			return nil, nil, fmt.Errorf("encode event: %w", err)
		}
		b, err := e.reads.Read(e.posting(body))
		if err != nil {
			// One that cannot be read must not keep all others from being found.
			stage.Logger(ctx).Warnw("event not read", "event", warnings[i].Namespace+"/"+warnings[i].Name, "error", err)
			continue
		}
		items = append(items, b.Items...)
	}
	done := func(ctx context.Context) error { return e.marks.SetMark(ctx, markEvents, now) }
	return found(e.reads.Name(), items), done, nil
}
