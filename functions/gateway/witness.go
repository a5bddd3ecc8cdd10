package function

import (
	"context"
	"errors"
	"strings"
	"sync"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// trail is what the cluster was asked about one alert, and what it said: the
// gateway finds its target as ever, and the trail tells how.
type trail struct {
	mu    sync.Mutex
	asked []sighting
	chain []event.Target
	scope *cluster.Scope
}

// sighting is one object that was looked for.
type sighting struct {
	target event.Target
	err    error
}

type trailKey struct{}

func withTrail(ctx context.Context, t *trail) context.Context {
	return context.WithValue(ctx, trailKey{}, t)
}

// witnessed notes what is asked of the cluster under a context with a trail.
type witnessed struct{ objects }

// Owners is that of the objects, noted.
func (w witnessed) Owners(ctx context.Context, target event.Target) ([]event.Target, error) {
	chain, err := w.objects.Owners(ctx, target)
	if t, ok := ctx.Value(trailKey{}).(*trail); ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.asked = append(t.asked, sighting{target, err})
		if err == nil {
			t.chain = chain
		}
	}
	return chain, err
}

// Scope is that of the objects, noted.
func (w witnessed) Scope(ctx context.Context, target event.Target) (cluster.Scope, error) {
	scope, err := w.objects.Scope(ctx, target)
	if t, ok := ctx.Value(trailKey{}).(*trail); ok && err == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.scope = &scope
	}
	return scope, err
}

// candidates tells of each object that the labels may mean what was found.
func (t *trail) candidates(all []signal.Candidate) []ExplainedCandidate {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]ExplainedCandidate, len(all))
	next, decided := 0, false
	for i, c := range all {
		out[i] = unasked(c)
		for next < len(t.asked) && means(c, t.asked[next].target) {
			out[i].seen(t.asked[next])
			decided = out[i].Verdict == CandidateTaken || out[i].Reason == ReasonForbidden
			next++
		}
		if decided && out[i].Verdict == CandidateNot && out[i].Reason != ReasonForbidden {
			out[i].Verdict, out[i].Reason = CandidateNotAsked, ReasonEarlier
		}
	}
	for ; next < len(t.asked); next++ {
		// No label's key is this kind's name: a plural, or a short form.
		extra := ExplainedCandidate{}
		extra.seen(t.asked[next])
		out = append(out, extra)
	}
	return out
}

// unasked is a candidate for which the cluster knows no object to look for.
func unasked(c signal.Candidate) ExplainedCandidate {
	out := ExplainedCandidate{Label: c.Label, Kind: c.Kind, Namespace: c.Namespace, Name: c.Name,
		Verdict: CandidateNot, Reason: ReasonNamesNoKind}
	switch {
	case c.Address != "":
		out.Name, out.Reason = c.Address, ReasonNoSuchNode
	case c.Kind != "":
		out.Verdict, out.Reason = CandidateNotAsked, ReasonEarlier
	}
	return out
}

// means reports whether looking for the candidate is looking for the target.
func means(c signal.Candidate, t event.Target) bool {
	if c.Address != "" {
		return t.Kind == c.Kind
	}
	kind, _, _ := strings.Cut(t.Kind, ".")
	return c.Name == t.Name && (c.Kind == t.Kind || c.Kind == "" && strings.EqualFold(kind, c.Word))
}

// seen takes in what the cluster said of the object.
func (c *ExplainedCandidate) seen(s sighting) {
	c.Kind, c.Namespace, c.Name = s.target.Kind, s.target.Namespace, s.target.Name
	c.Verdict = CandidateNot
	switch {
	case s.err == nil:
		c.Verdict, c.Reason = CandidateTaken, ReasonExists
	case errors.Is(s.err, cluster.ErrGone):
		c.Reason = ReasonTargetGone
	case errors.Is(s.err, cluster.ErrUnknownKind):
		c.Reason = ReasonUnknownKind
	case errors.Is(s.err, cluster.ErrForbidden):
		c.Reason = ReasonForbidden
	default:
		c.Reason = ReasonUnreadable
	}
}
