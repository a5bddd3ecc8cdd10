package function

import (
	"slices"

	"kubernaut.ai/shared/event"
)

// sourceContainers is where limits are seen, as evidence calls it.
const sourceContainers = "containers"

// replicated are the kinds that have a pod template and a rollout history.
var replicated = []string{"Deployment", "StatefulSet", "DaemonSet"}

// stateRules match what is seen in the cluster, under whatever alert.
var stateRules = []rule{
	{
		name: "image cannot be pulled after a rollout", kinds: replicated, needs: []string{partPods, partRevisions},
		when: neverRan(imageMissing), because: "The image of the new revision cannot be pulled, and the revision before works",
		ladder: []rung{rollback, diagnose, notify}, confidence: 0.95,
	},
	{
		name: "configuration is missing after a rollout", kinds: replicated, needs: []string{partPods, partRevisions},
		when: neverRan(misconfigured), because: "The containers of the new revision cannot be created, and the revision before works",
		ladder: []rung{rollback, diagnose, notify}, confidence: 0.9,
	},
	{
		name: "out of memory", kinds: replicated, needs: []string{partPods, partWorkload},
		when: outOfMemory, because: "The kernel killed the container because it reached its memory limit",
		ladder: []rung{raiseMemory(1), raiseMemory(2), notify}, confidence: 0.9,
	},
	{
		name: "few pods crash after a rollout", kinds: replicated, needs: []string{partPods, partRevisions},
		when: fewCrashed, because: "A few pods of the new revision crash, and most of its pods are ready",
		ladder: []rung{restart, rollback, diagnose, notify}, confidence: 0.75,
	},
	{
		name: "crash loop after a rollout", kinds: replicated, needs: []string{partPods, partRevisions},
		when: crashedAfterRollout, because: "The pods of the new revision crash, and the revision before works",
		ladder: []rung{rollback, diagnose, notify}, confidence: 0.9,
	},
	{
		name: "autoscaler at its maximum", kinds: []string{"HorizontalPodAutoscaler"}, needs: []string{partAutoscaler},
		when: maxedOut, because: "The autoscaler wants more replicas than its maximum allows",
		ladder: []rung{raiseHPA, diagnose, notify}, confidence: 0.85,
	},
}

// neverRan observes a fault in pods of a revision of which none is ready, and that
// followed one that works. Where one is ready the template is sound, and what the
// others lack is their node's, or comes and goes.
func neverRan(is func(event.ContainerState) bool) func(facts) (observation, bool) {
	return func(f facts) (observation, bool) {
		seen, ok := f.laidToRollout(f.faults(is))
		return seen, ok && seen.rollout.current.Ready == 0
	}
}

// laidToRollout observes faults in pods of a revision that followed one that works.
func (f facts) laidToRollout(faults []fault) (observation, bool) {
	if len(faults) == 0 {
		return observation{}, false
	}
	r, ok := f.rolledOut(faults)
	if !ok {
		return observation{}, false
	}
	return observation{evidence: append([]event.Evidence{r.evidence()}, say(faults)...), container: faults[0].state.Name, rollout: r}, true
}

// crashedAfterRollout believes an alert that says so only of pods of the new
// revision. That a pod of the former one has restarted, as those do on which a bad
// rollout leaves all the work, is no crash loop; nor is it one of the new revision
// that the alert is about a pod of the former.
func crashedAfterRollout(f facts) (observation, bool) {
	about := f.namesOutdated()
	return f.laidToRollout(slices.DeleteFunc(f.faults(f.crashLoops), func(x fault) bool {
		return (about || f.outdated(x.pod)) && !f.crashing(x.state)
	}))
}

// fewCrashed observes crashes in the lesser part of a revision that serves: it may
// be a place or a piece of work that those pods have, so they are replaced before
// what most of them run well is taken back.
func fewCrashed(f facts) (observation, bool) {
	seen, ok := crashedAfterRollout(f)
	current := seen.rollout.current
	crashed, all := f.crashed(current)
	down := max(crashed, current.Replicas-current.Ready)
	return seen, ok && all && current.Ready > 0 && 2*down < current.Replicas
}

// crashed counts the pods of a revision that crash. They are listed before those
// that do not, so the list, which is bounded, has all of them if it has another.
func (f facts) crashed(r event.Revision) (n int32, all bool) {
	for _, p := range f.Context.Pods {
		switch {
		case !madeBy(p, r):
		case slices.ContainsFunc(p.Containers, f.crashLoops):
			n++
		default:
			all = true
		}
	}
	return n, all
}

// outOfMemory leaves out the pods of former revisions: the template that would be
// raised is not theirs, and may have been raised already.
func outOfMemory(f facts) (observation, bool) {
	faults := slices.DeleteFunc(f.faults(f.oomKilled), func(x fault) bool { return f.outdated(x.pod) })
	if len(faults) == 0 {
		return observation{}, false
	}
	seen := observation{evidence: say(faults), container: faults[0].state.Name}
	if c, ok := f.container(seen.container); ok {
		seen.evidence = append([]event.Evidence{{Source: sourceContainers,
			Detail: "container " + c.Name + " has a memory limit of " + orElse(c.Limits["memory"], "none")}}, seen.evidence...)
	}
	return seen, true
}

// maxedOut observes an autoscaler that is at its maximum and would go beyond.
func maxedOut(f facts) (observation, bool) {
	a := f.Context.Autoscaler
	if a == nil || a.Max < 1 || a.Current < a.Max || a.Desired < a.Max {
		return observation{}, false
	}
	for _, c := range a.Conditions {
		if c.Type == "ScalingLimited" && c.Status == "False" {
			return observation{}, false
		}
	}
	return observation{evidence: []event.Evidence{autoscalerSeen(a)}}, true
}

// say describes a few faults, the one that the alert names first.
func say(faults []fault) []event.Evidence {
	out := make([]event.Evidence, 0, maxSeen-1)
	for _, x := range faults[:min(len(faults), maxSeen-1)] {
		out = append(out, x.evidence())
	}
	return out
}
