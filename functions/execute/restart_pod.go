package function

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/cluster"
)

// restartPod evicts a pod, or a workload's unhealthy pods, for their owner to
// replace. The eviction API honours disruption budgets; a delete would not.
//
// A pod that is younger than the decision is never evicted: nobody decided
// about it. That is also what keeps a Redis that forgot the plan from making
// execute evict the replacements of what it evicted before.
type restartPod struct{ kube reading.Client }

// Plan lists the pods to evict by name and UID.
func (a restartPod) Plan(ctx context.Context, o Order) (Plan, error) {
	var p Plan
	var err error
	if o.Target.Kind == kindPod {
		p, err = a.one(ctx, o)
	} else {
		p, err = a.unhealthy(ctx, o)
	}
	if g, ok := number(o, "grace"); ok {
		seconds := int64(g)
		p.Grace = &seconds
	}
	p.UndoSummary = "Nothing to undo: the owner replaces what was evicted."
	return p, err
}

func (a restartPod) one(ctx context.Context, o Order) (Plan, error) {
	p := Plan{Target: o.Target}
	pod, err := a.kube.CoreV1().Pods(o.Target.Namespace).Get(ctx, o.Target.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		p.Note = "The pod is gone already."
		return p, nil
	}
	if err != nil {
		return Plan{}, apiFailure("read "+o.Target.String(), err)
	}
	if o.Target.UID != "" && string(pod.UID) != o.Target.UID || younger(pod, o.DecidedAt) {
		p.Note = "The pod was replaced since the decision."
		return p, nil
	}
	if pod.DeletionTimestamp != nil {
		p.Note = "The pod ends already."
		return p, nil
	}
	if err := replaceable(pod); err != nil {
		return Plan{}, err
	}
	p.Target.UID = string(pod.UID)
	p.Victims = []Victim{{Name: pod.Name, UID: string(pod.UID)}}
	return p, nil
}

// replaceable refuses pods that nobody would make again.
func replaceable(pod *corev1.Pod) error {
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil {
		return refuse(ReasonBarePod, "nothing would replace %s/%s: it has no owner", pod.Namespace, pod.Name)
	}
	if _, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]; mirror || owner.Kind == "Node" {
		return refuse(ReasonBarePod, "%s/%s is a static pod: only its node can restart it", pod.Namespace, pod.Name)
	}
	return nil
}

func (a restartPod) unhealthy(ctx context.Context, o Order) (Plan, error) {
	l, err := sight(ctx, a.kube, o)
	if err != nil {
		return Plan{}, err
	}
	pods, err := podsOf(ctx, a.kube, l)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Target: l.target}
	seen, since := o.seenAt(), 0
	for i := range pods {
		pod := &pods[i]
		if !ill(pod) || replaceable(pod) != nil {
			continue
		}
		if younger(pod, seen) {
			since++
			continue
		}
		if len(p.Victims) == MaxVictims {
			p.Note = fmt.Sprintf("More than %d pods are unhealthy: only the first are evicted.", MaxVictims)
			break
		}
		p.Victims = append(p.Victims, Victim{Name: pod.Name, UID: string(pod.UID)})
	}
	switch {
	case len(p.Victims) > 0:
	case since > 0:
		p.Note = fmt.Sprintf("%d unhealthy pods were made since the analysis, and are left alone.", since)
	default:
		p.Note = "No pod that a restart could help is unhealthy."
	}
	return p, nil
}

// seenAt is when the pods that the order is about were seen. A person may have
// decided long after: what was made meanwhile may be the fix, starting. A later
// rung is about what the one before it made.
func (o Order) seenAt() time.Time {
	if seen := o.Context.CollectedAt; o.Step == 1 && !seen.IsZero() && seen.Before(o.DecidedAt) {
		return seen
	}
	return o.DecidedAt
}

// ill tells that the pod is on a node, not ready, and not ending. A restart
// cannot help a pod that waits for a node.
func ill(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Spec.NodeName != "" && pod.Status.Phase != corev1.PodSucceeded && !cluster.PodReady(pod)
}

// younger tells that the pod was made after the decision. Creation times have
// whole seconds: within the decision's own second, a pod that never restarted
// is taken for a new one.
func younger(pod *corev1.Pod, decided time.Time) bool {
	made := pod.CreationTimestamp.Time
	if made.After(decided) {
		return true
	}
	if !made.Equal(decided.Truncate(time.Second)) {
		return false
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.RestartCount > 0 {
			return false
		}
	}
	return true
}
