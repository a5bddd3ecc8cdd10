package simulation

import (
	"fmt"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ensemble is a StatefulSet with its pods and revisions, as of one reconcile.
type ensemble struct {
	ref     ref
	set     *appsv1.StatefulSet
	pods    map[int]*corev1.Pod
	update  *appsv1.ControllerRevision // of the template now
	current *appsv1.ControllerRevision // of the last finished rollout
	spec    revisioned
}

func (e *engine) reconcileStatefulSet(r ref) error {
	set, ok := get[*appsv1.StatefulSet](e, r)
	if !ok || set.DeletionTimestamp != nil {
		return nil
	}
	limit := defaultRevisionHistory
	if set.Spec.RevisionHistoryLimit != nil {
		limit = int(*set.Spec.RevisionHistoryLimit)
	}
	spec := revisioned{statefulSets, set, &set.Spec.Template, set.Spec.Selector.MatchLabels, limit}
	update, all, err := e.revisions(spec)
	if err != nil {
		return err
	}
	owned, err := e.ownedPods(set.UID, set.Spec.Selector)
	if err != nil {
		return err
	}
	state := &ensemble{ref: r, set: set, pods: map[int]*corev1.Pod{}, update: update, current: update, spec: spec}
	for _, revision := range all {
		if revision.Name == set.Status.CurrentRevision {
			state.current = revision
		}
	}
	used := map[string]bool{update.Labels[appsv1.ControllerRevisionHashLabelKey]: true}
	for _, pod := range owned {
		if ordinal, ok := ordinalOf(set.Name, pod.Name); ok {
			state.pods[ordinal] = pod
		}
		used[strings.TrimPrefix(pod.Labels[appsv1.ControllerRevisionHashLabelKey], set.Name+"-")] = true
	}
	if err := e.stepEnsemble(state); err != nil {
		return err
	}
	if err := e.pruneRevisions(spec, all, used); err != nil {
		return err
	}
	return e.writeEnsembleStatus(state)
}

func ordinalOf(set, pod string) (int, bool) {
	rest, ok := strings.CutPrefix(pod, set+"-")
	if !ok {
		return 0, false
	}
	ordinal, err := strconv.Atoi(rest)
	return ordinal, err == nil && ordinal >= 0
}

// stepEnsemble makes the next change. Ordered sets change one pod at a time and wait for it: as in a real cluster a pod that never
// becomes ready blocks the rest, and a rollback of a broken template goes on only once that pod has been deleted.
func (e *engine) stepEnsemble(s *ensemble) error {
	wanted := int(*s.set.Spec.Replicas)
	ordered := s.set.Spec.PodManagementPolicy == appsv1.OrderedReadyPodManagement
	for ordinal := range wanted {
		pod := s.pods[ordinal]
		if pod == nil || !alive(pod) {
			if pod != nil && pod.DeletionTimestamp == nil {
				return e.deletePod(statefulSets, s.set, pod, componentStatefulSet)
			}
			if pod == nil {
				if err := e.createOrdinal(s, ordinal); err != nil {
					return err
				}
			}
			if ordered {
				return nil
			}
			continue
		}
		if ordered && !e.available(s.ref, pod, s.set.Spec.MinReadySeconds) {
			return nil
		}
	}
	for ordinal := highest(s.pods); ordinal >= wanted; ordinal-- {
		pod := s.pods[ordinal]
		if pod == nil {
			continue
		}
		if pod.DeletionTimestamp == nil {
			if err := e.deletePod(statefulSets, s.set, pod, componentStatefulSet); err != nil {
				return err
			}
		}
		if ordered {
			return nil
		}
	}
	return e.updateEnsemble(s, wanted)
}

func highest(pods map[int]*corev1.Pod) int {
	top := -1
	for ordinal := range pods {
		top = max(top, ordinal)
	}
	return top
}

// updateEnsemble replaces pods of former revisions from the highest ordinal down to the partition, one at a time.
func (e *engine) updateEnsemble(s *ensemble, wanted int) error {
	if s.set.Spec.UpdateStrategy.Type != appsv1.RollingUpdateStatefulSetStrategyType {
		return nil
	}
	partition := 0
	if rolling := s.set.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
		partition = int(*rolling.Partition)
	}
	for ordinal := wanted - 1; ordinal >= partition; ordinal-- {
		pod := s.pods[ordinal]
		if pod == nil || pod.DeletionTimestamp != nil {
			return nil
		}
		if pod.Labels[appsv1.ControllerRevisionHashLabelKey] != s.update.Name {
			return e.deletePod(statefulSets, s.set, pod, componentStatefulSet)
		}
		if !e.available(s.ref, pod, s.set.Spec.MinReadySeconds) {
			return nil
		}
	}
	return nil
}

func (e *engine) createOrdinal(s *ensemble, ordinal int) error {
	revision := s.update
	if rolling := s.set.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil && ordinal < int(*rolling.Partition) {
		revision = s.current
	}
	template, err := templateAt(revision)
	if err != nil {
		return err
	}
	pod := e.podFrom(statefulSets, s.set, template)
	pod.GenerateName, pod.Name = "", fmt.Sprintf("%s-%d", s.set.Name, ordinal)
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels[appsv1.ControllerRevisionHashLabelKey] = revision.Name
	pod.Labels[appsv1.StatefulSetPodNameLabel] = pod.Name
	pod.Labels[appsv1.PodIndexLabel] = strconv.Itoa(ordinal)
	pod.Spec.Hostname, pod.Spec.Subdomain = pod.Name, s.set.Spec.ServiceName
	if err := e.createClaims(s.set, pod); err != nil {
		return err
	}
	return e.createPod(statefulSets, s.set, pod, componentStatefulSet)
}

// createClaims makes a pod's volume claims, which outlive it.
func (e *engine) createClaims(set *appsv1.StatefulSet, pod *corev1.Pod) error {
	for i := range set.Spec.VolumeClaimTemplates {
		template := set.Spec.VolumeClaimTemplates[i]
		claim := &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: template.Name + "-" + pod.Name, Namespace: set.Namespace, Labels: set.Spec.Selector.MatchLabels, Annotations: template.Annotations},
			Spec:       template.Spec,
		}
		if err := e.create(claims, claim); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: template.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name},
		}})
	}
	return nil
}

func (e *engine) writeEnsembleStatus(s *ensemble) error {
	status := appsv1.StatefulSetStatus{
		ObservedGeneration: s.set.Generation, CurrentRevision: s.current.Name, UpdateRevision: s.update.Name, Conditions: s.set.Status.Conditions,
	}
	zero := int32(0)
	status.CollisionCount = &zero
	for _, pod := range s.pods {
		status.Replicas++ // one that is ending still counts, as in a real cluster
		if !alive(pod) {
			continue
		}
		if podReady(pod) {
			status.ReadyReplicas++
		}
		if e.available(s.ref, pod, s.set.Spec.MinReadySeconds) {
			status.AvailableReplicas++
		}
		switch pod.Labels[appsv1.ControllerRevisionHashLabelKey] {
		case s.update.Name:
			status.UpdatedReplicas++
			if s.current.Name == s.update.Name {
				status.CurrentReplicas++
			}
		case s.current.Name:
			status.CurrentReplicas++
		}
	}
	if wanted := *s.set.Spec.Replicas; status.UpdatedReplicas == wanted && status.ReadyReplicas == wanted && status.Replicas == wanted {
		status.CurrentRevision, status.CurrentReplicas = status.UpdateRevision, status.UpdatedReplicas
	}
	return e.setStatus(s.ref, func(o runtime.Object) { o.(*appsv1.StatefulSet).Status = status })
}
