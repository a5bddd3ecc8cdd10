package function

import (
	"context"
	"errors"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// errNoSuchKind passes over a label whose key is no kind of this cluster.
var errNoSuchKind = errors.New("label names no kind")

// locate finds what an alert is about: the first object that its labels name
// and that exists, its top owner, and whether Kubernaut may touch that.
func (g *gateway) locate(ctx context.Context, w *work) {
	if w.source == ownSource {
		g.locateOwn(w)
		return
	}
	chain, reason, err := g.chain(ctx, w.alert)
	if err != nil {
		w.result.retry(ReasonUnreadable, err)
		return
	}
	if reason != "" {
		if len(chain) > 0 {
			w.resource, w.target = chain[0], chain[0]
			w.result.Target = w.target.String()
		}
		w.result.ignore(reason)
		return
	}
	w.resource, w.target = chain[0], chain[len(chain)-1]
	w.fingerprint = w.workload(w.target).Fingerprint()
	w.result.about(w.target, w.fingerprint)
	scope, err := g.objects.Scope(ctx, w.target)
	switch {
	case errors.Is(err, cluster.ErrGone):
		w.result.ignore(ReasonTargetGone)
	case errors.Is(err, cluster.ErrForbidden):
		w.result.ignore(ReasonForbidden)
	case err != nil:
		w.result.retry(ReasonUnreadable, err)
	case !scope.Managed:
		w.result.ignore(ReasonNotManaged)
	}
}

// chain is the owner chain of what the alert is about, or the reason for
// which there is none; with ReasonTargetGone or
// ReasonForbidden, it is the object that is gone or may not be read.
func (g *gateway) chain(ctx context.Context, a signal.Alert) ([]event.Target, string, error) {
	candidates, reason := g.rules.Candidates(a)
	if reason != "" {
		return nil, reason, nil
	}
	var gone []event.Target
	for _, c := range candidates {
		target, err := g.target(ctx, c)
		if err == nil {
			var chain []event.Target
			if chain, err = g.objects.Owners(ctx, target); err == nil {
				return chain, "", nil
			}
		}
		switch {
		case errors.Is(err, errNoSuchKind):
		case errors.Is(err, cluster.ErrGone), errors.Is(err, cluster.ErrUnknownKind):
			if gone == nil {
				gone = []event.Target{target}
			}
		case errors.Is(err, cluster.ErrForbidden):
			// Another try would be refused as well, until somebody grants it: the
			// sender posts again by itself while the alert fires.
			return []event.Target{target}, ReasonForbidden, nil
		default:
			return nil, "", err
		}
	}
	if gone == nil {
		return nil, signal.ReasonNoTarget, nil
	}
	return gone, ReasonTargetGone, nil
}

// target asks the cluster where a label alone does not say which object it
// means: a node by its address, an object of a kind that has to be looked up.
func (g *gateway) target(ctx context.Context, c signal.Candidate) (event.Target, error) {
	switch {
	case c.Address != "":
		t, err := g.objects.NodeByAddress(ctx, c.Address)
		if err != nil {
			return event.Target{Kind: c.Kind, Name: c.Address}, err
		}
		return t, nil
	case c.Kind != "":
		return event.Target{Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}, nil
	}
	kind, ok, err := g.objects.KindBySingular(ctx, c.Label)
	if err != nil {
		return event.Target{}, err
	}
	if !ok || kind.Namespaced && c.Namespace == "" {
		return event.Target{}, errNoSuchKind
	}
	t := event.Target{APIVersion: kind.APIVersion(), Kind: kind.Name(), Name: c.Name}
	if kind.Namespaced {
		t.Namespace = c.Namespace
	}
	return t, nil
}
