package function

import (
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
func (x *Executor) inScope(ctx context.Context, o Order) error {
	if o.Action.Name == action.NotifyOnly {
		return nil
	}
	return x.managed(ctx, o.Target)
}

// managed insists that the object, or its top owner, opted in, and that
// neither opted out.
func (x *Executor) managed(ctx context.Context, t event.Target) error {
	own, err := x.scope.Scope(ctx, t)
	if err != nil {
		return unreadable(t, err)
	}
	if own.Reason == cluster.ScopeResourceOut {
		return refuse(ReasonNotManaged, "%s: %s", t, own.Reason)
	}
	chain, err := x.scope.Owners(ctx, t)
	if err != nil {
		return unreadable(t, err)
	}
	top := own
	if owner := chain[len(chain)-1]; !owner.Same(t) {
		if top, err = x.scope.Scope(ctx, owner); err != nil {
			return unreadable(owner, err)
		}
	}
	if top.Managed || own.Managed && top.Reason != cluster.ScopeResourceOut {
		return nil
	}
	return refuse(ReasonNotManaged, "%s: %s", t, top.Reason)
}

// unreadable is "no" in every case; the reason decides whether asking again
// can help.
func unreadable(t event.Target, err error) error {
	switch {
	case errors.Is(err, cluster.ErrGone):
		return refuse(ReasonTargetGone, "%s: %v", t, err)
	case errors.Is(err, cluster.ErrUnknownKind), apierrors.IsForbidden(err):
		return refuse(ReasonScopeUnread, "%s: %v", t, err)
	}
	return passing(ReasonClusterDown, fmt.Errorf("scope of %s: %w", t, err))
}

// disturbed insists that everything else which this turn disturbs is managed,
// too. Pods that are gone are disturbed no more.
func (x *Executor) disturbed(ctx context.Context, o Order, t turn) error {
	for _, v := range t.victims() {
		pod := event.Target{APIVersion: "v1", Kind: "Pod", Namespace: t.plan.Target.Namespace, Name: v.Name}
		if pod.Same(o.Target) {
			continue
		}
		if err := x.managed(ctx, pod); err != nil && !refused(err, ReasonTargetGone) {
			return err
		}
	}
	d, ok := x.performers[o.Action.Name].(Disturber)
	if !ok {
		return nil
	}
	others, err := d.Disturbs(ctx, o, t.plan)
	if err != nil {
		return err
	}
	for _, other := range others {
		if err := x.managed(ctx, other); err != nil && !refused(err, ReasonTargetGone) {
			return err
		}
	}
	return nil
}

// Marks of the tools that own a spec and would take a change back.
const (
	labelFluxKustomize    = "kustomize.toolkit.fluxcd.io/name"
	labelFluxHelm         = "helm.toolkit.fluxcd.io/name"
	annotationArgoTracked = "argocd.argoproj.io/tracking-id"
)

// unowned refuses to change a spec that a GitOps tool owns, unless a person
// said so. Taking such a change back restores what the tool wants.
func (x *Executor) unowned(o Order, l live) error {
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
