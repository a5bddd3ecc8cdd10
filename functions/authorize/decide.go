package function

import (
	"context"
	"fmt"
	"time"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// Request is one proposal with all that a decision rests on.
type Request struct {
	event.RemediationProposedData
	// ProposalDigest is the digest of the proposal section as it came.
	ProposalDigest string
}

// Breaker counts what was approved, over all replicas.
type Breaker interface {
	// Paused tells who paused everything, and why; empty when nobody did.
	Paused(ctx context.Context) (Pause, error)
	// Admit counts the remediation against all limits, or none if one of them
	// would be passed, which is then described. It is idempotent.
	Admit(ctx context.Context, remediation string, limits []Limit) (Trip, error)
}

// Pause is a global stop.
type Pause struct {
	On         bool
	By, Reason string
}

// Limit bounds how many remediations may be approved within a window.
type Limit struct {
	// Name says what is counted, such as namespace/shop.
	Name   string
	Max    int
	Window time.Duration
}

// Trip says which limit refused; the zero value says that none did.
type Trip struct {
	Limit      string
	Count, Max int
	// Paused: a pause came first.
	Paused bool
}

// Authority decides on proposals.
type Authority struct {
	policy   Policy
	breaker  Breaker
	settings settings
	now      func() time.Time
}

// ruling is what one gate says; an empty outcome lets the next gate speak.
type ruling struct {
	outcome, reason, detail string
	// policy is the digest of the policy that decided.
	policy string
	limits []Limit
}

// Decide passes a proposal through the gates. An error means that a gate
// could not be asked and that nothing is decided.
func (a *Authority) Decide(ctx context.Context, r Request) (event.Decision, error) {
	entry, refused := checkCatalogue(r.Proposal)
	if refused.outcome != "" {
		return a.decision(r, entry, refused), nil
	}
	said, err := a.rule(ctx, r, entry)
	if err != nil {
		return event.Decision{}, err
	}
	return a.decision(r, entry, said), nil
}

// rule asks pause, policy and breaker. The policy is asked even while paused:
// what it rejects needs no person.
func (a *Authority) rule(ctx context.Context, r Request, entry action.Action) (ruling, error) {
	pause, err := a.breaker.Paused(ctx)
	if err != nil {
		return ruling{}, fmt.Errorf("read pause: %w", err)
	}
	said, err := a.ask(ctx, r, entry)
	if err != nil || said.outcome == event.DecisionRejected {
		return said, err
	}
	if pause.On {
		return heldByPause(said, pause), nil
	}
	if said.outcome != event.DecisionApproved || !entry.ChangesCluster || a.settings.dryRun {
		return said, nil
	}
	if age := a.now().Sub(r.Context.CollectedAt); r.Proposal.Step == 1 && !r.Context.CollectedAt.IsZero() && age > maxContextAge {
		return held(said, reasonContextOld, fmt.Sprintf("what was analysed was seen %s ago, and much may have happened since",
			age.Round(time.Minute))), nil
	}
	limits := said.limits
	if len(limits) == 0 {
		limits = a.settings.breaker.limits(r)
	}
	trip, err := a.breaker.Admit(ctx, r.Remediation.ID, limits)
	switch {
	case err != nil:
		return ruling{}, fmt.Errorf("admit remediation: %w", err)
	case trip.Paused:
		return held(said, reasonPaused, "Kubernaut was paused while this was decided"), nil
	case trip.Limit != "":
		return held(said, reasonStormBreaker, fmt.Sprintf("the limit %s allows %d remediations in %s, and %d were approved",
			trip.Limit, trip.Max, windowOf(limits, trip.Limit), trip.Count)), nil
	}
	return said, nil
}

// heldByPause keeps the policy's own objection, which the person who answers
// must see, and adds that there is a pause besides.
func heldByPause(said ruling, p Pause) ruling {
	why := fmt.Sprintf("%s paused Kubernaut: %s", p.By, p.Reason)
	if said.outcome == event.DecisionHeld {
		said.detail += "; besides, " + why
		return said
	}
	return held(said, reasonPaused, why)
}

func held(said ruling, reason, detail string) ruling {
	return ruling{outcome: event.DecisionHeld, reason: reason, detail: detail, policy: said.policy}
}

func windowOf(limits []Limit, name string) time.Duration {
	for _, l := range limits {
		if l.Name == name {
			return l.Window
		}
	}
	return 0
}

// checkCatalogue rejects what execute could never run.
func checkCatalogue(p event.Proposal) (action.Action, ruling) {
	reject := func(reason, format string, args ...any) ruling {
		return ruling{outcome: event.DecisionRejected, reason: reason, detail: fmt.Sprintf(format, args...)}
	}
	entry, ok := action.Lookup(p.Action)
	switch {
	case !ok:
		return entry, reject(reasonActionUnknown, "%q is not an action of the catalogue", p.Action)
	case p.Step < 1 || p.Step > event.MaxRungs:
		return entry, reject(reasonStepInvalid, "step %d is not within 1 and %d", p.Step, event.MaxRungs)
	case p.Target.Kind == "" || p.Target.Name == "" || !entry.Accepts(p.Target.Kind):
		return entry, reject(reasonTargetNotAllowed, "%s does not act on %q", p.Action, p.Target.String())
	}
	if err := entry.Validate(p.Parameters); err != nil {
		return entry, reject(reasonParametersBad, "%v", err)
	}
	return entry, ruling{}
}

// decision writes a ruling down: exactly this action, with exactly these
// parameters, on exactly this object.
func (a *Authority) decision(r Request, entry action.Action, said ruling) event.Decision {
	now := a.now()
	d := event.Decision{
		Outcome: said.outcome, Reason: said.reason, Detail: event.Cut(said.detail, event.MaxText), Policy: said.policy,
		Step: r.Proposal.Step, Action: r.Proposal.Action, Parameters: r.Proposal.Parameters, Target: pin(r.Proposal.Target, r.Context.Target),
		Risk: string(entry.Risk), DryRun: a.settings.dryRun, Proposal: r.ProposalDigest, DecidedAt: now, ExpiresAt: now,
	}
	switch said.outcome {
	case event.DecisionApproved:
		d.ExpiresAt = now.Add(a.settings.decisionWithin)
	case event.DecisionHeld:
		d.ExpiresAt = now.Add(a.settings.approvalWithin)
	}
	return d
}

// pin names the very object: a namesake that is made later is not what was
// decided upon.
func pin(target, observed event.Target) event.Target {
	if target.UID == "" && target.Same(observed) {
		target.UID = observed.UID
	}
	return target
}
