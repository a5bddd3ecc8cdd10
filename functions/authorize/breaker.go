package function

import (
	"context"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// limits are those that a remediation counts against: all together, its
// namespace, its action. Nodes are few, so theirs is a share.
func (b breakerSettings) limits(r Request) []Limit {
	out := []Limit{{Name: "all", Max: b.total, Window: b.window}, {Name: "action/" + r.Proposal.Action, Max: b.forAction(r), Window: b.window}}
	if ns := r.Proposal.Target.Namespace; ns != "" {
		out = append(out, Limit{Name: "namespace/" + ns, Max: b.namespace, Window: b.window})
	}
	return out
}

func (b breakerSettings) forAction(r Request) int {
	if r.Proposal.Action != action.CordonNode {
		return b.action
	}
	nodes := 1
	if r.Context.Node != nil {
		nodes += r.Context.Node.OtherSchedulable
	}
	return max(1, int(float64(nodes)*b.nodeShare))
}

// ledgerBreaker is the breaker that all replicas share in Redis.
type ledgerBreaker struct{ *ledger.Ledger }

// Paused takes a pause that cannot be read for an error, not for none.
func (l ledgerBreaker) Paused(ctx context.Context) (Pause, error) {
	p, on, err := l.Ledger.Paused(ctx)
	return Pause{On: on, By: p.By, Reason: p.Reason}, err
}

// Admit foretells the breaker's answer, and counts nothing, while a turn only
// explains.
func (l ledgerBreaker) Admit(ctx context.Context, remediation string, limits []Limit) (Trip, error) {
	all := make([]ledger.Limit, len(limits))
	for i, x := range limits {
		all[i] = ledger.Limit(x)
	}
	admit := l.Ledger.Admit
	if stage.Explaining(ctx) {
		admit = l.WouldAdmit
	}
	a, err := admit(ctx, remediation, all)
	switch {
	case err != nil || a.OK:
		return Trip{}, err
	case a.Tripped == ledger.Paused:
		return Trip{Paused: true}, nil
	default:
		return Trip{Limit: a.Tripped, Count: a.Count, Max: a.Max}, nil
	}
}
