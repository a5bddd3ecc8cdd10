package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"kubernaut.ai/shared/event"
)

// perform is the life of a verified order: scope, fence, plan, start, apply,
// observe. A process that dies anywhere in it leaves either nothing, or a
// stored plan, or a marked object; the next attempt goes on from there.
func (x *Executor) perform(ctx context.Context, o Order) (Result, error) {
	err := x.inScope(ctx, o)
	if refused(err, ReasonTargetGone) && o.Target.Kind == "Pod" && o.Action.ChangesCluster {
		return x.alreadyGone(ctx, o)
	}
	if err != nil {
		return Result{}, err
	}
	if done, res, err := x.before(ctx, o); err != nil || done {
		return res, err
	}
	if !o.Action.ChangesCluster {
		return x.look(ctx, o)
	}
	t, err := x.resolve(ctx, o)
	if err != nil {
		return Result{}, err
	}
	if t.plan.Empty() {
		return nothing(t.plan), nil
	}
	if o.DryRun {
		return x.carryOut(ctx, o, t)
	}
	return x.locked(ctx, o, t)
}

// before looks at the marks of an object that carries them.
func (x *Executor) before(ctx context.Context, o Order) (done bool, res Result, err error) {
	if _, marked := kinds[o.Target.Kind]; !marked || !o.Action.ChangesCluster {
		return false, Result{}, nil
	}
	l, err := read(ctx, x.kube, o.Target)
	if err != nil {
		return false, Result{}, err
	}
	applied, err := x.fenced(l, o)
	if err != nil {
		return false, Result{}, err
	}
	if !applied {
		return false, Result{}, x.unowned(o, l)
	}
	return x.reportFound(ctx, o, l)
}

// reportFound also gives the lock back that the attempt which applied the
// change may have died with.
func (x *Executor) reportFound(ctx context.Context, o Order, l live) (bool, Result, error) {
	res, err := x.found(ctx, o, l)
	if err != nil {
		return false, Result{}, err
	}
	start, end, err := x.begin(ctx, o)
	switch {
	case err != nil:
	case start == Started:
		err = end(ctx, true)
	case start == Ended:
		res.Ended, res.Detached = !o.Undo, o.Undo
	}
	return err == nil, res, err
}

// alreadyGone reports an eviction whose pod is gone: by an earlier attempt,
// as the stored plan tells, or by somebody else.
func (x *Executor) alreadyGone(ctx context.Context, o Order) (Result, error) {
	p, found, err := x.stored(ctx, o)
	if err != nil {
		return Result{}, err
	}
	if !found {
		return nothing(Plan{Target: o.Target, Note: "The pod is gone already."}), nil
	}
	return x.locked(ctx, o, turn{plan: p, number: 1})
}

// nothing reports a plan that found everything as it should be.
func nothing(p Plan) Result {
	return Result{Execution: event.Execution{Outcome: event.ExecutionNothing, Target: p.Target,
		Observed: p.Note, Undo: &event.Undo{Summary: "Nothing was changed."}}}
}

// look performs an action that changes nothing.
func (x *Executor) look(ctx context.Context, o Order) (Result, error) {
	performer, ok := x.performers[o.Action.Name]
	if !ok {
		return Result{}, refuse(ReasonActionUnknown, "no code performs %s", o.Action.Name)
	}
	p, err := performer.Plan(ctx, o)
	if err != nil {
		return Result{}, err
	}
	res := nothing(p)
	if c, ok := performer.(Collector); ok {
		res.Execution.Evidence, err = c.Collect(ctx, o)
	}
	if o.DryRun {
		res.Execution.Outcome = event.ExecutionDryRun
	}
	return res, err
}

// turn is a plan and how far it has come.
type turn struct {
	plan   Plan
	number int
	// next is the index of the first victim that this turn is for, and evicted
	// how many of those before were.
	next, evicted int
}

// progress is what a long action carries to its next turn. It holds the whole
// plan: a Redis that forgets must not make execute plan again half way.
type progress struct {
	Plan    Plan `json:"plan"`
	Next    int  `json:"next"`
	Evicted int  `json:"evicted"`
}

