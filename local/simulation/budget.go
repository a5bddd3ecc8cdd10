package simulation

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// reconcileBudget computes how many pods of a PodDisruptionBudget may be disrupted now.
func (e *engine) reconcileBudget(r ref) error {
	budget, ok := get[*policyv1.PodDisruptionBudget](e, r)
	if !ok || budget.DeletionTimestamp != nil {
		return nil
	}
	var covered []*corev1.Pod
	for _, pod := range list[*corev1.Pod](e, pods, budget.Namespace) {
		if budgetCovers(budget, pod) && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			covered = append(covered, pod)
		}
	}
	expected, desired, err := e.expectedHealthy(budget, covered)
	if err != nil {
		return fmt.Errorf("read disruption budget %s: %w", budget.Name, err)
	}
	// The disrupted pods are read inside the write: an eviction may add one at any time.
	return e.setStatus(r, func(o runtime.Object) {
		e.fillBudget(r, o.(*policyv1.PodDisruptionBudget), covered, [2]int32{expected, desired})
	})
}

// expectedHealthy returns how many pods there should be and how many of them must be healthy.
func (e *engine) expectedHealthy(budget *policyv1.PodDisruptionBudget, covered []*corev1.Pod) (expected, desired int32, err error) {
	switch least, most := budget.Spec.MinAvailable, budget.Spec.MaxUnavailable; {
	case most != nil:
		expected = e.expectedPods(covered)
		value, err := intstr.GetScaledValueFromIntOrPercent(most, int(expected), true)
		return expected, max(0, expected-int32(value)), err
	case least != nil && least.Type == intstr.Int:
		return int32(len(covered)), least.IntVal, nil
	case least != nil:
		expected = e.expectedPods(covered)
		value, err := intstr.GetScaledValueFromIntOrPercent(least, int(expected), true)
		return expected, int32(value), err
	}
	return int32(len(covered)), 1, nil
}

// expectedPods sums the wanted sizes of the pods' controllers.
func (e *engine) expectedPods(covered []*corev1.Pod) int32 {
	seen := map[types.UID]bool{}
	var sum int32
	for _, pod := range covered {
		found := e.controllerOf(pod)
		if found == nil || seen[found.meta.GetUID()] {
			continue
		}
		seen[found.meta.GetUID()] = true
		if part := scalableOf(found.object); part.replicas != nil {
			sum += *part.replicas
		}
	}
	return sum
}

// controllerOf returns what scales a pod: its Deployment rather than its ReplicaSet.
func (e *engine) controllerOf(pod *corev1.Pod) *item {
	var object metav1.Object = pod
	var top *item
	for range 3 {
		controller := metav1.GetControllerOf(object)
		if controller == nil {
			break
		}
		r := ownerResource(*controller)
		if r == nil {
			break
		}
		found := e.store.get(r, ownerKey(r, *controller, pod.Namespace))
		if found == nil || found.meta.GetUID() != controller.UID {
			break
		}
		top, object = found, found.meta
	}
	return top
}

func (e *engine) fillBudget(r ref, budget *policyv1.PodDisruptionBudget, covered []*corev1.Pod, sizes [2]int32) {
	status := &budget.Status
	disrupted := map[string]metav1.Time{}
	var healthy int32
	for _, pod := range covered {
		if at, pending := status.DisruptedPods[pod.Name]; pending && pod.DeletionTimestamp == nil {
			if due := at.Add(e.simulated(disruptionExpiry)); e.now().Before(due) {
				disrupted[pod.Name] = at
				e.at(due, r)
				continue
			}
		}
		if pod.DeletionTimestamp == nil && podReady(pod) {
			healthy++
		}
	}
	status.DisruptedPods = disrupted
	if len(disrupted) == 0 {
		status.DisruptedPods = nil
	}
	status.ExpectedPods, status.DesiredHealthy, status.CurrentHealthy = sizes[0], sizes[1], healthy
	status.DisruptionsAllowed = max(0, healthy-sizes[1])
	if sizes[0] == 0 {
		status.DisruptionsAllowed = 0
	}
	status.ObservedGeneration = budget.Generation
	condition := metav1.Condition{
		Type: policyv1.DisruptionAllowedCondition, Status: metav1.ConditionTrue, Reason: policyv1.SufficientPodsReason,
		ObservedGeneration: budget.Generation, LastTransitionTime: metav1.NewTime(e.now().Truncate(time.Second)),
	}
	if status.DisruptionsAllowed == 0 {
		condition.Status, condition.Reason = metav1.ConditionFalse, policyv1.InsufficientPodsReason
	}
	meta.SetStatusCondition(&status.Conditions, condition)
}
