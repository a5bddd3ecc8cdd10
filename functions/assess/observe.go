package function

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/shared/event"
)

// clusterEyes looks at live objects through the API server.
type clusterEyes struct{ kube kubernetes.Interface }

// looks are the kinds that have a health of their own.
var looks = map[string]func(context.Context, kubernetes.Interface, glance) (observed, error){
	"Deployment":              lookAtDeployment,
	"StatefulSet":             lookAtStatefulSet,
	"DaemonSet":               lookAtDaemonSet,
	"ReplicaSet":              lookAtReplicaSet,
	"Pod":                     lookAtPod,
	"HorizontalPodAutoscaler": lookAtAutoscaler,
	"PodDisruptionBudget":     lookAtBudget,
	"Node":                    lookAtNode,
	"Job":                     lookAtJob,
	"PersistentVolumeClaim":   lookAtVolumeClaim,
}

// glance is what to look at, and from when on trouble counts.
type glance struct {
	target event.Target
	since  time.Time
}

// Observe is the target's health. A target that cannot be read, is gone, or
// has no health of its own is unknown, with the reason.
func (c clusterEyes) Observe(ctx context.Context, t event.Target, since time.Time) observed {
	look, ok := looks[t.Kind]
	if !ok {
		return unseen(t.Kind + " has no health of its own")
	}
	seen, err := look(ctx, c.kube, glance{t, since})
	switch {
	case apierrors.IsNotFound(err):
		return unseen(t.String() + " no longer exists")
	case err != nil:
		return unseen(t.String() + " cannot be read: " + err.Error())
	}
	return seen
}

func unseen(detail string) observed {
	return observed{health: Health{Finding: Finding{Detail: detail}}}
}

func seen(score float64, format string, args ...any) observed {
	return observed{health: Health{Finding: Finding{Known: true, Score: score, Detail: fmt.Sprintf(format, args...)}}}
}

// rollout is a workload's desired and observed state, whatever its kind.
type rollout struct {
	selector                       *metav1.LabelSelector
	desired, ready, updated        int32
	generation, observedGeneration int64
	// failed says why the controller has given up, if it has.
	failed string
}

func lookAtDeployment(ctx context.Context, kube kubernetes.Interface, g glance) (observed, error) {
	d, err := kube.AppsV1().Deployments(g.target.Namespace).Get(ctx, g.target.Name, metav1.GetOptions{})
	if err != nil {
		return observed{}, err
	}
	r := rollout{selector: d.Spec.Selector, desired: orOne(d.Spec.Replicas), ready: d.Status.ReadyReplicas,
		updated: d.Status.UpdatedReplicas, generation: d.Generation, observedGeneration: d.Status.ObservedGeneration}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse ||
			c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			r.failed = c.Reason
		}
	}
	return lookAtRollout(ctx, kube, g, r)
}

func lookAtStatefulSet(ctx context.Context, kube kubernetes.Interface, g glance) (observed, error) {
	s, err := kube.AppsV1().StatefulSets(g.target.Namespace).Get(ctx, g.target.Name, metav1.GetOptions{})
	if err != nil {
		return observed{}, err
	}
	r := rollout{selector: s.Spec.Selector, desired: orOne(s.Spec.Replicas), ready: s.Status.ReadyReplicas,
		updated: s.Status.UpdatedReplicas, generation: s.Generation, observedGeneration: s.Status.ObservedGeneration}
	if s.Status.UpdateRevision == s.Status.CurrentRevision || s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
		// Without an update under way the count of updated pods means nothing.
		r.updated = r.desired
	}
	return lookAtRollout(ctx, kube, g, r)
}

func lookAtDaemonSet(ctx context.Context, kube kubernetes.Interface, g glance) (observed, error) {
	d, err := kube.AppsV1().DaemonSets(g.target.Namespace).Get(ctx, g.target.Name, metav1.GetOptions{})
	if err != nil {
		return observed{}, err
	}
	r := rollout{selector: d.Spec.Selector, desired: d.Status.DesiredNumberScheduled, ready: d.Status.NumberReady,
		updated: d.Status.UpdatedNumberScheduled, generation: d.Generation, observedGeneration: d.Status.ObservedGeneration}
	if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		r.updated = r.desired
	}
	return lookAtRollout(ctx, kube, g, r)
}

