package function

import (
	"context"
	"errors"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

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

// maxTried bounds the objects that are asked for because of one alert.
const maxTried = 16

// chain is the owner chain of what the alert is about, or the reason for
// which there is none; with ReasonTargetGone or
// ReasonForbidden, it is the object that is gone or may not be read.
func (g *gateway) chain(ctx context.Context, a signal.Alert) ([]event.Target, string, error) {
	candidates, otherwise := g.rules.Candidates(a)
	t := trial{left: maxTried}
	for _, c := range candidates {
		if c.Last && t.reason != "" {
			break
		}
		chain, err := g.try(ctx, c, &t)
		if err != nil || len(chain) > 0 {
			return chain, "", err
		}
		// A guess that may not be read is no reason to stop guessing; an object
		// that the alert plainly names is.
		if t.left <= 0 || t.reason == ReasonForbidden && c.Word != c.Label {
			break
		}
	}
	if t.reason == "" {
		t.reason = otherwise
	}
	return t.missing, t.reason, nil
}

// try is the owner chain of the candidate, empty if there is no such object.
func (g *gateway) try(ctx context.Context, c signal.Candidate, t *trial) ([]event.Target, error) {
	targets, err := g.targets(ctx, c)
	if err != nil && !t.missed(event.Target{Kind: c.Kind, Name: c.Address}, err) {
		return nil, err
	}
	for _, target := range targets[:min(len(targets), t.left)] {
		t.left--
		chain, err := g.objects.Owners(ctx, target)
		if err == nil {
			return chain, nil
		}
		if !t.missed(target, err) {
			return nil, err
		}
	}
	return nil, nil
}

// trial is what was found out about candidates that are not the target.
type trial struct {
	missing []event.Target
	reason  string
	left    int
}

// missed takes note of an object that cannot be the target; false for an
// error that may pass, after which nothing is known of the object.
func (t *trial) missed(target event.Target, err error) bool {
	var unreadable *cluster.NotReadable
	switch {
	case errors.Is(err, cluster.ErrUnknownKind):
	case errors.Is(err, cluster.ErrGone):
		if t.reason == "" {
			t.missing, t.reason = []event.Target{target}, ReasonTargetGone
		}
	case errors.Is(err, cluster.ErrForbidden):
		// Another try would be refused as well, until somebody grants it: the
		// sender posts again by itself while the alert fires.
		if errors.As(err, &unreadable) {
			target = unreadable.Target
		}
		if t.reason != ReasonForbidden {
			t.missing, t.reason = []event.Target{target}, ReasonForbidden
		}
	default:
		return false
	}
	return true
}

// targets asks the cluster where a label alone does not say which object it
// means: a node by its address, an object of a kind that has to be looked up.
// None for a word that is no kind here.
func (g *gateway) targets(ctx context.Context, c signal.Candidate) ([]event.Target, error) {
	switch {
	case c.Address != "":
		t, err := g.objects.NodeByAddress(ctx, c.Address)
		if err != nil {
			return nil, err
		}
		return []event.Target{t}, nil
	case c.Word == "":
		return []event.Target{{Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}}, nil
	}
	kinds, err := g.objects.KindsByWord(ctx, c.Word)
	if err != nil {
		return nil, err
	}
	var targets []event.Target
	for _, kind := range kinds {
		t := event.Target{APIVersion: kind.APIVersion(), Kind: kind.Name(), Name: c.Name}
		if kind.Namespaced {
			t.Namespace = c.Namespace
		}
		if !kind.Namespaced || c.Namespace != "" {
			targets = append(targets, t)
		}
	}
	return targets, nil
}
