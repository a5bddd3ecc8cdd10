package simulation

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// bounds returns how many pods more and fewer than wanted a rollout may have.
func (s *rollout) bounds() (surge, unavailable int32) {
	rolling := s.deployment.Spec.Strategy.RollingUpdate
	if s.deployment.Spec.Strategy.Type != appsv1.RollingUpdateDeploymentStrategyType || rolling == nil {
		return 0, s.wanted()
	}
	more, err := intstr.GetScaledValueFromIntOrPercent(rolling.MaxSurge, int(s.wanted()), true)
	if err != nil {
		more = 1
	}
	fewer, err := intstr.GetScaledValueFromIntOrPercent(rolling.MaxUnavailable, int(s.wanted()), false)
	if err != nil {
		fewer = 0
	}
	if more == 0 && fewer == 0 {
		fewer = 1
	}
	return int32(more), min(int32(fewer), s.wanted())
}

func (s *rollout) all() []*appsv1.ReplicaSet {
	if s.current == nil {
		return s.old
	}
	return append(slices.Clone(s.old), s.current)
}

func (s *rollout) oldReplicas() (wanted, present int32) {
	for _, set := range s.old {
		wanted += *set.Spec.Replicas
		present += set.Status.Replicas
	}
	return wanted, present
}

// newReplicas returns the size that the current ReplicaSet may have now.
func (s *rollout) newReplicas(now int32) int32 {
	wanted := s.wanted()
	if now >= wanted {
		return wanted
	}
	oldWanted, oldPresent := s.oldReplicas()
	if s.deployment.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		if oldWanted+oldPresent > 0 {
			return now
		}
		return wanted
	}
	surge, _ := s.bounds()
	room := wanted + surge - oldWanted - now
	return now + max(0, min(room, wanted-now))
}

// roll takes the rollout one step on: the new ReplicaSet up as far as the surge allows, old ones down as far as availability does.
func (e *engine) roll(s *rollout) error {
	if s.deployment.Spec.Paused {
		return e.scalePaused(s)
	}
	now := *s.current.Spec.Replicas
	if next := s.newReplicas(now); next != now {
		// Its effect is seen before old pods go.
		return e.scaleReplicaSet(s, s.current, next)
	}
	for _, set := range s.all() {
		if set.Status.ObservedGeneration < set.Generation {
			return nil // its status is about to change, and this Deployment will be looked at again
		}
	}
	return e.shrinkOld(s)
}

// scalePaused follows a change of replicas while the rollout is paused: the newest ReplicaSet with pods takes it.
func (e *engine) scalePaused(s *rollout) error {
	all := s.all()
	for i := len(all) - 1; i >= 0; i-- {
		if *all[i].Spec.Replicas == 0 && i > 0 {
			continue
		}
		var others int32
		for n, set := range all {
			if n != i {
				others += *set.Spec.Replicas
			}
		}
		return e.scaleReplicaSet(s, all[i], max(0, s.wanted()-others))
	}
	return nil
}