func lookAtReplicaSet(ctx context.Context, kube kubernetes.Interface, g glance) (observed, error) {
	s, err := kube.AppsV1().ReplicaSets(g.target.Namespace).Get(ctx, g.target.Name, metav1.GetOptions{})
	if err != nil {
		return observed{}, err
	}
	desired := orOne(s.Spec.Replicas)
	return lookAtRollout(ctx, kube, g, rollout{selector: s.Spec.Selector, desired: desired, ready: s.Status.ReadyReplicas,
		updated: desired, generation: s.Generation, observedGeneration: s.Status.ObservedGeneration})
}

func orOne(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

func lookAtAutoscaler(ctx context.Context, kube kubernetes.Interface, g glance) (observed, error) {
	h, err := kube.AutoscalingV2().HorizontalPodAutoscalers(g.target.Namespace).Get(ctx, g.target.Name, metav1.GetOptions{})
	if err != nil {
		return observed{}, err
	}
	for _, c := range h.Status.Conditions {
		switch {
		case c.Type == autoscalingv2.ScalingLimited && c.Status == corev1.ConditionTrue && c.Reason == "TooManyReplicas":
			return seen(0, "wants more than its maximum of %d replicas", h.Spec.MaxReplicas), nil
		case c.Type != autoscalingv2.ScalingLimited && c.Status == corev1.ConditionFalse:
			return seen(0.3, "%s is false: %s", c.Type, c.Reason), nil
		}
	}
	if h.Status.DesiredReplicas >= h.Spec.MaxReplicas && len(h.Status.Conditions) == 0 {
		return seen(0.5, "at its maximum of %d replicas", h.Spec.MaxReplicas), nil
	}
	out := seen(1, "%d of %d wanted replicas, at most %d", h.Status.CurrentReplicas, h.Status.DesiredReplicas, h.Spec.MaxReplicas)
	out.health.Settling = h.Status.ObservedGeneration != nil && *h.Status.ObservedGeneration < h.Generation
	return out, nil
}

func lookAtBudget(ctx context.Context, kube kubernetes.Interface, g glance) (observed, error) {
	b, err := kube.PolicyV1().PodDisruptionBudgets(g.target.Namespace).Get(ctx, g.target.Name, metav1.GetOptions{})
	if err != nil {
		return observed{}, err
	}
	return ofBudget(b.Status), nil
}

func ofBudget(s policyv1.PodDisruptionBudgetStatus) observed {
	out := seen(ratio(s.CurrentHealthy, s.DesiredHealthy), "%d healthy pods of %d required", s.CurrentHealthy, s.DesiredHealthy)
	if s.CurrentHealthy < s.DesiredHealthy {
		out.health.Score = min(out.health.Score, unhealthyMost)
	}
	return out
}

func lookAtNode(ctx context.Context, kube kubernetes.Interface, g glance) (observed, error) {
	n, err := kube.CoreV1().Nodes().Get(ctx, g.target.Name, metav1.GetOptions{})
	if err != nil {
		return observed{}, err
	}
	for _, c := range n.Status.Conditions {
		switch {
		case c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue:
			return seen(0, "not ready: %s", c.Reason), nil
		case c.Type != corev1.NodeReady && c.Status == corev1.ConditionTrue:
			return seen(0.3, "%s: %s", c.Type, c.Reason), nil
		}
	}
	return seen(1, "ready"), nil
}

func lookAtJob(ctx context.Context, kube kubernetes.Interface, g glance) (observed, error) {
	j, err := kube.BatchV1().Jobs(g.target.Namespace).Get(ctx, g.target.Name, metav1.GetOptions{})
	if err != nil {
		return observed{}, err
	}
	for _, c := range j.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		switch c.Type {
		case batchv1.JobComplete:
			return seen(1, "complete"), nil
		case batchv1.JobFailed:
			return seen(0, "failed: %s", c.Reason), nil
		}
	}
	out := seen(0.5, "%d active, %d failed", j.Status.Active, j.Status.Failed)
	out.health.Settling = j.Status.Active > 0
	return out, nil
}

func lookAtVolumeClaim(ctx context.Context, kube kubernetes.Interface, g glance) (observed, error) {
	p, err := kube.CoreV1().PersistentVolumeClaims(g.target.Namespace).Get(ctx, g.target.Name, metav1.GetOptions{})
	if err != nil {
		return observed{}, err
	}
	if p.Status.Phase != corev1.ClaimBound {
		return seen(0, "%s", p.Status.Phase), nil
	}
	// That it is bound says nothing about how full it is.
	return unseen("bound; how full it is only metrics tell"), nil
}
