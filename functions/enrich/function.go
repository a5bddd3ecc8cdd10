package function

import (
	"context"
	"fmt"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// New makes the stage; func-go calls it. It does no I/O and cannot fail.
func New() *stage.Function {
	return stage.New(event.StageEnrich, open)
}

func open(_ context.Context, rt *stage.Runtime) (stage.Routes, error) {
	clients, err := cluster.Connect(cluster.Options{Kubeconfig: rt.Config.String(stage.EnvKubeconfig, ""),
		Context: rt.Config.String(stage.EnvKubeContext, ""), Stage: event.StageEnrich})
	if err != nil {
		return nil, fmt.Errorf("setting %s: %w", stage.EnvKubeconfig, err)
	}
	r := routes(enricher{clients: clients, directory: clients, meter: newMeter(clients), now: rt.Now})
	rt.Explain(r)
	return r, nil
}

func routes(e enricher) stage.Routes {
	return stage.Routes{event.SignalReceived: stage.On(
		func(ctx context.Context, in stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
			found, err := e.enrich(ctx, in.Data.Signal)
			if err != nil {
				return stage.Reply{}, stage.Transient(ReasonUnreadable, err)
			}
			return stage.Emit(event.SignalEnriched, event.Section{Name: event.SectionContext, Value: found}), nil
		})}
}
