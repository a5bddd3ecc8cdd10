package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/stage"

	// The stores that this stage can write to.
	_ "kubernaut.ai/shared/history/postgres"
	_ "kubernaut.ai/shared/history/sqlite"
)

// Named reasons.
const (
	// ReasonRecorded says that the event is in the store.
	ReasonRecorded = "recorded"
	// ReasonStoreDown: the store cannot be written to at the moment.
	ReasonStoreDown = "history_unavailable"
	// ReasonNotStorable: the event can never be stored.
	ReasonNotStorable = "not_storable"
)

// New makes the stage.
func New() *stage.Function { return stage.New(event.StageRecord, open) }

func open(ctx context.Context, rt *stage.Runtime) (stage.Routes, error) {
	url := rt.Config.Required(stage.EnvHistory, "where history is kept, such as postgres://user:password@host/database or sqlite:///var/lib/kubernaut/history.db")
	retention, err := parseRetention(rt.Config.String(EnvRetention, defaultRetention))
	if url == "" || err != nil {
		return nil, err // a missing setting is reported by the harness
	}
	store, err := history.Open(url)
	if err != nil {
		return nil, err
	}
	rt.OnStop(store.Close)
	if err := store.Ping(ctx); errors.Is(err, history.ErrUnavailable) {
		// A server that is away comes back. Until then the Broker is told to try
		// again, and waits less than the platform would to start us again.
		stage.Logger(ctx).Warnw("history is away", "reason", ReasonStoreDown, "error", err)
	} else if err != nil {
		return nil, err
	}
	keeper := newKeeper(store, retention)
	rt.OnStop(keeper.stop)
	return everyType(recorder{store, keeper}.record), nil
}

// everyType routes each type of the catalogue to the one handler.
func everyType(route stage.Route) stage.Routes {
	routes := stage.Routes{}
	for _, entry := range event.Catalogue() {
		routes[entry.Type] = route
	}
	return routes
}

type appender interface {
	Append(ctx context.Context, entries ...history.Entry) error
}

type recorder struct {
	store  appender
	keeper *keeper
}

func (r recorder) record(ctx context.Context, in stage.Input[json.RawMessage]) (stage.Reply, error) {
	body, err := stage.Encode(in.Event)
	if err != nil {
		return stage.Reply{}, stage.Permanent(ReasonNotStorable, err)
	}
	entry, err := entryOf(Recorded{
		ID: in.ID, Type: in.Type, Stage: in.Stage, Time: in.Time, Subject: in.Event.Subject(),
		Correlation: in.Remediation, Causation: event.Extension(in.Event, event.ExtCausation),
		Data: in.Data, Body: body,
	})
	if err == nil {
		err = entry.Validate()
	}
	if err != nil {
		return stage.Reply{}, stage.Permanent(ReasonNotStorable, err)
	}
	// The entry is good, so the store is at fault, and somebody mends it: a store
	// calls itself invalid, too, where its tables are a newer program's.
	if err := r.store.Append(ctx, entry); err != nil {
		return stage.Reply{}, stage.Transient(ReasonStoreDown, fmt.Errorf("record %s: %w", in.ID, err))
	}
	r.keeper.tend(ctx, in.Time)
	return stage.Nothing(ReasonRecorded), nil
}
