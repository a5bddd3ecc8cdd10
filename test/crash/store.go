package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	_ "kubernaut.ai/shared/history/sqlite"
)

// checkpointScheme is SQLite's with a checkpoint before and after each call.
const checkpointScheme = "checkpoint+sqlite://"

func init() {
	history.Register(strings.TrimSuffix(checkpointScheme, "://"), func(address string) (history.Store, error) {
		store, err := history.Open("sqlite://" + strings.TrimPrefix(address, checkpointScheme))
		return checkpoints{store}, err
	})
}

// checkpoints is a store whose calls by stages the test can stop at. What only
// people ask is not among them.
type checkpoints struct{ history.Store }

// checkpoint makes one call between two questions to the test.
func checkpoint(name string, do func() error) error {
	var site string
	if err := ask("/enter", url.Values{"name": {"store " + name}}, &site); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return ask("/leave", url.Values{"site": {site}}, nil)
}

func (c checkpoints) Append(ctx context.Context, entries ...history.Entry) error {
	types := make([]string, len(entries))
	for i, e := range entries {
		types[i] = event.ShortType(e.Type)
	}
	return checkpoint("append "+strings.Join(types, ","), func() error { return c.Store.Append(ctx, entries...) })
}

func (c checkpoints) Live(ctx context.Context, olderThan time.Time, limit int) (entries []history.Entry, err error) {
	err = checkpoint("live", func() error {
		entries, err = c.Store.Live(ctx, olderThan, limit)
		return err
	})
	return entries, err
}

func (c checkpoints) Last(ctx context.Context, remediation string, types ...string) (entry history.Entry, err error) {
	err = checkpoint("last", func() error {
		entry, err = c.Store.Last(ctx, remediation, types...)
		return err
	})
	return entry, err
}

func (c checkpoints) Effectiveness(ctx context.Context, of history.Case) (e history.Effectiveness, err error) {
	err = checkpoint("effectiveness", func() error {
		e, err = c.Store.Effectiveness(ctx, of)
		return err
	})
	return e, err
}
