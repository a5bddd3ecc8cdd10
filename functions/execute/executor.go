package function

import (
	"context"
	"errors"
	"time"

	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/event"
)

// Step names one step of one remediation.
type Step struct {
	// Fingerprint is the claim's.
	Fingerprint string
	Remediation string
	Name        string
	// Workload is the one that the action changes, where it is not the claim's own.
	Workload *event.Target
	// Cluster is the alert's cluster label, a part of fingerprints.
	Cluster string
}

// Start is what a book answers to a step that wants to begin.
type Start string

// What Begin can answer.
const (
	Started   Start = "started"
	Cancelled Start = "cancelled"
	Busy      Start = "busy"
	// Ended says that the remediation no longer holds its claim.
	Ended Start = "ended"
)

// Book is the memory that outlives a turn: plans and locks.
type Book interface {
	Plans
	// PlanOnce stores a plan unless there is one, and returns the one that counts.
	PlanOnce(ctx context.Context, s Step, plan []byte) ([]byte, error)
	// Begin checks that the remediation is not cancelled and locks its target.
	// The returned function unlocks it, and records whether anything was applied.
	Begin(ctx context.Context, s Step) (Start, func(ctx context.Context, applied bool) error, error)
	// Stopped tells that the senders of all alerts said that they stopped.
	Stopped(ctx context.Context, s Step) (bool, error)
}

// Settings of an Executor.
type Settings struct {
	Stabilization time.Duration
	// ObserveWithin bounds the wait for the first effect of a write.
	ObserveWithin time.Duration
	DryRunOnly    bool
	Caps          Caps
}

// Executor carries orders out: what its planner found out, it does.
type Executor struct {
	planner
	writer        kubernetes.Interface
	book          Book
	observeWithin time.Duration
}

// Parts are what an Executor works with.
type Parts struct {
	Kube kubernetes.Interface
	// Scope makes a Scoper for one turn.
	Scope func() Scoper
	Book  Book
	Now   func() time.Time
}

// NewExecutor makes an Executor that knows every action of the registry.
func NewExecutor(p Parts, s Settings) *Executor {
	v := View{Kube: reading.Of(p.Kube), Scope: p.Scope, Plans: p.Book, Now: p.Now}
	return &Executor{planner: newPlanner(v, s), writer: p.Kube, book: p.Book, observeWithin: s.ObserveWithin}
}

// Result is what one turn came to.
type Result struct {
	Execution event.Execution
	// Next is set when another turn is needed.
	Next *event.Progress
	// Ended tells that the remediation no longer holds its claim: there is
	// nothing to say to anybody.
	Ended bool
	// Detached tells that what this came to does not move the claim: an undo
	// may follow long after its remediation ended.
	Detached bool
	// Cause is what an Explainer leaves out of a refusal's detail.
	Cause error
}

// Execute carries out one turn of an order. A refusal is a Result; an error
// is a failure that may pass.
func (x *Executor) Execute(ctx context.Context, r Request) (Result, error) {
	started := x.now()
	turn := *x
	turn.scope = x.scopes()
	x = &turn
	o, err := x.Verify(r)
	var res Result
	switch {
	case refused(err, ReasonExpired):
		res, err = x.expired(ctx, o, err)
	case err == nil:
		res, err = x.perform(ctx, o)
	}
	res, err = x.account(ctx, o, conclusion{res, err, started})
	return x.conclude(o, conclusion{res, err, started})
}

// conclusion is how a turn went.
type conclusion struct {
	res     Result
	err     error
	started time.Time
}

// conclude turns a refusal into a result, and fills in what all results have.
func (x *planner) conclude(o Order, c conclusion) (Result, error) {
	res, err := c.res, c.err
	var no *Refusal
	if errors.As(err, &no) {
		res, err = refusal(res, no), nil
		// An undo that is refused leaves the remediation as it was.
		res.Detached = o.Undo
	}
	if err != nil {
		return Result{}, err
	}
	e := &res.Execution
	e.Step, e.Action, e.StartedAt, e.FinishedAt = o.Step, o.Action.Name, c.started, x.now()
	if e.Target.Kind == "" {
		e.Target = o.Target
	}
	return res, nil
}

// refusal keeps what the turn has changed already, and says why it stopped.
func refusal(res Result, no *Refusal) Result {
	res.Next = nil
	res.Execution.Outcome, res.Execution.Reason = event.ExecutionRefused, no.Reason
	res.Execution.Detail = event.Cut(no.text(), event.MaxText)
	return res
}

// expired reports what a crash had kept from being reported: a write that
// was made while the decision held. It only reads. Evictions, which later turns
// go on with, mark no object.
func (x *planner) expired(ctx context.Context, o Order, cause error) (Result, error) {
	if _, marked := kinds[o.Target.Kind]; !marked || o.DryRun || o.progress != nil {
		return Result{}, cause
	}
	l, err := read(ctx, x.kube, o.Target)
	if err != nil {
		return Result{}, err
	}
	if l.meta.GetAnnotations()[AnnotationApplied] != o.Mark() {
		return Result{}, cause
	}
	return x.found(ctx, o, l)
}

// found reports a write that an earlier attempt had made.
func (x *planner) found(ctx context.Context, o Order, l live) (Result, error) {
	p, err := x.appliedPlan(ctx, o, l)
	if err != nil {
		return Result{}, err
	}
	return x.outcome(o, p, l.target), nil
}

// outcome is the execution of a plan that was applied.
func (x *planner) outcome(o Order, p Plan, target event.Target) Result {
	e := event.Execution{Outcome: event.ExecutionApplied, Target: target, Changes: p.changes(),
		Undo: p.undo(), Observed: p.Note, SpecChanged: o.Action.ChangesSpec}
	if o.Undo {
		e.Outcome, e.Undo = event.ExecutionUndone, &event.Undo{Summary: "This was the undo."}
	}
	if o.DryRun {
		e.Outcome, e.SpecChanged = event.ExecutionDryRun, false
	}
	// An undo that was only tried leaves the remediation as it was.
	return Result{Execution: e, Detached: o.Undo && o.DryRun}
}
