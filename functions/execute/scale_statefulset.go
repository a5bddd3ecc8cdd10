package function

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"

	"kubernaut.ai/functions/execute/reading"
)

// scaleStatefulSet sets the replicas of a StatefulSet. Its members are
// usually a quorum: it grows only from a whole one, and shrinks only when a
// person says so.
type scaleStatefulSet struct {
	kube reading.Client
	caps Caps
}

// Plan refuses, besides what scaleDeployment refuses, to grow while lower
// ordinals are not ready and to shrink without a person.
func (a scaleStatefulSet) Plan(ctx context.Context, o Order) (Plan, error) {
	set, l, err := sightAs[*appsv1.StatefulSet](ctx, a.kube, o)
	if err != nil {
		return Plan{}, err
	}
	if err := autoscaled(ctx, a.kube, l.target); err != nil {
		return Plan{}, err
	}
	s := scaling{order: o, live: l, current: replicas(set.Spec.Replicas), caps: a.caps}
	want, err := s.wanted()
	switch {
	case err != nil:
		return Plan{}, err
	case want < s.current && o.Approver == "":
		return Plan{}, refuse(ReasonNeedsApproval, "scaling a StatefulSet down takes a person's approval")
	case want > s.current && set.Status.ReadyReplicas < s.current:
		return Plan{}, refuse(ReasonNotReady, "%d of %d members are ready: the next one would wait for them",
			set.Status.ReadyReplicas, s.current)
	}
	return s.plan(want), nil
}
