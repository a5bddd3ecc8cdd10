package function

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"

	"kubernaut.ai/functions/execute/reading"
)

// scaleDeployment sets the replicas of a Deployment.
type scaleDeployment struct {
	kube reading.Client
	caps Caps
}

// Plan refuses what an HPA owns, what is over the cap, and zero without a person.
func (a scaleDeployment) Plan(ctx context.Context, o Order) (Plan, error) {
	d, l, err := sightAs[*appsv1.Deployment](ctx, a.kube, o)
	if err != nil {
		return Plan{}, err
	}
	if err := autoscaled(ctx, a.kube, l.target); err != nil {
		return Plan{}, err
	}
	s := scaling{order: o, live: l, current: replicas(d.Spec.Replicas), caps: a.caps}
	want, err := s.wanted()
	if err != nil {
		return Plan{}, err
	}
	return s.plan(want)
}
