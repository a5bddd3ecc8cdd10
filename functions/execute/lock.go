package function

import (
	"context"

	"kubernaut.ai/shared/event"
)

func (o Order) step() Step {
	return Step{Fingerprint: o.Remediation.Fingerprint, Remediation: o.Remediation.ID, Name: o.StepName(), Cluster: o.Cluster}
}

// begin locks the claim's workload and, where the action changes another one,
// that one, too.
func (x *Executor) begin(ctx context.Context, o Order) (Start, func(context.Context, bool) error, error) {
	s := o.step()
	if !o.Target.Same(o.Owner) {
		top, err := x.workload(ctx, o.Target)
		if err != nil {
			return "", nil, err
		}
		if !top.Same(o.Owner) {
			s.Workload = &top
		}
	}
	return x.book.Begin(ctx, s)
}

// workload is the top owner of the target; a target that is gone is its own.
func (x *planner) workload(ctx context.Context, t event.Target) (event.Target, error) {
	chain, err := x.scope.Owners(ctx, t)
	if err == nil {
		return chain[len(chain)-1], nil
	}
	if err = unreadable(t, err); refused(err, ReasonTargetGone) {
		return t, nil
	}
	return t, err
}
