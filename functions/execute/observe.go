package function

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/shared/cluster"
)

// observeEvery is the pause between two looks at the first effect.
const observeEvery = 100 * time.Millisecond

// defaultObserveWithin bounds the wait for the first effect.
const defaultObserveWithin = 3 * time.Second

// observe waits, within bounds, until the object's controller has seen the
// write, and says what it made of it. That is no verdict, which is for assess,
// and not seeing anything is no failure.
func (x *Executor) observe(ctx context.Context, after live) string {
	if text, seen := effect(after.typed); seen {
		return text
	}
	text := "The controller has not reacted yet."
	x.poll(ctx, func(ctx context.Context) bool {
		l, err := read(ctx, x.kube, after.target)
		if err != nil {
			return false
		}
		seenText, seen := effect(l.typed)
		if seen {
			text = seenText
		}
		return seen
	})
	return text
}

// effect tells whether the controller has seen the object's present spec.
func effect(o any) (string, bool) {
	switch t := o.(type) {
	case *appsv1.Deployment:
		return rolled(t.Status.ObservedGeneration, t.Generation, counts{t.Status.UpdatedReplicas, t.Status.ReadyReplicas, replicas(t.Spec.Replicas)})
	case *appsv1.StatefulSet:
		return rolled(t.Status.ObservedGeneration, t.Generation, counts{t.Status.UpdatedReplicas, t.Status.ReadyReplicas, replicas(t.Spec.Replicas)})
	case *appsv1.DaemonSet:
		return rolled(t.Status.ObservedGeneration, t.Generation, counts{t.Status.UpdatedNumberScheduled, t.Status.NumberReady, t.Status.DesiredNumberScheduled})
	case *autoscalingv2.HorizontalPodAutoscaler:
		return fmt.Sprintf("The bounds are %d to %d; %d replicas are wanted.",
			replicas(t.Spec.MinReplicas), t.Spec.MaxReplicas, t.Status.DesiredReplicas), true
	case *corev1.Node:
		if t.Spec.Unschedulable {
			return "The node takes no new pods.", true
		}
		return "The node takes new pods again.", true
	}
	return "", true
}

// whole tells that all of a workload's pods are of its present template and ready,
// or that a node is; false for what has no such state.
func whole(o any) bool {
	switch t := o.(type) {
	case *appsv1.Deployment:
		n, s := replicas(t.Spec.Replicas), t.Status
		return s.ObservedGeneration >= t.Generation && s.Replicas == n && s.UpdatedReplicas == n && s.ReadyReplicas == n
	case *appsv1.StatefulSet:
		s := t.Status
		return s.ObservedGeneration >= t.Generation && s.ReadyReplicas >= replicas(t.Spec.Replicas) &&
			(s.CurrentRevision == s.UpdateRevision || keepsFormerPods(t.Spec.UpdateStrategy))
	case *appsv1.DaemonSet:
		s := t.Status
		return s.ObservedGeneration >= t.Generation && s.NumberReady >= s.DesiredNumberScheduled &&
			(s.UpdatedNumberScheduled >= s.DesiredNumberScheduled || t.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType)
	case *corev1.Node:
		return cluster.NodeReady(t)
	}
	return false
}

// keepsFormerPods tells that pods of a former template stay until somebody says so.
func keepsFormerPods(s appsv1.StatefulSetUpdateStrategy) bool {
	return s.Type == appsv1.OnDeleteStatefulSetStrategyType ||
		s.RollingUpdate != nil && s.RollingUpdate.Partition != nil && *s.RollingUpdate.Partition > 0
}

type counts struct{ updated, ready, desired int32 }

func rolled(observed, generation int64, c counts) (string, bool) {
	if observed < generation {
		return "", false
	}
	return fmt.Sprintf("The controller has seen it: %d of %d replicas updated, %d ready.", c.updated, c.desired, c.ready), true
}

// observeGone waits, within bounds, until the evicted pods end or are gone.
func (x *Executor) observeGone(ctx context.Context, namespace string, evicted []Victim) string {
	stay := len(evicted)
	x.poll(ctx, func(ctx context.Context) bool {
		stay = 0
		for _, v := range evicted {
			// A read that fails shows no sign of an eviction either.
			if gone, err := x.left(ctx, namespace, v); err != nil || !gone {
				stay++
			}
		}
		return stay == 0
	})
	if stay > 0 {
		return fmt.Sprintf("%d of them have not begun to end.", stay)
	}
	return "All of them end or are gone."
}

// poll looks again and again until it has seen enough, or the bound is over.
func (x *Executor) poll(ctx context.Context, enough func(context.Context) bool) {
	ctx, cancel := context.WithTimeout(ctx, x.observeWithin)
	defer cancel()
	tick := time.NewTicker(observeEvery)
	defer tick.Stop()
	for !enough(ctx) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// replicas is a count that defaults to one.
func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// sentences joins what there is to say.
func sentences(parts ...string) string {
	said := make([]string, 0, len(parts))
	for _, p := range parts {
		if p != "" {
			said = append(said, p)
		}
	}
	return strings.Join(said, " ")
}
