package function

import (
	"context"
	"strconv"
	"strings"

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
	if err := a.givesUp(ctx, o, l, want); err != nil {
		return Plan{}, err
	}
	return s.plan(want)
}

// givesUp refuses to take away members that are ready where it was proposed
// because members were not: they have come back since, or are others than the
// highest, which scaling down takes.
func (a scaleStatefulSet) givesUp(ctx context.Context, o Order, l live, want int32) error {
	set, ok := l.typed.(*appsv1.StatefulSet)
	was := o.Context.Workload
	if !ok || was == nil || !describes(o.Context, l.target) || was.Ready >= was.Desired || want >= replicas(set.Spec.Replicas) {
		return nil
	}
	first := want
	if set.Spec.Ordinals != nil {
		first += set.Spec.Ordinals.Start
	}
	pods, err := podsOf(ctx, a.kube, l)
	if err != nil {
		return err
	}
	for i := range pods {
		if n, ok := ordinal(pods[i].Name); ok && n >= first && podReady(&pods[i]) {
			return refuse(ReasonTargetMoved, "%s is ready, and would be taken away: %d of %d members were not ready when it was proposed to give those up",
				pods[i].Name, was.Desired-was.Ready, was.Desired)
		}
	}
	return nil
}

// ordinal is the number of a StatefulSet's pod.
func ordinal(pod string) (int32, bool) {
	n, err := strconv.ParseInt(pod[strings.LastIndexByte(pod, '-')+1:], 10, 32)
	return int32(n), err == nil
}
