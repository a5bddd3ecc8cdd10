package function

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
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
	if want < s.current {
		if err := a.givesUp(ctx, s, lowest(set)+want); err != nil {
			return Plan{}, err
		}
	}
	return s.plan(want)
}

// givesUp refuses to take away members from the first on that are ready, where it
// was proposed because members were not: they have come back since, or are others
// than the highest, which scaling down takes.
func (a scaleStatefulSet) givesUp(ctx context.Context, s scaling, first int32) error {
	was := s.order.Context.Workload
	if was == nil || !describes(s.order.Context, s.live.target) || was.Ready >= was.Desired {
		return nil
	}
	pods, err := podsOf(ctx, a.kube, s.live)
	if err != nil {
		return err
	}
	for i := range pods {
		if n, ok := event.Ordinal(pods[i].Name); ok && n >= first && cluster.PodReady(&pods[i]) {
			return refuse(ReasonTargetMoved, "%s is ready, and would be taken away: %d of %d members were not ready when it was proposed to give those up",
				pods[i].Name, was.Desired-was.Ready, was.Desired)
		}
	}
	return nil
}

// lowest is the number of the first member.
func lowest(set *appsv1.StatefulSet) int32 {
	if set.Spec.Ordinals == nil {
		return 0
	}
	return set.Spec.Ordinals.Start
}
