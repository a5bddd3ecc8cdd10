package function

import (
	"cmp"
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"

	"kubernaut.ai/functions/execute/reading"
)

// rollbackDeployment brings back a former revision's pod template, as kubectl
// rollout undo does, for Deployments by ReplicaSet and for StatefulSets and
// DaemonSets by ControllerRevision.
type rollbackDeployment struct{ kube reading.Client }

// Plan names the present and the former revision. The template itself is read
// again when it is written, and must still have the planned digest.
func (a rollbackDeployment) Plan(ctx context.Context, o Order) (Plan, error) {
	l, err := sight(ctx, a.kube, o)
	if err != nil {
		return Plan{}, err
	}
	if d, ok := l.typed.(*appsv1.Deployment); ok && d.Spec.Paused {
		return Plan{}, refuse(ReasonPaused, "the rollout of %s is paused", l.target)
	}
	h, err := historyOf(ctx, a.kube, l)
	if err != nil {
		return Plan{}, err
	}
	current, err := h.present(l)
	if err != nil {
		return Plan{}, err
	}
	former, err := a.former(o, h, current)
	p := Plan{Target: l.target}
	if err == nil && former.Digest == h.digest {
		p.Note = fmt.Sprintf("%s runs %s already.", l.target, former.Revision)
		return p, nil
	}
	if err := cmp.Or(o.rolledOutSince(l, current), err); err != nil {
		return Plan{}, err
	}
	before := current.Revision
	before.Digest = h.digest
	p.Template = &Template{Before: before, After: former.Revision,
		read: &templateRead{former.template, l.meta.GetResourceVersion()}}
	p.UndoSummary = fmt.Sprintf("Rolls forward to %s.", current.Revision)
	p.Note = fmt.Sprintf("Back from %s to %s.", current.Revision, former.Revision)
	return p, nil
}

// former is the revision that was asked for, or the latest one before the
// present one that differs from it.
func (rollbackDeployment) former(o Order, h history, current recorded) (recorded, error) {
	if n, ok := number(o, "revision"); ok {
		// A revision that was brought back has another number since: its name tells.
		named := o.named(int64(n))
		for _, r := range h.revisions {
			if r.Name == named || named == "" && r.Number == int64(n) {
				return r, nil
			}
		}
		return recorded{}, refuse(ReasonNoRevision, "there is no revision %d", int64(n))
	}
	for _, r := range h.revisions {
		if r.Number < current.Number && r.Digest != h.digest {
			return r, nil
		}
	}
	return recorded{}, refuse(ReasonNoRevision, "nothing came before %s", current.Revision)
}
