package function

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kubernaut.ai/shared/event"
)

// The parts of a context that rules need, by the names under which enrich
// says that they are unavailable.
const (
	partTarget     = "target"
	partPods       = "pods"
	partWorkload   = "workload"
	partRevisions  = "revisions"
	partAutoscaler = "autoscaler"
	partNode       = "node"
	// partUsage is absent wherever metrics-server is: that says nothing.
	partUsage = "usage"
)

// Time spans by which an observation is tied to the alert.
const (
	// rolloutWindow is how long after a rollout a fault is still laid to it.
	rolloutWindow = 2 * time.Hour
	// provenAfter is how long a former revision must have been current to
	// count as one that worked.
	provenAfter = 10 * time.Minute
	// freshEnd is how long before the alert the end of a container still explains it.
	freshEnd = time.Hour
)

// minRestarts of a container that is not ready make a crash loop even between
// two back-offs, when it does not wait.
const minRestarts = 3

// facts reads a case: predicates over what was observed.
type facts struct {
	Case
	caps caps
}

// fault is one container that is in trouble, and how.
type fault struct {
	pod   event.Pod
	state event.ContainerState
}

func (f fault) evidence() event.Evidence {
	detail := fmt.Sprintf("container %s of pod %s", f.state.Name, f.pod.Name)
	if f.state.Waiting != "" {
		detail += " waits: " + f.state.Waiting
	}
	detail += fmt.Sprintf(", %d restarts", f.state.Restarts)
	if last := f.state.Last; last != nil {
		detail += fmt.Sprintf(", ended last with exit code %d", last.ExitCode)
		if last.Reason != "" {
			detail += " (" + last.Reason + ")"
		}
	}
	return event.Evidence{Source: partPods, Detail: detail}
}

// faults are the containers for which the predicate holds; the container that
// the alert names comes first.
func (f facts) faults(is func(event.ContainerState) bool) []fault {
	var out []fault
	for _, p := range f.Context.Pods {
		for _, c := range p.Containers {
			if is(c) {
				out = append(out, fault{p, c})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b fault) int { return f.rank(a) - f.rank(b) })
	return out
}

func (f facts) rank(x fault) int {
	switch {
	case x.pod.Name == f.Signal.Resource.Name && x.state.Name == f.Signal.Container:
		return 0
	case x.state.Name == f.Signal.Container:
		return 1
	default:
		return 2
	}
}

var imageReasons = []string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"}

var configReasons = []string{"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"}

func imageMissing(c event.ContainerState) bool  { return slices.Contains(imageReasons, c.Waiting) }
func misconfigured(c event.ContainerState) bool { return slices.Contains(configReasons, c.Waiting) }

// crashing holds for a container in a crash loop. One that is not ready may run,
// and only fail its probe: then it must have ended of late.
func (f facts) crashing(c event.ContainerState) bool {
	return c.Waiting == "CrashLoopBackOff" || (c.Waiting == "" && !c.Ready && c.Restarts >= minRestarts && f.fresh(c.Last))
}

// crashLoops sees a crash loop also in the moment in which its container runs,
// and even says that it is ready, when the alert is about crashing.
func (f facts) crashLoops(c event.ContainerState) bool {
	told := f.saysCrash() && c.Restarts > 0 && f.fresh(c.Last) && c.Last.ExitCode != 0
	return f.crashing(c) || told
}

// alertCrashLooping is kubernetes-mixin's alert on crash loops.
const alertCrashLooping = "KubePodCrashLooping"

// crashAlerts say themselves that a container crashes.
var crashAlerts = []string{alertCrashLooping, "BackOff", "CrashLoopBackOff"}

func (f facts) saysCrash() bool { return slices.Contains(crashAlerts, f.Signal.Name) }

// oomKilled holds for a container that was killed for its memory at the time
// of the alert, or is still down after it. One that is not ready may be up again
// for weeks, and only fail its probe.
func (f facts) oomKilled(c event.ContainerState) bool {
	return c.Last != nil && c.Last.Reason == "OOMKilled" && (c.Waiting != "" || f.fresh(c.Last))
}

// fresh holds for an end that may explain the alert; one of unknown time may.
func (f facts) fresh(end *event.Termination) bool {
	return end != nil && (end.FinishedAt.IsZero() || end.FinishedAt.After(f.Signal.StartsAt.Add(-freshEnd)))
}

// unready counts the pods that should be ready and are not.
func (f facts) unready() (n int, names string) {
	return f.unreadyOf(func(event.Pod) bool { return true })
}

func (f facts) unreadyOf(counts func(event.Pod) bool) (n int, names string) {
	var list []string
	for _, p := range f.Context.Pods {
		if !p.Ready && p.Phase != "Succeeded" && counts(p) {
			list = append(list, p.Name)
		}
	}
	return len(list), strings.Join(list[:min(len(list), 3)], ", ")
}

// unschedulable tells that pods wait for a place, which restarting cannot give.
func (f facts) unschedulable() (string, bool) {
	for _, n := range f.Context.Events {
		if n.Reason == "FailedScheduling" {
			return n.Object + ": " + n.Message, f.anyPending()
		}
	}
	return "", false
}

func (f facts) anyPending() bool {
	return slices.ContainsFunc(f.Context.Pods, func(p event.Pod) bool { return p.Phase == "Pending" && p.Node == "" })
}

// container finds a container of the pod template.
func (f facts) container(name string) (event.Container, bool) {
	i := slices.IndexFunc(f.Context.Containers, func(c event.Container) bool { return c.Name == name })
	if i < 0 {
		return event.Container{}, false
	}
	return f.Context.Containers[i], true
}

// target is the signal's target, with its UID where enrich found it.
func (f facts) target() event.Target {
	if f.Context.Target.Same(f.Signal.Target) {
		return f.Context.Target
	}
	return f.Signal.Target
}

func (f facts) missing(parts ...string) []event.Unavailable {
	var out []event.Unavailable
	for _, u := range f.Context.Unavailable {
		if slices.Contains(parts, u.Part) {
			out = append(out, u)
		}
	}
	return out
}
