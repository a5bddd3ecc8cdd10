package function

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kubernaut.ai/shared/event"
)

// anApprover stands for whoever would approve what is held.
const anApprover = "whoever approves it"

// Explainer says what an Executor would do with an order, and cannot do it: it
// is a planner and nothing else. What only the API server knows when the write
// comes (admission, a disruption budget, a lock that another remediation holds
// for a moment) it does not foretell.
type Explainer struct{ planner planner }

// NewExplainer makes an Explainer that knows every action of the registry.
func NewExplainer(v View, s Settings) *Explainer { return &Explainer{newPlanner(v, s)} }

// Explain says what Execute would answer to the request, and lists what would be
// disturbed. A refusal's detail tells nothing of what the API server said: that
// is the result's Cause.
func (e *Explainer) Explain(ctx context.Context, r Request) (Result, error) {
	x, started := e.planner, e.planner.now()
	x.scope = x.scopes()
	o, err := x.Verify(r)
	var res Result
	if err == nil {
		res, err = x.foretell(ctx, o)
	}
	res.Cause, err = masked(err)
	return x.conclude(o, conclusion{res, err, started})
}

// masked takes what the API server said out of a refusal.
func masked(err error) (cause, told error) {
	var no *Refusal
	if !errors.As(err, &no) || no.Cause == nil {
		return nil, err
	}
	return no, refuse(no.Reason, "%s: execute's log tells what the API server said", no.Detail)
}

// asIfApproved is the request on a held decision as a person's yes would make it.
func asIfApproved(r Request, now time.Time) Request {
	if r.Decision.Outcome == event.DecisionHeld {
		r.Decision.Outcome, r.Decision.Approver = event.DecisionApproved, anApprover
		r.Decision.DecidedAt, r.Decision.ExpiresAt = now, now
	}
	return r
}

// foretell is perform without what it does.
func (x *planner) foretell(ctx context.Context, o Order) (Result, error) {
	c, err := x.consider(ctx, o)
	list := scopes(o, c.target)
	if err != nil {
		return disturbing(Result{}, list), err
	}
	switch {
	case c.gone:
		return nothing(Plan{Target: o.Target, Note: "The pod is gone already."}), nil
	case c.applied:
		res, err := x.found(ctx, o, *c.seen)
		res.Execution.Observed = sentences("It is applied already.", res.Execution.Observed)
		return disturbing(res, list), err
	case !o.Action.ChangesCluster:
		return x.looking(ctx, o)
	}
	p := c.turn.plan
	o.seen = c.seen
	others, err := x.disturbed(ctx, o, p, c.turn.endangered())
	list = append(list, others...)
	if err != nil {
		return disturbing(Result{}, list), err
	}
	if p.Empty() {
		return nothing(p), nil
	}
	return disturbing(x.planned(ctx, o, p), list), nil
}

// scopes begins the list of what is disturbed with the target, where it is.
func scopes(o Order, target event.Disturbed) []event.Disturbed {
	if target.Reason == "" || !o.Action.ChangesCluster && target.Managed {
		return nil
	}
	return []event.Disturbed{target}
}

// disturbing adds the list, what is not managed first, and says if it was cut.
func disturbing(res Result, list []event.Disturbed) Result {
	slices.SortStableFunc(list, func(a, b event.Disturbed) int {
		switch {
		case a.Managed == b.Managed:
			return 0
		case b.Managed:
			return -1
		}
		return 1
	})
	e := &res.Execution
	if more := len(list) - event.MaxPods; more > 0 {
		e.Observed = sentences(e.Observed, fmt.Sprintf("%d more are disturbed than are listed.", more))
		list = list[:event.MaxPods]
	}
	e.Disturbs = list
	return res
}

// looking is what collect would answer, with no evidence collected.
func (x *planner) looking(ctx context.Context, o Order) (Result, error) {
	performer, err := x.performer(o)
	if err != nil {
		return Result{}, err
	}
	p, err := performer.Plan(ctx, o)
	if err != nil {
		return Result{}, err
	}
	res := nothing(p)
	if o.DryRun {
		res.Execution.Outcome = event.ExecutionDryRun
	}
	return res, nil
}

// planned is what carrying the plan out would answer.
func (x *planner) planned(ctx context.Context, o Order, p Plan) Result {
	if n := len(p.Victims); n > 0 {
		res := x.evicted(o, turn{plan: p, evicted: n})
		res.Execution.Observed = sentences(p.Note, fmt.Sprintf("%d pods are evicted, at most %d at a time, unless a disruption budget forbids it.", n, EvictionsATurn))
		return res
	}
	res := x.outcome(o, p, p.Target)
	res.Execution.Observed = sentences(p.Note, x.rollout(ctx, p))
	return res
}

// rollout says what a change of the pod template does to the pods.
func (x *planner) rollout(ctx context.Context, p Plan) string {
	changes := p.Template != nil
	for _, f := range p.Fields {
		changes = changes || strings.HasPrefix(f.Path, templatePath+"/")
	}
	if !changes {
		return ""
	}
	l, err := read(ctx, x.kube, p.Target)
	if err != nil {
		return ""
	}
	w, err := workloadOf(l)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("Its rollout replaces its pods (%d are wanted).", w.replicas)
}
