package function

import (
	"context"
	"fmt"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// New makes the stage; func-go calls it. It does no I/O and cannot fail.
func New() *stage.Function {
	return stage.New(event.StageClassify, open)
}

func open(_ context.Context, rt *stage.Runtime) (stage.Routes, error) {
	engine, err := openPolicy(rt.Config.String(stage.EnvPolicyDir, ""), rt.Now)
	if err != nil {
		return nil, fmt.Errorf("setting %s: %w", stage.EnvPolicyDir, err)
	}
	r := routes(classifier{policy: engine})
	rt.Explain(r)
	return r, nil
}

func routes(c classifier) stage.Routes {
	return stage.Routes{event.SignalEnriched: stage.On(
		func(ctx context.Context, in stage.Input[event.SignalEnrichedData]) (stage.Reply, error) {
			result, err := c.classify(ctx, in.Data)
			if err != nil {
				return stage.Reply{}, stage.Transient(reasonOf(err), err)
			}
			return stage.Emit(event.SignalClassified, event.Section{Name: event.SectionClassification, Value: result}), nil
		})}
}
