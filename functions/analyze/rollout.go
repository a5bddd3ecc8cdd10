package function

import (
	"fmt"
	"slices"
	"strings"

	"kubernaut.ai/shared/event"
)

// rollout is a change of the pod template that may have caused a fault.
type rollout struct {
	current event.Revision
	// earlier is the newest former revision whose pods are or were healthy.
	earlier event.Revision
	// serving tells that pods of the earlier revision are ready even now.
	serving bool
}

func (r rollout) evidence() event.Evidence {
	detail := fmt.Sprintf("revision %d (%s) of %s", r.current.Number, images(r.current), stamp(r.current))
	if r.serving {
		detail += fmt.Sprintf(" has %d ready pods; %d pods of revision %d (%s) are ready", r.current.Ready, r.earlier.Ready, r.earlier.Number, images(r.earlier))
	} else {
		detail += fmt.Sprintf(" replaced revision %d (%s), which had run since %s", r.earlier.Number, images(r.earlier), stamp(r.earlier))
	}
	return event.Evidence{Source: partRevisions, Detail: detail}
}

// rolledOut finds the rollout that the faults may be laid to: the current
// revision is newer than one that works or worked, the faulty pods are its
// own, and the trouble began with it.
func (f facts) rolledOut(faults []fault) (rollout, bool) {
	current, ok := f.currentRevision()
	if !ok {
		return rollout{}, false
	}
	// A pod that does not tell its revision is nobody's: to take back a rollout for
	// what it did not do may bring back what did.
	if slices.ContainsFunc(faults, func(x fault) bool { return !madeBy(x.pod, current) }) {
		return rollout{}, false
	}
	earlier, ok := f.earlierRevision(current)
	if !ok {
		return rollout{}, false
	}
	r := rollout{current: current, earlier: earlier, serving: earlier.Ready > 0}
	began := f.Signal.StartsAt.Sub(current.CreatedAt)
	return r, r.serving || (began >= 0 && began <= rolloutWindow)
}

func (f facts) currentRevision() (event.Revision, bool) {
	for _, r := range f.Context.Revisions {
		if r.Current {
			return r, true
		}
	}
	return event.Revision{}, false
}

// earlierRevision is the newest revision before the current one that works or
// worked. A revision that is older than what it replaced is itself the fruit
// of a rollback: rolling back from it would go round in a circle.
func (f facts) earlierRevision(current event.Revision) (event.Revision, bool) {
	var best event.Revision
	for _, r := range f.Context.Revisions {
		// Creation times have whole seconds: two revisions may share one.
		before := r.Number < current.Number && !r.CreatedAt.After(current.CreatedAt)
		// Of two that share one, only what serves now is known to work: the
		// other may be what a rollback has just left.
		worked := r.Ready > 0 || (r.CreatedAt.Before(current.CreatedAt) && f.lasted(r))
		if before && worked && r.Number > best.Number {
			best = r
		}
	}
	return best, best.Number > 0
}

// lasted tells that the revision was current long enough to have worked.
func (f facts) lasted(r event.Revision) bool {
	for _, next := range f.Context.Revisions {
		if next.CreatedAt.After(r.CreatedAt) && next.CreatedAt.Sub(r.CreatedAt) < provenAfter {
			return false
		}
	}
	return true
}

// outdated holds for a pod that is known to be of another revision than the
// current one: it has another template than the workload.
func (f facts) outdated(p event.Pod) bool {
	current, ok := f.currentRevision()
	return ok && revisionOf(p) != "" && !madeBy(p, current)
}

// namesOutdated holds where the alert is about such a pod.
func (f facts) namesOutdated() bool {
	return slices.ContainsFunc(f.Context.Pods, func(p event.Pod) bool {
		return f.Signal.Resource.Kind == "Pod" && p.Name == f.Signal.Resource.Name && f.outdated(p)
	})
}

func madeBy(p event.Pod, r event.Revision) bool {
	return revisionOf(p) != "" && revisionOf(p) == r.Name
}

// ownedByReplicaSet begins the owner of a Deployment's pod, as enrich writes it.
const ownedByReplicaSet = "ReplicaSet/"

// revisionOf names the revision that made the pod: its ReplicaSet, or what the
// pods of other workloads say themselves. It is empty where the pod does not tell.
func revisionOf(p event.Pod) string {
	if name, ok := strings.CutPrefix(p.Owner, ownedByReplicaSet); ok {
		return name
	}
	return p.Revision
}

func images(r event.Revision) string {
	if len(r.Images) == 0 {
		return r.Name
	}
	return strings.Join(r.Images, ", ")
}

func stamp(r event.Revision) string { return r.CreatedAt.UTC().Format("2006-01-02 15:04:05") }
