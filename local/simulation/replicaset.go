package simulation

import (
	"fmt"
	"slices"
	"sort"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// reconcileReplicaSet creates and deletes pods until their number is right.
func (e *engine) reconcileReplicaSet(r ref) error {
	set, ok := get[*appsv1.ReplicaSet](e, r)
	if !ok || set.DeletionTimestamp != nil {
		return nil
	}
	owned, err := e.ownedPods(set.UID, set.Spec.Selector)
	if err != nil {
		return err
	}
	live := slices.DeleteFunc(slices.Clone(owned), func(p *corev1.Pod) bool { return !alive(p) })
	wanted := int(*set.Spec.Replicas)
	switch {
	case len(live) < wanted:
		for range wanted - len(live) {
			if err := e.createPod(r.resource, set, e.podFrom(r.resource, set, &set.Spec.Template), componentReplicaSet); err != nil {
				return err
			}
		}
	case len(live) > wanted:
		for _, pod := range leastUseful(live)[:len(live)-wanted] {
			if err := e.deletePod(r.resource, set, pod, componentReplicaSet); err != nil {
				return err
			}
		}
	}
	return e.setStatus(r, func(o runtime.Object) { e.fillReplicaSet(r, o.(*appsv1.ReplicaSet), live) })
}

// ownedPods returns a controller's pods, after letting go those that no longer match its selector (a quarantined pod).
func (e *engine) ownedPods(owner types.UID, by *metav1.LabelSelector) ([]*corev1.Pod, error) {
	selector, err := metav1.LabelSelectorAsSelector(by)
	if err != nil {
		return nil, fmt.Errorf("read selector: %w", err)
	}
	var out []*corev1.Pod
	for _, pod := range dependents[*corev1.Pod](e, pods, owner) {
		if selector.Matches(labels.Set(pod.Labels)) {
			out = append(out, pod)
			continue
		}
		if err := e.modify(ref{pods, namespacedName(pod)}, func(o runtime.Object) { disown(o, owner) }); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// leastUseful sorts pods as the real controller picks victims: unassigned, pending, not ready, then the youngest.
func leastUseful(live []*corev1.Pod) []*corev1.Pod {
	out := slices.Clone(live)
	rank := func(p *corev1.Pod) int {
		switch {
		case p.Spec.NodeName == "":
			return 0
		case p.Status.Phase == corev1.PodPending:
			return 1
		case !podReady(p):
			return 2
		}
		return 3
	}
	sort.SliceStable(out, func(a, b int) bool {
		if rank(out[a]) != rank(out[b]) {
			return rank(out[a]) < rank(out[b])
		}
		if !out[a].CreationTimestamp.Equal(&out[b].CreationTimestamp) {
			return out[b].CreationTimestamp.Before(&out[a].CreationTimestamp)
		}
		return out[a].Name > out[b].Name
	})
	return out
}

func (e *engine) createPod(r *resource, owner metav1.Object, pod *corev1.Pod, component string) error {
	if err := e.create(pods, pod); err != nil {
		return err
	}
	e.event(report{resource: r, object: owner, component: component, reason: "SuccessfulCreate", message: "Created pod: " + pod.Name})
	return nil
}

func (e *engine) deletePod(r *resource, owner metav1.Object, pod *corev1.Pod, component string) error {
	if err := e.remove(ref{pods, namespacedName(pod)}, pod.UID, nil); err != nil {
		return err
	}
	e.event(report{resource: r, object: owner, component: component, reason: "SuccessfulDelete", message: "Deleted pod: " + pod.Name})
	return nil
}

// available says whether a pod has been ready for its controller's minReadySeconds; if it soon will be, owner is named again.
func (e *engine) available(owner ref, pod *corev1.Pod, minReadySeconds int32) bool {
	condition := podCondition(pod, corev1.PodReady)
	if condition == nil || condition.Status != corev1.ConditionTrue {
		return false
	}
	due := condition.LastTransitionTime.Add(e.simulated(time.Duration(minReadySeconds) * time.Second))
	if e.now().Before(due) {
		e.at(due, owner)
		return false
	}
	return true
}

func (e *engine) fillReplicaSet(r ref, set *appsv1.ReplicaSet, live []*corev1.Pod) {
	status := appsv1.ReplicaSetStatus{ObservedGeneration: set.Generation, Replicas: int32(len(live)), Conditions: set.Status.Conditions}
	for _, pod := range live {
		if matchesAll(pod.Labels, set.Spec.Template.Labels) {
			status.FullyLabeledReplicas++
		}
		if podReady(pod) {
			status.ReadyReplicas++
		}
		if e.available(r, pod, set.Spec.MinReadySeconds) {
			status.AvailableReplicas++
		}
	}
	set.Status = status
}

func matchesAll(have, want map[string]string) bool {
	for name, value := range want {
		if have[name] != value {
			return false
		}
	}
	return true
}
