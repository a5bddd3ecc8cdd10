package function

import (
	"context"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// New makes the stage. It does no I/O and cannot fail.
func New() *stage.Function {
	return stage.New(event.StageAuthorize, open, stage.WithInbox())
}

func open(_ context.Context, rt *stage.Runtime) (stage.Routes, error) {
	engine, err := openPolicy(rt.Config, rt.Now)
	if err != nil {
		return nil, err
	}
	h := handlers{
		authority: &Authority{policy: engine, breaker: ledgerBreaker{rt.Ledger}, settings: readSettings(rt.Config), now: rt.Now},
		book:      ledgerBook{ledger: rt.Ledger, keys: rt.Keys},
		now:       rt.Now,
	}
	routes := stage.Routes{
		event.RemediationProposed: stage.On(h.proposed),
		event.ApprovalGranted:     stage.On(h.granted),
		event.ApprovalRefused:     stage.On(h.refused),
		event.UndoRequested:       stage.On(h.undoRequested),
	}
	rt.Explain(routes.Only(event.RemediationProposed))
	return routes, nil
}
