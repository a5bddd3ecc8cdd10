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

// openHistory opens the history to read it, where one is configured; without
// it, who asks for what is in it hears what to set.
func openHistory(rt *stage.Runtime) (history.Reader, error) {
	url := rt.Config.String(stage.EnvHistory, "")
	if url == "" {
		return nil, nil
	}
	store, err := history.OpenReader(url)
	if err != nil {
		return nil, err
	}
	rt.OnStop(store.Close)
	return store, nil
}

// lastReader is the part of the history that an undo needs.
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
