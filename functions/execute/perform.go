package function

import (
	"bytes"
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
	c, err := x.consider(ctx, o)
	switch {
	case err != nil:
		return Result{}, err
	case c.gone:
		return x.alreadyGone(ctx, o)
	case c.applied:
		return x.reportFound(ctx, o, *c.seen)
	case !o.Action.ChangesCluster:
		return x.collect(ctx, o)
	}
	t := c.turn
	o.seen = c.seen
	if _, err := x.disturbed(ctx, o, t.plan, t.endangered()); err != nil {
		return Result{}, err
	}
	if t.plan.Empty() {
		return nothing(t.plan), nil
	}
	if o.DryRun {
		return x.carryOut(ctx, o, t)
	}
	// The plan is stored before anything is written.
	// A later turn has what is left of it with it.
	if t.number == 1 {
		if t.plan, err = x.keep(ctx, o, t.plan); err != nil {
			return Result{}, err
		}
	}
	return x.locked(ctx, o, t)
}

// reportFound also gives the lock back that the attempt which applied the
// change may have died with.
func (x *Executor) reportFound(ctx context.Context, o Order, l live) (Result, error) {
	res, err := x.found(ctx, o, l)
	if err != nil {
		return Result{}, err
	}
	start, end, err := x.begin(ctx, o)
	switch {
	case err != nil:
	case start == Started:
		err = end(ctx, true)
	case start == Ended:
		res.Ended, res.Detached = !o.Undo, o.Undo
	}
	return res, err
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
	return x.locked(ctx, o, turn{plan: p, number: 1, stored: true})
}

// nothing reports a plan that found everything as it should be.
func nothing(p Plan) Result {
	return Result{Execution: event.Execution{Outcome: event.ExecutionNothing, Target: p.Target,
		Observed: p.Note, Undo: &event.Undo{Summary: "Nothing was changed."}}}
}

// collect performs an action that changes nothing.
func (x *Executor) collect(ctx context.Context, o Order) (Result, error) {
	performer, err := x.performer(o)
	if err != nil {
		return Result{}, err
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

// keep stores the plan unless there is one, and returns the one that counts.
func (x *Executor) keep(ctx context.Context, o Order, p Plan) (Plan, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return Plan{}, fmt.Errorf("encode plan: %w", err)
	}
	counts, err := x.book.PlanOnce(ctx, o.step(), raw)
	if err != nil {
		return Plan{}, err
	}
	if bytes.Equal(counts, raw) {
		return p, nil
	}
	return decodePlan(counts, o)
}

// locked carries the plan out while the remediation cannot be cancelled and
// nobody else changes the target.
func (x *Executor) locked(ctx context.Context, o Order, t turn) (Result, error) {
	if err := x.stillNeeded(ctx, o, t); err != nil {
		return Result{}, err
	}
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

// stillNeeded refuses a further step that waited for a person, once every alert has
// stopped and the target is whole: the one before it may have helped after all, and
// a resolve cancels only what has changed nothing. That alerts stopped is not enough
// where their pods were replaced; and a step that follows at once from its assessment
// goes on, which knew of both. So does one that may have evicted pods already.
func (x *Executor) stillNeeded(ctx context.Context, o Order, t turn) error {
	waited := o.Step > 1 && o.Approver != "" && !o.Undo
	begun := t.stored && len(t.plan.Victims) > 0
	if !waited || begun || o.seen == nil || !whole(o.seen.typed) {
		return nil
	}
	stopped, err := x.book.Stopped(ctx, o.step())
	if err == nil && stopped {
		err = refuse(ReasonResolved, "every alert stopped before step %d began; what the steps before it changed stands", o.Step)
	}
	return err
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
	if !already {
		res.Execution.Template = after.templateDigest()
	}
	if !already && !o.DryRun {
		res.Execution.Observed = sentences(t.plan.Note, x.observe(ctx, after))
	}
	return res, nil
}
