package function

import (
	"fmt"
	"slices"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// The rungs of which ladders are made. Each names absolute values wherever
// the context has the present ones: a factor that is applied twice raises
// twice, an absolute value does not.

func rollback(f facts, seen observation) (event.Rung, bool) {
	r := event.Rung{Action: action.RollbackDeployment, Target: f.target(),
		Parameters: map[string]any{"revision": seen.rollout.earlier.Number},
		Rationale:  fmt.Sprintf("Going back to revision %d (%s) restores what worked", seen.rollout.earlier.Number, images(seen.rollout.earlier))}
	return r, seen.rollout.earlier.Number > 0
}

// raiseMemory raises the limit once, or twice over for the rung after that.
func raiseMemory(times int) rung {
	return func(f facts, seen observation) (event.Rung, bool) {
		limit, next, ok := raisedLimit(f, seen, limitRaise{"memory", times, f.caps.raiseMemory})
		return event.Rung{Action: action.IncreaseResources, Target: f.target(),
			Parameters: map[string]any{"container": seen.container, "memory": next},
			Rationale:  fmt.Sprintf("Raising the memory of container %s from %s to %s gives it room", seen.container, limit, next)}, ok
	}
}

func raiseCPU(times int) rung {
	return func(f facts, seen observation) (event.Rung, bool) {
		limit, next, ok := raisedLimit(f, seen, limitRaise{"cpu", times, f.caps.raiseCPU})
		return event.Rung{Action: action.IncreaseResources, Target: f.target(),
			Parameters: map[string]any{"container": seen.container, "cpu": next},
			Rationale:  fmt.Sprintf("Raising the CPU of container %s from %s to %s stops the throttling", seen.container, limit, next)}, ok
	}
}

type limitRaise struct {
	resource string
	times    int
	raise    func(limit string, times int) (string, bool)
}

func raisedLimit(f facts, seen observation, l limitRaise) (limit, next string, ok bool) {
	c, ok := f.container(seen.container)
	if !ok {
		return "", "", false
	}
	limit = c.Limits[l.resource]
	next, ok = l.raise(limit, l.times)
	return limit, next, ok
}

func raiseHPA(f facts, _ observation) (event.Rung, bool) {
	a := f.Context.Autoscaler
	if a == nil {
		return event.Rung{}, false
	}
	target := event.Target{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Namespace: f.target().Namespace, Name: a.Name}
	if target.Same(f.target()) {
		target = f.target()
	}
	next, ok := f.caps.raiseAutoscaler(a.Max)
	return event.Rung{Action: action.UpdateHPA, Target: target, Parameters: map[string]any{"maxReplicas": next},
		Rationale: fmt.Sprintf("Raising the autoscaler's maximum from %d to %d lets it follow the load", a.Max, next)}, ok
}

// restart evicts the workload's unhealthy pods. A pod that nobody would
// replace is left alone, and so is a fault that waits for a place to run.
func restart(f facts, _ observation) (event.Rung, bool) {
	target := f.target()
	entry, _ := action.Lookup(action.RestartPod)
	if target.Kind == "Pod" || !entry.Accepts(target.Kind) {
		return event.Rung{}, false
	}
	if _, waits := f.unschedulable(); waits {
		return event.Rung{}, false
	}
	n, names := f.unready()
	if n == 0 && len(f.Context.Pods) > 0 {
		return event.Rung{}, false
	}
	what := "the unhealthy pods"
	if n > 0 {
		what = fmt.Sprintf("%d unhealthy pods (%s)", n, names)
	}
	return event.Rung{Action: action.RestartPod, Target: target, Parameters: map[string]any{},
		Rationale: "Evicting " + what + " lets the owner replace them, and changes no spec"}, true
}

// scaleToReady gives up the replicas of a StatefulSet that do not become
// ready. It is always held: only a person knows what those replicas store.
func scaleToReady(f facts, _ observation) (event.Rung, bool) {
	w := f.Context.Workload
	if w == nil || f.target().Kind != "StatefulSet" || w.Ready < 1 || w.Ready >= w.Desired || f.lowerMemberIll(w.Ready) {
		return event.Rung{}, false
	}
	return event.Rung{Action: action.ScaleStatefulSet, Target: f.target(), Parameters: map[string]any{"replicas": w.Ready},
		Rationale: fmt.Sprintf("%d of %d replicas are ready; scaling to %d gives up the rest, which a person must agree to", w.Ready, w.Desired, w.Ready)}, true
}

// lowerMemberIll tells that a member which scaling to so many replicas would keep
// is not ready: it would take away members that are.
func (f facts) lowerMemberIll(replicas int32) bool {
	return slices.ContainsFunc(f.Context.Pods, func(p event.Pod) bool {
		ordinal, ok := event.Ordinal(p.Name)
		return ok && !p.Ready && ordinal < replicas
	})
}

// scaleUp adds a replica to the Deployment behind a disruption budget, where the
// cap has room for one.
func scaleUp(f facts, _ observation) (event.Rung, bool) {
	w := f.Context.Workload
	if w == nil || w.Desired < 1 || w.Desired >= f.caps.replicas || f.Context.Autoscaler != nil {
		return event.Rung{}, false
	}
	for _, owner := range f.Context.Owners {
		if owner.Kind == "Deployment" {
			return event.Rung{Action: action.ScaleDeployment, Target: owner, Parameters: map[string]any{"replicas": w.Desired + 1},
				Rationale: fmt.Sprintf("One replica more, %d instead of %d, gives the budget a healthy pod to spare", w.Desired+1, w.Desired)}, true
		}
	}
	return event.Rung{}, false
}

// cordon keeps pods off a node, as long as there is another one for them.
func cordon(f facts, _ observation) (event.Rung, bool) {
	n := f.Context.Node
	if f.target().Kind != "Node" || n == nil || n.Unschedulable || n.OtherSchedulable < 1 {
		return event.Rung{}, false
	}
	return event.Rung{Action: action.CordonNode, Target: f.target(), Parameters: map[string]any{},
		Rationale: fmt.Sprintf("Keeping new pods off node %s protects them; %d other nodes can take them", n.Name, n.OtherSchedulable)}, true
}

func diagnose(f facts, _ observation) (event.Rung, bool) {
	return event.Rung{Action: action.CollectDiagnostics, Target: f.target(), Parameters: map[string]any{},
		Rationale: "Gathering events, logs and conditions changes nothing and tells a person where to look"}, true
}

func notify(f facts, _ observation) (event.Rung, bool) {
	return event.Rung{Action: action.NotifyOnly, Target: f.target(), Parameters: map[string]any{},
		Rationale: "A person should look at " + f.target().String()}, true
}