func (e *engine) shrinkOld(s *rollout) error {
	oldWanted, _ := s.oldReplicas()
	if oldWanted == 0 {
		return nil
	}
	if s.deployment.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		for _, set := range s.old {
			if err := e.scaleReplicaSet(s, set, 0); err != nil {
				return err
			}
		}
		return nil
	}
	_, unavailable := s.bounds()
	least := s.wanted() - unavailable
	newUnavailable := *s.current.Spec.Replicas - s.current.Status.AvailableReplicas
	budget := oldWanted + *s.current.Spec.Replicas - least - newUnavailable
	if budget <= 0 {
		return nil
	}
	targets := map[*appsv1.ReplicaSet]int32{}
	spent := dropUnhealthy(s.old, targets, budget)
	dropHealthy(s, targets, min(budget-spent, s.availableReplicas()-least))
	for _, set := range s.old {
		if to, changed := targets[set]; changed {
			if err := e.scaleReplicaSet(s, set, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropUnhealthy plans to remove old pods that serve nobody, first.
func dropUnhealthy(old []*appsv1.ReplicaSet, targets map[*appsv1.ReplicaSet]int32, budget int32) int32 {
	var spent int32
	for _, set := range old {
		unhealthy := *set.Spec.Replicas - set.Status.AvailableReplicas
		if cut := min(unhealthy, budget-spent); cut > 0 {
			targets[set] = *set.Spec.Replicas - cut
			spent += cut
		}
	}
	return spent
}

// dropHealthy plans to remove serving old pods, as many as availability can spare.
func dropHealthy(s *rollout, targets map[*appsv1.ReplicaSet]int32, spare int32) {
	for _, set := range s.old {
		size, planned := targets[set]
		if !planned {
			size = *set.Spec.Replicas
		}
		if cut := min(size, spare); cut > 0 {
			targets[set] = size - cut
			spare -= cut
		}
	}
}

func (s *rollout) availableReplicas() int32 {
	var sum int32
	for _, set := range s.all() {
		sum += set.Status.AvailableReplicas
	}
	return sum
}

func (e *engine) writeRolloutStatus(s *rollout) error {
	status := appsv1.DeploymentStatus{ObservedGeneration: s.deployment.Generation}
	for _, set := range s.all() {
		status.Replicas += set.Status.Replicas
		status.ReadyReplicas += set.Status.ReadyReplicas
		status.AvailableReplicas += set.Status.AvailableReplicas
	}
	if s.current != nil {
		status.UpdatedReplicas = s.current.Status.Replicas
	}
	status.UnavailableReplicas = max(0, max(s.wanted(), status.Replicas)-status.AvailableReplicas)
	status.Conditions = slices.Clone(s.deployment.Status.Conditions)
	e.setAvailable(s, &status)
	e.setProgressing(s, &status)
	return e.setStatus(s.ref, func(o runtime.Object) {
		d := o.(*appsv1.Deployment)
		status.CollisionCount = d.Status.CollisionCount
		d.Status = status
	})
}

func (e *engine) setAvailable(s *rollout, status *appsv1.DeploymentStatus) {
	_, unavailable := s.bounds()
	next := appsv1.DeploymentCondition{
		Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable", Message: "Deployment has minimum availability.",
	}
	if status.AvailableReplicas < s.wanted()-unavailable {
		next.Status, next.Reason, next.Message = corev1.ConditionFalse, "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
	}
	e.setDeploymentCondition(status, next, false)
}

// setProgressing judges the rollout: complete, under way, or past its deadline without progress.
func (e *engine) setProgressing(s *rollout, status *appsv1.DeploymentStatus) {
	if s.current == nil || s.deployment.Spec.Paused {
		return
	}
	old := deploymentCondition(status.Conditions, appsv1.DeploymentProgressing)
	complete := status.UpdatedReplicas == s.wanted() && status.Replicas == s.wanted() && status.AvailableReplicas == s.wanted()
	before := s.deployment.Status
	newGeneration := before.ObservedGeneration < s.deployment.Generation
	progressed := status.UpdatedReplicas > before.UpdatedReplicas || status.ReadyReplicas > before.ReadyReplicas ||
		status.AvailableReplicas > before.AvailableReplicas || status.Replicas-status.UpdatedReplicas < before.Replicas-before.UpdatedReplicas
	next := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue}
	switch {
	case complete:
		next.Reason, next.Message = "NewReplicaSetAvailable", fmt.Sprintf("ReplicaSet %q has successfully progressed.", s.current.Name)
		e.setDeploymentCondition(status, next, false)
	case old != nil && old.Reason == "NewReplicaSetAvailable" && !newGeneration:
		// A finished rollout does not begin again because a pod fell ill.
	case old == nil || progressed || newGeneration:
		next.Reason, next.Message = "ReplicaSetUpdated", fmt.Sprintf("ReplicaSet %q is progressing.", s.current.Name)
		e.setDeploymentCondition(status, next, true)
		e.watchDeadline(s, e.now())
	case old.Reason != "ProgressDeadlineExceeded" && e.watchDeadline(s, old.LastUpdateTime.Time):
		next.Status, next.Reason = corev1.ConditionFalse, "ProgressDeadlineExceeded"
		next.Message = fmt.Sprintf("ReplicaSet %q has timed out progressing.", s.current.Name)
		e.setDeploymentCondition(status, next, true)
	}
}

// watchDeadline says whether the progress deadline, counted from the last progress, has passed; if not, it will look again then.
func (e *engine) watchDeadline(s *rollout, since time.Time) bool {
	if s.deployment.Spec.ProgressDeadlineSeconds == nil {
		return false
	}
	due := since.Add(e.simulated(time.Duration(*s.deployment.Spec.ProgressDeadlineSeconds) * time.Second))
	if e.now().Before(due) {
		e.at(due, s.ref)
		return false
	}
	return true
}

func deploymentCondition(conditions []appsv1.DeploymentCondition, kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range conditions {
		if conditions[i].Type == kind {
			return &conditions[i]
		}
	}
	return nil
}

// setDeploymentCondition replaces a condition; progress is noted in its update time even if nothing else changes.
func (e *engine) setDeploymentCondition(status *appsv1.DeploymentStatus, next appsv1.DeploymentCondition, progress bool) {
	now := metav1.NewTime(e.now())
	next.LastUpdateTime, next.LastTransitionTime = now, now
	old := deploymentCondition(status.Conditions, next.Type)
	if old == nil {
		status.Conditions = append(status.Conditions, next)
		return
	}
	if old.Status == next.Status {
		next.LastTransitionTime = old.LastTransitionTime
		if old.Reason == next.Reason && !progress {
			next.LastUpdateTime = old.LastUpdateTime
		}
	}
	*old = next
}
