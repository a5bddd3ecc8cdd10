package simulation

import (
	"fmt"
	"maps"
	"sort"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Annotations that the Deployment controller keeps on ReplicaSets and Deployments.
const (
	revisionAnnotation        = "deployment.kubernetes.io/revision"
	revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history"
	desiredAnnotation         = "deployment.kubernetes.io/desired-replicas"
	maxReplicasAnnotation     = "deployment.kubernetes.io/max-replicas"
)

// notCopied are the Deployment's annotations that its ReplicaSets do not take over.
var notCopied = map[string]bool{
	corev1.LastAppliedConfigAnnotation: true, revisionAnnotation: true, revisionHistoryAnnotation: true,
	desiredAnnotation: true, maxReplicasAnnotation: true, appsv1.DeprecatedRollbackTo: true,
}

// rollout is a Deployment with its ReplicaSets, as of one reconcile.
type rollout struct {
	ref        ref
	deployment *appsv1.Deployment
	current    *appsv1.ReplicaSet   // whose template is the Deployment's; nil before it exists
	old        []*appsv1.ReplicaSet // oldest first
}

func (e *engine) reconcileDeployment(r ref) error {
	deployment, ok := get[*appsv1.Deployment](e, r)
	if !ok || deployment.DeletionTimestamp != nil {
		return nil
	}
	state := e.rolloutOf(r, deployment)
	if state.current == nil && !deployment.Spec.Paused {
		// The rest follows when the new ReplicaSet is seen.
		return e.createReplicaSet(state)
	}
	if state.current != nil {
		if err := e.bumpRevision(state); err != nil {
			return err
		}
	}
	if err := e.roll(state); err != nil {
		return err
	}
	if err := e.pruneReplicaSets(state); err != nil {
		return err
	}
	return e.writeRolloutStatus(state)
}

func (e *engine) rolloutOf(r ref, deployment *appsv1.Deployment) *rollout {
	state := &rollout{ref: r, deployment: deployment}
	sets := dependents[*appsv1.ReplicaSet](e, replicaSets, deployment.UID)
	sort.SliceStable(sets, func(a, b int) bool { return revisionOf(sets[a]) < revisionOf(sets[b]) })
	for _, set := range sets {
		if state.current == nil && sameTemplate(&set.Spec.Template, &deployment.Spec.Template) {
			state.current = set
			continue
		}
		state.old = append(state.old, set)
	}
	return state
}

// sameTemplate compares what runs: the hash label is the controller's own.
func sameTemplate(a, b *corev1.PodTemplateSpec) bool {
	left, right := a.DeepCopy(), b.DeepCopy()
	delete(left.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	delete(right.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return equality.Semantic.DeepEqual(left, right)
}

func revisionOf(object metav1.Object) int64 {
	revision, err := strconv.ParseInt(object.GetAnnotations()[revisionAnnotation], 10, 64)
	if err != nil {
		return 0
	}
	return revision
}

// nextRevision is one more than any old ReplicaSet's.
func (s *rollout) nextRevision() int64 {
	var highest int64
	for _, set := range s.old {
		highest = max(highest, revisionOf(set))
	}
	return highest + 1
}

func (s *rollout) wanted() int32 { return *s.deployment.Spec.Replicas }

func (s *rollout) annotations(existing map[string]string) map[string]string {
	out := maps.Clone(existing)
	if out == nil {
		out = map[string]string{}
	}
	for name, value := range s.deployment.Annotations {
		if !notCopied[name] {
			out[name] = value
		}
	}
	surge, _ := s.bounds()
	out[desiredAnnotation] = strconv.Itoa(int(s.wanted()))
	out[maxReplicasAnnotation] = strconv.Itoa(int(s.wanted() + surge))
	return out
}

func (e *engine) createReplicaSet(s *rollout) error {
	d := s.deployment
	template := d.Spec.Template.DeepCopy()
	hash := templateHash(template)
	if template.Labels == nil {
		template.Labels = map[string]string{}
	}
	template.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	selector := d.Spec.Selector.DeepCopy()
	if selector.MatchLabels == nil {
		selector.MatchLabels = map[string]string{}
	}
	selector.MatchLabels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	count := s.newReplicas(0)
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Name: d.Name + "-" + hash, Namespace: d.Namespace, Labels: maps.Clone(template.Labels), Annotations: s.annotations(nil),
			OwnerReferences: []metav1.OwnerReference{ownerReference(deployments, d)},
		},
		Spec: appsv1.ReplicaSetSpec{Replicas: &count, MinReadySeconds: d.Spec.MinReadySeconds, Selector: selector, Template: *template},
	}
	set.Annotations[revisionAnnotation] = strconv.FormatInt(s.nextRevision(), 10)
	if err := e.create(replicaSets, set); err != nil {
		return err
	}
	if count > 0 {
		e.scalingEvent(s, set.Name, 0, count)
	}
	return nil
}

// bumpRevision gives a ReplicaSet that is used again the next revision, and the Deployment the same.
func (e *engine) bumpRevision(s *rollout) error {
	set := s.current
	revision := revisionOf(set)
	if next := s.nextRevision(); revision < next {
		history := set.Annotations[revisionHistoryAnnotation]
		if revision > 0 {
			history = strings.TrimPrefix(history+","+strconv.FormatInt(revision, 10), ",")
		}
		revision = next
		err := e.modify(ref{replicaSets, namespacedName(set)}, func(o runtime.Object) {
			again := o.(*appsv1.ReplicaSet)
			again.Annotations = s.annotations(again.Annotations)
			again.Annotations[revisionAnnotation] = strconv.FormatInt(next, 10)
			if history != "" {
				again.Annotations[revisionHistoryAnnotation] = history
			}
		})
		if err != nil {
			return err
		}
	}
	if revisionOf(s.deployment) == revision {
		return nil
	}
	return e.modify(s.ref, func(o runtime.Object) {
		d := o.(*appsv1.Deployment)
		if d.Annotations == nil {
			d.Annotations = map[string]string{}
		}
		d.Annotations[revisionAnnotation] = strconv.FormatInt(revision, 10)
	})
}

func (e *engine) scaleReplicaSet(s *rollout, set *appsv1.ReplicaSet, to int32) error {
	from := *set.Spec.Replicas
	if from == to {
		return nil
	}
	err := e.modify(ref{replicaSets, namespacedName(set)}, func(o runtime.Object) {
		scaled := o.(*appsv1.ReplicaSet)
		scaled.Spec.Replicas = &to
		scaled.Annotations = s.annotations(scaled.Annotations)
	})
	if err != nil {
		return err
	}
	e.scalingEvent(s, set.Name, from, to)
	return nil
}

func (e *engine) scalingEvent(s *rollout, name string, from, to int32) {
	direction := "up"
	if to < from {
		direction = "down"
	}
	e.event(report{
		resource: deployments, object: s.deployment, component: componentDeployment, reason: "ScalingReplicaSet",
		message: fmt.Sprintf("Scaled %s replica set %s from %d to %d", direction, name, from, to),
	})
}

// pruneReplicaSets removes the oldest empty ReplicaSets beyond the history limit, once the rollout is done.
func (e *engine) pruneReplicaSets(s *rollout) error {
	limit := s.deployment.Spec.RevisionHistoryLimit
	if limit == nil || s.current == nil || s.current.Status.AvailableReplicas < s.wanted() {
		return nil
	}
	excess := len(s.old) - int(*limit)
	for _, set := range s.old {
		if excess <= 0 {
			return nil
		}
		if *set.Spec.Replicas != 0 || set.Status.Replicas != 0 || set.DeletionTimestamp != nil {
			continue
		}
		if err := e.remove(ref{replicaSets, namespacedName(set)}, set.UID, nil); err != nil {
			return err
		}
		excess--
	}
	return nil
}
