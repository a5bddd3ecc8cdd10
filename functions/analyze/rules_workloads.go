package function

import (
	"fmt"

	"kubernaut.ai/shared/event"
)

// workloadRules are for alerts about controllers and what surrounds them.
var workloadRules = []rule{
	{
		name: "rollout does not progress", alerts: []string{"KubeDeploymentReplicasMismatch", "KubeDeploymentRolloutStuck"},
		kinds: []string{"Deployment"}, needs: []string{partPods, partRevisions, partWorkload},
		when: stuckRollout, because: "The pods of the new revision do not become ready, and the revision before works",
		ladder: []rung{rollback, diagnose, notify}, confidence: 0.8,
	},
	{
		name: "Deployment lacks replicas", alerts: []string{"KubeDeploymentReplicasMismatch", "KubeDeploymentRolloutStuck"},
		needs: []string{partPods, partWorkload}, when: workloadSeen, because: "The Deployment has fewer ready replicas than it wants, and no rollout explains it",
		ladder: []rung{diagnose, restart, notify}, confidence: 0.6,
	},
	{
		name:   "StatefulSet lacks replicas",
		alerts: []string{"KubeStatefulSetReplicasMismatch", "KubeStatefulSetUpdateNotRolledOut"},
		needs:  []string{partPods, partWorkload}, when: workloadSeen, because: "The StatefulSet has fewer ready replicas than it wants",
		ladder: []rung{restart, scaleToReady, diagnose, notify}, confidence: 0.65,
	},
	{
		name: "DaemonSet rollout is stuck", alerts: []string{"KubeDaemonSetRolloutStuck"},
		needs: []string{partPods, partWorkload}, when: workloadSeen, because: "The DaemonSet's rollout does not finish",
		ladder: []rung{restart, diagnose, notify}, confidence: 0.6,
	},
	{
		name: "DaemonSet pods are not where they belong", alerts: []string{"KubeDaemonSetNotScheduled", "KubeDaemonSetMisScheduled"},
		when: workloadSeen, because: "The DaemonSet's pods and the nodes they belong to do not match; which of the two is wrong, a person must say",
		ladder: []rung{notify}, confidence: 0.6,
	},
	{
		name: "autoscaler is not seen to want more", alerts: []string{"KubeHpaMaxedOut"}, needs: []string{partAutoscaler}, when: autoscaler,
		because: "The autoscaler is not seen to want more than its maximum",
		ladder:  []rung{diagnose, notify}, confidence: 0.6,
	},
	{
		name: "autoscaler does not reach what it wants", alerts: []string{"KubeHpaReplicasMismatch"}, when: autoscaler,
		because: "The autoscaler wants another number of replicas than there are",
		ladder:  []rung{diagnose, notify}, confidence: 0.6,
	},
	{
		name: "disruption budget lacks healthy pods", alerts: []string{"KubePdbNotEnoughHealthyPods"}, needs: []string{partWorkload, partAutoscaler},
		when: budgets, because: "The budget has fewer healthy pods than it demands",
		ladder: []rung{scaleUp, diagnose, notify}, confidence: 0.6,
	},
	{
		name: "job did not succeed", alerts: []string{"KubeJobFailed", "KubeJobNotCompleted", "BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy"}, when: podsSeen,
		because: "A job is not repeated blindly: it may have done half of its work",
		ladder:  []rung{diagnose, notify}, confidence: 0.7,
	},
	{
		name: "volume fills up", alerts: []string{"KubePersistentVolumeFillingUp"},
		because: "What may be deleted from a volume, and how large it may grow, a person must say",
		ladder:  []rung{diagnose, notify}, confidence: 0.6,
	},
	{
		name: "quota is almost full", alerts: []string{"KubeQuotaAlmostFull", "KubeQuotaFullyUsed", "KubeQuotaExceeded"},
		because: "A quota is what somebody decided that the namespace may use",
		ladder:  []rung{notify}, confidence: 0.8,
	},
}

// stuckRollout observes a rollout whose new pods are not ready while pods of
// the revision before still serve.
func stuckRollout(f facts) (observation, bool) {
	r, ok := f.rolledOut(nil)
	n, names := f.unreadyOf(func(p event.Pod) bool { return madeBy(p, r.current) })
	if n == 0 || !ok || !r.serving || r.current.Ready > 0 {
		return observation{}, false
	}
	if _, waits := f.unschedulable(); waits {
		return observation{}, false
	}
	return observation{rollout: r, evidence: []event.Evidence{r.evidence(),
		{Source: partPods, Detail: fmt.Sprintf("%d pods are not ready: %s", n, names)}}}, true
}

func workloadSeen(f facts) (observation, bool) {
	seen, _ := podsSeen(f)
	if w := f.Context.Workload; w != nil {
		seen.evidence = append([]event.Evidence{{Source: partWorkload, Detail: fmt.Sprintf("%d of %d replicas are ready, %d are up to date", w.Ready, w.Desired, w.Updated)}}, seen.evidence...)
	}
	return seen, true
}

func autoscaler(f facts) (observation, bool) {
	if f.Context.Autoscaler == nil {
		return observation{}, true
	}
	return observation{evidence: []event.Evidence{autoscalerSeen(f.Context.Autoscaler)}}, true
}

func autoscalerSeen(a *event.Autoscaler) event.Evidence {
	return event.Evidence{Source: partAutoscaler, Detail: fmt.Sprintf("%s has %d replicas and wants %d, within %d and %d", a.Name, a.Current, a.Desired, a.Min, a.Max)}
}

func budgets(f facts) (observation, bool) {
	var seen observation
	for _, b := range f.Context.Budgets {
		if b.Healthy < b.DesiredHealthy {
			seen.evidence = append(seen.evidence, event.Evidence{Source: "budgets",
				Detail: fmt.Sprintf("%s has %d healthy pods and demands %d", b.Name, b.Healthy, b.DesiredHealthy)})
		}
	}
	return seen, true
}
