package function

import (
	"fmt"

	"kubernaut.ai/shared/event"
)

// podRules are for alerts about pods and containers; rules_state.go has
// already looked for rollouts and OOM kills.
var podRules = []rule{
	{
		name: "crash loop without a rollout", alerts: crashAlerts, needs: []string{partPods, partRevisions},
		when: crashSeen, because: "A container crashes again and again, and no rollout explains it",
		ladder: []rung{restart, diagnose, notify}, confidence: 0.6,
	},
	{
		name: "pod is not ready", alerts: []string{"KubePodNotReady"}, needs: []string{partPods},
		when: podsSeen, because: "Pods are not ready, and neither a rollout nor memory explains it",
		ladder: []rung{diagnose, restart, notify}, confidence: 0.6,
	},
	{
		name: "container waits", alerts: []string{"KubeContainerWaiting"}, needs: []string{partPods},
		when: podsSeen, because: "A container waits for something that no former revision would bring",
		ladder: []rung{notify}, confidence: 0.6,
	},
	{
		name: "out of memory, but not seen", alerts: []string{"KubePodOOMKilled", "OOMKilled", "OOMKilling", "SystemOOM"}, needs: []string{partPods, partWorkload},
		when: podsSeen, because: "The alert says that a container was killed for its memory, but none of the current revision is seen that was",
		ladder: []rung{diagnose, notify}, confidence: 0.6,
	},
	{
		name: "CPU is throttled", alerts: []string{"CPUThrottlingHigh"}, kinds: replicated, needs: []string{partWorkload},
		when: throttled, because: "The container reaches its CPU limit and is throttled",
		ladder: []rung{raiseCPU(1), raiseCPU(2), notify}, confidence: 0.75,
	},
}

// faulty observes containers in trouble, or at least says that none is seen.
func faulty(is func(event.ContainerState) bool) func(facts) (observation, bool) {
	return func(f facts) (observation, bool) {
		faults := f.faults(is)
		if len(faults) == 0 {
			return podsSeen(f)
		}
		return observation{evidence: say(faults), container: faults[0].state.Name}, true
	}
}

func crashSeen(f facts) (observation, bool) { return faulty(f.crashing)(f) }

// podsSeen describes the pods that are not ready; it always matches.
func podsSeen(f facts) (observation, bool) {
	var seen observation
	if detail, waits := f.unschedulable(); waits {
		seen.evidence = append(seen.evidence, event.Evidence{Source: "events", Detail: "a pod finds no node: " + detail})
	}
	if n, names := f.unready(); n > 0 {
		seen.evidence = append(seen.evidence, event.Evidence{Source: partPods, Detail: fmt.Sprintf("%d pods are not ready: %s", n, names)})
	}
	for _, x := range f.faults(func(c event.ContainerState) bool { return c.Waiting != "" }) {
		seen.evidence = append(seen.evidence, x.evidence())
	}
	return seen, true
}

// throttled leaves out a pod of a former revision: its limit is not the template's.
func throttled(f facts) (observation, bool) {
	if f.namesOutdated() {
		return observation{}, false
	}
	c, ok := f.container(f.Signal.Container)
	if !ok && len(f.Context.Containers) == 1 {
		c, ok = f.Context.Containers[0], true
	}
	if !ok || c.Limits["cpu"] == "" {
		return observation{}, false
	}
	detail := fmt.Sprintf("container %s has a CPU limit of %s", c.Name, c.Limits["cpu"])
	if used := c.Usage["cpu"]; used != "" {
		detail += " and uses " + used
	}
	return observation{container: c.Name, evidence: []event.Evidence{{Source: sourceContainers, Detail: detail}}}, true
}
