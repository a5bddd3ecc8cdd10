package function

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// inScope insists that the target may be touched. Telling a person needs no
// permission from the object that it is about.
func (x *planner) inScope(ctx context.Context, o Order) (event.Disturbed, error) {
	if o.Action.Name == action.NotifyOnly {
		return event.Disturbed{Target: o.Target}, nil
	}
	return x.managed(ctx, o.Target)
}

// managed insists that the object, or its top owner, opted in, and that
// neither opted out. It tells whose label decided, refused or not.
func (x *planner) managed(ctx context.Context, t event.Target) (event.Disturbed, error) {
	d := event.Disturbed{Target: t}
	own, err := x.scope.Scope(ctx, t)
	if err != nil {
		return d, unreadable(t, err)
	}
	d.Managed, d.Reason = own.Managed, own.Reason
	if own.Reason == cluster.ScopeResourceOut {
		return d, refuse(ReasonNotManaged, "%s: %s", t, d.Reason)
	}
	chain, err := x.scope.Owners(ctx, t)
	if err != nil {
		return d, unreadable(t, err)
	}
	if owner := chain[len(chain)-1]; !owner.Same(t) {
		top, err := x.scope.Scope(ctx, owner)
		if err != nil {
			return d, unreadable(owner, err)
		}
		if !own.Managed || top.Reason == cluster.ScopeResourceOut {
			d.Managed, d.Reason, d.By = top.Managed, top.Reason, &owner
		}
	}
	if !d.Managed {
		return d, refuse(ReasonNotManaged, "%s: %s", t, d.Reason)
	}
	return d, nil
}

// unreadable is "no" in every case; the reason decides whether asking again
// can help.
func unreadable(t event.Target, err error) error {
	switch {
	case errors.Is(err, cluster.ErrGone):
		return refuseFor(ReasonTargetGone, t.String(), err)
	case errors.Is(err, cluster.ErrUnknownKind), apierrors.IsForbidden(err):
		return refuseFor(ReasonScopeUnread, t.String(), err)
	}
	return passing(ReasonClusterDown, fmt.Errorf("scope of %s: %w", t, err))
}

// disturbed insists that everything else which is disturbed is managed, too, and
// lists it, what forbids the order included. Pods that are gone are disturbed
// no more.
func (x *planner) disturbed(ctx context.Context, o Order, p Plan, victims []Victim) ([]event.Disturbed, error) {
	var others []event.Target
	for _, v := range victims {
		pod := event.Target{APIVersion: "v1", Kind: kindPod, Namespace: p.Target.Namespace, Name: v.Name}
		if !pod.Same(o.Target) {
			others = append(others, pod)
		}
	}
	if d, ok := x.performers[o.Action.Name].(Disturber); ok {
		more, err := d.Disturbs(ctx, o, p)
		if err != nil {
			return nil, err
		}
		others = append(others, more...)
	}
	var all []event.Disturbed
	var forbidden error
	for _, t := range others {
		d, err := x.managed(ctx, t)
		switch {
		case refused(err, ReasonTargetGone):
			continue
		case refused(err, ReasonNotManaged):
			forbidden = cmp.Or(forbidden, err)
		case err != nil:
			return all, err
		}
		all = append(all, d)
	}
	return all, forbidden
}

// Marks of the tools that own a spec and would take a change back.
const (
	labelFluxKustomize    = "kustomize.toolkit.fluxcd.io/name"
	labelFluxHelm         = "helm.toolkit.fluxcd.io/name"
	annotationArgoTracked = "argocd.argoproj.io/tracking-id"
)

// unowned refuses to change a spec that a GitOps tool owns, unless a person
// said so. Taking such a change back restores what the tool wants.
func (x *planner) unowned(o Order, l live) error {
	if !o.Action.ChangesSpec || o.Undo || o.Approver != "" {
		return nil
	}
	labels := l.meta.GetLabels()
	for tool, name := range map[string]string{
		"Flux's Kustomization": labels[labelFluxKustomize],
		"Flux's HelmRelease":   labels[labelFluxHelm],
		"Argo CD":              l.meta.GetAnnotations()[annotationArgoTracked],
	} {
		if name != "" {
			return refuse(ReasonGitOpsOwned, "%s %q owns the spec of %s: a person must approve", tool, name, l.target)
		}
	}
	return nil
}
