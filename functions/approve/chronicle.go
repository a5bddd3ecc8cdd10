package function

import (
	"context"
	"errors"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/history"
	_ "kubernaut.ai/shared/history/postgres" // the store of clusters
	_ "kubernaut.ai/shared/history/sqlite"   // the store of one's own machine
	"kubernaut.ai/shared/stage"
)

// openChronicle opens the history where one is configured; without it, undo
// says what to set.
func openChronicle(rt *stage.Runtime) (chronicle, error) {
	url := rt.Config.String(stage.EnvHistory, "")
	if url == "" {
		return nil, nil
	}
	store, err := history.Open(url)
	if err != nil {
		return nil, err
	}
	rt.OnStop(store.Close)
	return historyChronicle{store}, nil
}

// lastReader is the part of the history that this stage needs.
type lastReader interface {
	Last(ctx context.Context, remediation string, types ...string) (history.Entry, error)
}

type historyChronicle struct{ store lastReader }

func (h historyChronicle) LastOf(ctx context.Context, remediation string, types ...string) (cloudevents.Event, error) {
	entry, err := h.store.Last(ctx, remediation, types...)
	if errors.Is(err, history.ErrNotFound) {
		return cloudevents.Event{}, errNone
	}
	if err != nil {
		return cloudevents.Event{}, err
	}
	return stage.Decode(entry.Event)
}
