package function

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// Scoper tells whether Kubernaut may touch an object, and who owns it. An
// error means no.
type Scoper interface {
	Scope(ctx context.Context, t event.Target) (cluster.Scope, error)
	// Owners is the chain from the object, first, to its top owner, last.
	Owners(ctx context.Context, t event.Target) ([]event.Target, error)
}

// Plans remembers what was planned.
type Plans interface {
	// Plan reads the stored plan of a step; nil when there is none.
	Plan(ctx context.Context, s Step) ([]byte, error)
}

// planner finds out what an order comes to: whether its decision holds, what it
// may touch, and the plan. It only reads: neither its client nor its memory has
// a method that writes. What writes is the Executor's.
type planner struct {
	kube          reading.Client
	scopes        func() Scoper
	scope         Scoper
	plans         Plans
	performers    map[string]Performer
	now           func() time.Time
	stabilization time.Duration
	dryRunOnly    bool
}

// View is what a planner works with.
type View struct {
	Kube reading.Client
	// Scope makes a Scoper for one turn.
	Scope func() Scoper
	Plans Plans
	Now   func() time.Time
}

func newPlanner(v View, s Settings) planner {
	return planner{kube: v.Kube, scopes: v.Scope, plans: v.Plans, performers: registry(v.Kube, s.Caps), now: v.Now,
		stabilization: s.Stabilization, dryRunOnly: s.DryRunOnly}
}

// considered is what a verified order comes to, before anything is done.
type considered struct {
	// seen is the target as it was seen, for kinds that carry marks.
	seen *live
	// applied says that it carries the order's mark already.
	applied bool
	// gone says that the pod to evict is there no more.
	gone bool
	// turn is the plan that counts, and how far it has come.
	turn turn
	// target is the target's scope.
	target event.Disturbed
}

// consider checks the scope and, at the same time, looks for what is planned or
// applied. What is out of scope counts first, whatever else was found.
func (x *planner) consider(ctx context.Context, o Order) (considered, error) {
	var c considered
	var target event.Disturbed
	var outOfScope, unplanned error
	var scoped sync.WaitGroup
	scoped.Go(func() { target, outOfScope = x.inScope(ctx, o) })
	if o.Action.ChangesCluster {
		c, unplanned = x.look(ctx, o)
	}
	scoped.Wait()
	if refused(outOfScope, ReasonTargetGone) && o.Target.Kind == kindPod && o.Action.ChangesCluster {
		return considered{target: target, gone: true}, nil
	}
	c.target = target
	return c, cmp.Or(outOfScope, unplanned)
}

// look checks the fence, and finds the plan of what is not applied.
func (x *planner) look(ctx context.Context, o Order) (c considered, err error) {
	if _, marks := kinds[o.Target.Kind]; marks {
		l, err := read(ctx, x.kube, o.Target)
		if err != nil {
			return c, err
		}
		c.seen, o.seen = &l, &l
		if c.applied, err = x.fenced(l, o); err != nil || c.applied {
			return c, err
		}
		if err := x.unowned(o, l); err != nil {
			return c, err
		}
	}
	c.turn, err = x.resolve(ctx, o)
	if c.seen != nil && c.turn.number == 1 && len(c.turn.plan.Victims) > 0 {
		c.turn.template = c.seen.templateDigest()
	}
	return c, err
}

// turn is a plan and how far it has come.
type turn struct {
	plan   Plan
	number int
	// stored tells that an earlier attempt, or turn, came as far as to store it.
	stored bool
	// template is the digest of the pod template that the pods to evict are made
	// from, as the first turn saw it.
	template string
	// next is the index of the first victim that this turn is for, and evicted
	// how many of those before were.
	next, evicted int
}

// progress is what a long action carries to its next turn. It holds the whole
// plan: a Redis that forgets must not make execute plan again half way.
type progress struct {
	Plan     Plan   `json:"plan"`
	Next     int    `json:"next"`
	Evicted  int    `json:"evicted"`
	Template string `json:"template,omitempty"`
}

// resolve finds the plan that counts: the stored one; else the one that came
// with the last turn; else a new one.
func (x *planner) resolve(ctx context.Context, o Order) (turn, error) {
	t := turn{number: 1}
	carried, err := carriedBy(o)
	if err != nil {
		return t, err
	}
	if carried != nil {
		return turn{plan: carried.Plan, next: carried.Next, evicted: carried.Evicted, number: o.progress.Turn, stored: true, template: carried.Template}, nil
	}
	stored, found, err := x.stored(ctx, o)
	if err != nil {
		return t, err
	}
	if t.plan, t.stored = stored, found; !found {
		t.plan, err = x.plan(ctx, o)
	}
	return t, err
}

func carriedBy(o Order) (*progress, error) {
	if o.progress == nil {
		return nil, nil
	}
	var c progress
	if err := json.Unmarshal(o.progress.State, &c); err != nil {
		return nil, refuse(ReasonProgressInvalid, "decode progress: %v", err)
	}
	if !c.Plan.Target.Same(o.Target) || c.Next < 0 || c.Next > len(c.Plan.Victims) || c.Evicted < 0 || c.Evicted > len(c.Plan.Victims) {
		return nil, refuse(ReasonProgressInvalid, "the progress is not of this order")
	}
	return &c, nil
}

func (x *planner) plan(ctx context.Context, o Order) (Plan, error) {
	if o.Undo {
		return x.undoPlan(ctx, o)
	}
	performer, err := x.performer(o)
	if err != nil {
		return Plan{}, err
	}
	p, err := performer.Plan(ctx, o)
	if err != nil {
		return Plan{}, err
	}
	if _, err := p.receipt(); err != nil && len(p.Victims) == 0 {
		return Plan{}, err
	}
	return p, nil
}

func (x *planner) performer(o Order) (Performer, error) {
	performer, ok := x.performers[o.Action.Name]
	if !ok {
		return nil, refuse(ReasonActionUnknown, "no code performs %s", o.Action.Name)
	}
	return performer, nil
}

// stored reads the plan that an earlier attempt has stored.
func (x *planner) stored(ctx context.Context, o Order) (Plan, bool, error) {
	if o.DryRun {
		return Plan{}, false, nil
	}
	raw, err := x.plans.Plan(ctx, o.step())
	if err != nil || raw == nil {
		return Plan{}, false, err
	}
	p, err := decodePlan(raw, o)
	return p, err == nil, err
}

func decodePlan(raw []byte, o Order) (Plan, error) {
	var p Plan
	if err := json.Unmarshal(raw, &p); err != nil {
		return Plan{}, fmt.Errorf("decode plan of %s: %w", o.Mark(), err)
	}
	if !p.Target.Same(o.Target) {
		return Plan{}, refuse(ReasonTargetMismatch, "the stored plan is for %s, the order for %s", p.Target, o.Target)
	}
	return p, nil
}