// resolve finds the plan that counts: the stored one; else the one that came
// with the last turn; else a new one, stored before anything is written.
func (x *Executor) resolve(ctx context.Context, o Order) (turn, error) {
	t := turn{number: 1}
	carried, err := carriedBy(o)
	if err != nil {
		return t, err
	}
	if carried != nil {
		t.plan, t.next, t.evicted, t.number = carried.Plan, carried.Next, carried.Evicted, o.progress.Turn
	} else {
		stored, found, err := x.stored(ctx, o)
		if err != nil {
			return t, err
		}
		if t.plan = stored; !found {
			if t.plan, err = x.plan(ctx, o); err != nil {
				return t, err
			}
		}
	}
	if err := x.disturbed(ctx, o, t); err != nil || t.plan.Empty() || o.DryRun {
		return t, err
	}
	t.plan, err = x.keep(ctx, o, t.plan)
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

func (x *Executor) plan(ctx context.Context, o Order) (Plan, error) {
	if o.Undo {
		return x.undoPlan(ctx, o)
	}
	performer, ok := x.performers[o.Action.Name]
	if !ok {
		return Plan{}, refuse(ReasonActionUnknown, "no code performs %s", o.Action.Name)
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

// stored reads the plan that an earlier attempt has stored.
func (x *Executor) stored(ctx context.Context, o Order) (Plan, bool, error) {
	if o.DryRun {
		return Plan{}, false, nil
	}
	raw, err := x.book.Plan(ctx, o.step())
	if err != nil || raw == nil {
		return Plan{}, false, err
	}
	p, err := decodePlan(raw, o)
	return p, err == nil, err
}

// keep stores the plan unless there is one, and returns the one that counts.
func (x *Executor) keep(ctx context.Context, o Order, p Plan) (Plan, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return Plan{}, fmt.Errorf("encode plan: %w", err)
	}
	if raw, err = x.book.PlanOnce(ctx, o.step(), raw); err != nil {
		return Plan{}, err
	}
	return decodePlan(raw, o)
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

// locked carries the plan out while the remediation cannot be cancelled and
// nobody else changes the target.
func (x *Executor) locked(ctx context.Context, o Order, t turn) (Result, error) {
	start, end, err := x.begin(ctx, o)
	if err != nil {
		return Result{}, err
	}
	switch start {
	case Cancelled:
		return Result{}, refuse(ReasonResolved, "the alert stopped before anything was changed")
	case Busy:
		return Result{}, passing(ReasonBusy, fmt.Errorf("another remediation is changing %s", o.Target))
	case Ended:
		// A person may take a change back long after: the fence alone guards it.
		if !o.Undo {
			return Result{Ended: true}, nil
		}
		res, err := x.carryOut(ctx, o, t)
		res.Detached = true
		return res, err
	}
	res, err := x.carryOut(ctx, o, t)
	if !final(res, err) {
		return res, err
	}
	if endErr := end(ctx, len(res.Execution.Changes) > 0); endErr != nil {
		return Result{}, endErr
	}
	return res, err
}

// final tells that the lock can be given back. A next turn needs it; and after
// a failure that may pass nobody knows whether the write was made: the lock
// then ends with its lease, and nobody may believe that nothing was applied.
func final(res Result, err error) bool {
	var no *Refusal
	return res.Next == nil && (err == nil || errors.As(err, &no))
}

// carryOut applies the plan, or one turn of it, and observes its effect.
func (x *Executor) carryOut(ctx context.Context, o Order, t turn) (Result, error) {
	if len(t.plan.Victims) > 0 {
		return x.evict(ctx, o, t)
	}
	after, already, err := x.apply(ctx, o, t.plan)
	if err != nil {
		return Result{}, err
	}
	res := x.outcome(o, t.plan, after.target)
	if !already && !o.DryRun {
		res.Execution.Observed = sentences(t.plan.Note, x.observe(ctx, after))
	}
	return res, nil
}
