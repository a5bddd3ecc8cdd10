package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kubernaut.ai/shared/event"
)

// LabelManaged opts a namespace or a resource in ("true") or out ("false").
// Any other value decides nothing.
const LabelManaged = "kubernaut.ai/managed"

// Reasons of a Scope.
const (
	ScopeResourceIn    = "managed_by_resource_label"
	ScopeNamespaceIn   = "managed_by_namespace_label"
	ScopeResourceOut   = "excluded_by_resource_label"
	ScopeNamespaceOut  = "excluded_by_namespace_label"
	ScopeUnlabelled    = "not_labelled"
	ScopeClusterScoped = "cluster_scoped_not_labelled"
)

// Scope says whether Kubernaut may touch an object.
type Scope struct {
	Managed bool
	// Reason is one of the Scope constants.
	Reason string
}

// Scope tells whether the object is managed: its own label decides, else its
// namespace's; what is cluster-scoped has only its own. An error means "no":
// nothing may be touched that could not be read.
func (c *Clients) Scope(ctx context.Context, t event.Target) (Scope, error) {
	return scope(ctx, c, lookup{c, t})
}

// scope believes an older "yes" than "no": whoever labels a namespace and
// fires a test alert should not meet the answer from before.
func scope(ctx context.Context, from source, l lookup) (Scope, error) {
	o, err := l.object(ctx)
	if err != nil {
		return Scope{}, fmt.Errorf("scope of %s: %w", l.target, err)
	}
	s, age, err := scopeOf(ctx, from, dated{o, maxAgeScope})
	if err == nil && !s.Managed && age > maxAgeNo {
		s, _, err = scopeOf(ctx, from, dated{o, maxAgeNo})
	}
	if err != nil {
		return Scope{}, fmt.Errorf("scope of %s: %w", l.target, err)
	}
	return s, nil
}

// dated is an object and how old an answer about it may be.
type dated struct {
	object object
	maxAge time.Duration
}

func scopeOf(ctx context.Context, from source, d dated) (Scope, time.Duration, error) {
	own, err := from.read(ctx, d.object, d.maxAge)
	if err != nil {
		return Scope{}, 0, err
	}
	switch own.meta.Labels[LabelManaged] {
	case "true":
		return Scope{Managed: true, Reason: ScopeResourceIn}, own.age, nil
	case "false":
		return Scope{Reason: ScopeResourceOut}, own.age, nil
	}
	if !d.object.kind.Namespaced {
		return Scope{Reason: ScopeClusterScoped}, own.age, nil
	}
	ns, err := from.read(ctx, object{kind: builtin["Namespace"], name: d.object.namespace}, d.maxAge)
	if errors.Is(err, ErrGone) {
		// The object was there a moment ago: its namespace is being deleted.
		return Scope{Reason: ScopeUnlabelled}, own.age, nil
	}
	if err != nil {
		return Scope{}, 0, err
	}
	age := max(own.age, ns.age)
	switch ns.meta.Labels[LabelManaged] {
	case "true":
		return Scope{Managed: true, Reason: ScopeNamespaceIn}, age, nil
	case "false":
		return Scope{Reason: ScopeNamespaceOut}, age, nil
	}
	return Scope{Reason: ScopeUnlabelled}, age, nil
}
