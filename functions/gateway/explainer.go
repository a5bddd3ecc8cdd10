package function

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

const (
	// maxExplained bounds the alerts of one request that are explained: each may
	// wake stages up and ask an analyst.
	maxExplained = 16
	// explainWithin bounds an explanation: the turn's budget less what it takes to
	// answer. Whoever has not said anything by then is said to be silent.
	explainWithin = stage.TurnBudget - 5*time.Second
)

// Steps of the gateway at which an alert's way may end.
const (
	stepAlert  = "alert"
	stepTarget = "target"
	stepScope  = "scope"
	stepClaim  = "claim"
)

// foresight is what an explanation needs of the ledger: all of it only reads.
type foresight interface {
	Foresee(ctx context.Context, fingerprint, base string) (ledger.Foresight, error)
	WouldResolve(ctx context.Context, id string, startsAt time.Time) (ledger.Resolution, bool, error)
	Get(ctx context.Context, fingerprint string) (ledger.Claim, error)
}

// explainer says what the gateway and the stages behind it would do with an
// alert. It runs the gateway's own code up to the claim, under a context in
// which Redis refuses every write and nothing can be published.
type explainer struct {
	gateway *gateway
	ledger  foresight
	asker   *asker
}

// newExplainer has the gateway's questions to the cluster noted.
func newExplainer(g *gateway, l foresight, a *asker) *explainer {
	g.objects = witnessed{g.objects}
	return &explainer{gateway: g, ledger: l, asker: a}
}

// question is one alert that is explained.
type question struct {
	*work
	trail *trail
	said  *ExplainedAlert
}

// explain says what would become of a request's alerts.
func (e *explainer) explain(ctx context.Context, b source.Batch) Explanation {
	ctx, cancel := context.WithTimeout(stage.ExplainOnly(ctx), explainWithin)
	defer cancel()
	out := Explanation{Source: b.Source, Truncated: b.Truncated, LeftOut: max(0, len(b.Items)-maxExplained)}
	b.Items = b.Items[:min(len(b.Items), maxExplained)]
	results := make([]Result, len(b.Items))
	firing, resolved, copies := e.gateway.sort(b, results)
	out.Alerts = make([]ExplainedAlert, len(b.Items))
	asked := e.questions(results, out.Alerts, append(append([]*work{}, firing...), resolved...))
	concurrently(asked, func(q *question) { e.locate(ctx, q) })
	concurrently(e.claims(ctx, asked), func(q *question) { e.follow(ctx, q) })
	for i, original := range copies {
		out.Alerts[i] = ExplainedAlert{Alert: out.Alerts[original].Alert, Would: WouldJoin,
			Stopped: ExplainedStop{At: stepAlert, Reason: ReasonDuplicate, Detail: "The request names this alert twice."}}
	}
	return out
}

// questions gives each alert its answer to fill in; those that are malformed or
// ignored for what they say themselves have it already.
func (e *explainer) questions(results []Result, said []ExplainedAlert, all []*work) (asked []*question) {
	for i := range results {
		said[i].Alert = results[i].Alert
		if results[i].Status == StatusInvalid {
			said[i].stop(WouldInvalid, ExplainedStop{At: stepAlert, Reason: results[i].Reason})
		}
		for _, w := range all {
			switch {
			case w.result != &results[i]:
			case w.result.Status != "":
				said[i].stop(WouldIgnore, ExplainedStop{At: stepAlert, Reason: w.result.Reason})
			default:
				asked = append(asked, &question{work: w, trail: &trail{}, said: &said[i]})
			}
		}
	}
	return asked
}

func (a *ExplainedAlert) stop(would string, s ExplainedStop) {
	s.Detail = event.Cut(s.Detail, event.MaxText)
	a.Would, a.Stopped = would, s
}

// detailLogged is told instead of an error, which may name addresses and rules
// that are none of the asker's business.
const detailLogged = "The gateway's log tells why."

// unknown ends an explanation with an error that only the log tells.
func (q *question) unknown(ctx context.Context, at, reason string, err error) {
	stage.Logger(ctx).Warnw("an alert is not explained", "at", at, "reason", reason, "error", err)
	q.said.stop(WouldUnknown, ExplainedStop{At: at, Reason: reason, Detail: detailLogged})
}

// locate finds the alert's target as ever, and tells how.
func (e *explainer) locate(ctx context.Context, q *question) {
	e.gateway.locate(withTrail(ctx, q.trail), q.work)
	candidates, _ := e.gateway.rules.Candidates(q.alert)
	q.said.Candidates, q.said.Owners = q.trail.candidates(candidates), q.trail.chain
	q.said.Fingerprint = q.fingerprint
	at := stepTarget
	if s := q.trail.scope; s != nil {
		q.said.Scope = &ExplainedScope{Managed: s.Managed, Reason: s.Reason}
		at = stepScope
	}
	if q.alert.Resolved {
		// What it is about may be gone: the claim that it joined is what counts.
		return
	}
	switch q.result.Status {
	case StatusRetry:
		q.unknown(ctx, at, q.result.Reason, q.result.err)
	case StatusIgnored:
		q.said.stop(WouldIgnore, ExplainedStop{At: at, Reason: q.result.Reason, Detail: q.result.Target})
	}
}

// claims says what each alert would meet that asks for its workload, and
// returns those that would open or take over a remediation.
func (e *explainer) claims(ctx context.Context, asked []*question) (opening []*question) {
	first := map[string]string{}
	for _, q := range asked {
		switch holder, other := first[q.fingerprint]; {
		case q.said.Would != "":
		case q.alert.Resolved:
			e.resolve(ctx, q)
		case other:
			q.said.Claim = &ExplainedClaim{Would: "join", Remediation: holder}
			q.said.stop(WouldJoin, ExplainedStop{At: stepClaim, Reason: ReasonDuplicate,
				Detail: "An alert before it in this request opens the remediation of this workload."})
		case e.claim(ctx, q):
			first[q.fingerprint] = q.said.Claim.Remediation
			opening = append(opening, q)
		}
	}
	return opening
}

// claim reports whether the alert would open or take over a remediation.
func (e *explainer) claim(ctx context.Context, q *question) bool {
	f, err := e.ledger.Foresee(ctx, q.fingerprint, base(q.work))
	if err != nil {
		q.unknown(ctx, stepClaim, ReasonLedgerDown, err)
		return false
	}
	c := ExplainedClaim{Remediation: f.Remediation, Phase: f.Claim.Phase, Outcome: f.Claim.Outcome}
	q.said.Claim = &c
	switch f.Outcome {
	case ledger.Opened:
		c = ExplainedClaim{Would: "open", Remediation: f.Remediation}
		return true
	case ledger.TakenOver:
		c.Would = "take_over"
		return true
	case ledger.CoolingDown:
		c.Would, c.Until = "cool_down", stamp(f.Claim.CooldownUntil)
		q.said.stop(WouldCoolDown, ExplainedStop{At: stepClaim, Reason: ReasonCoolingDown,
			Detail: fmt.Sprintf("%s ended a short while ago (%s).", f.Remediation, f.Claim.Outcome)})
	case ledger.Pending:
		c.Would, c.Until = "wait", stamp(f.Claim.Deadline)
		if f.Claim.Cancelled {
			q.said.stop(WouldWait, ExplainedStop{At: stepClaim, Reason: ReasonCancelling,
				Detail: fmt.Sprintf("%s was cancelled, and is not settled yet: the sender is asked to post again.", f.Remediation)})
			break
		}
		q.said.stop(WouldJoin, ExplainedStop{At: stepClaim, Reason: ReasonPublishing,
			Detail: fmt.Sprintf("%s is being opened at this moment.", f.Remediation)})
	default:
		c.Would, c.Until = "join", stamp(f.Claim.Deadline)
		q.said.stop(WouldJoin, ExplainedStop{At: stepClaim, Reason: ReasonDuplicate,
			Detail: fmt.Sprintf("%s is under way (%s).", f.Remediation, f.Claim.Phase)})
	}
	return false
}

// resolve says what an alert that stopped would mean to its remediation.
func (e *explainer) resolve(ctx context.Context, q *question) {
	r, found, err := e.ledger.WouldResolve(ctx, q.alert.ID, q.alert.StartsAt)
	var claim ledger.Claim
	if err == nil && found {
		if claim, err = e.ledger.Get(ctx, r.Fingerprint); errors.Is(err, ledger.ErrNotFound) {
			err = nil
		}
	}
	switch {
	case err != nil:
		q.unknown(ctx, stepClaim, ReasonLedgerDown, err)
		return
	case !found:
		q.said.stop(WouldIgnore, ExplainedStop{At: stepClaim, Reason: ReasonNotJoined})
		return
	}
	q.said.Fingerprint = r.Fingerprint
	q.said.Claim = &ExplainedClaim{Would: "resolve", Remediation: r.Remediation, StillFiring: r.StillFiring}
	reason := ReasonAfterEnd
	switch live := claim.Live() && claim.Remediation == r.Remediation; {
	case r.StillFiring > 0:
		reason = ReasonStillFiring
	case live && claim.Executing == "" && claim.Executed == "":
		reason = ReasonCancelled
	case live:
		reason = ReasonAfterStart
	}
	q.said.stop(WouldResolve, ExplainedStop{At: stepClaim, Reason: reason})
}

// follow asks the stages, each what it would answer to the one before.
func (e *explainer) follow(ctx context.Context, q *question) {
	r := event.Remediation{ID: q.said.Claim.Remediation, Fingerprint: q.fingerprint, OpenedAt: q.received}
	d := q.opening(r)
	d.Cause, d.Explain = "explain/"+d.Cause, true
	next, err := e.asker.seal(ctx, d)
	if err != nil {
		q.unknown(ctx, event.StageGateway, stage.ReasonInternal, err)
		return
	}
	for range maxAsked {
		name, ok := asks[next.Type()]
		if !ok {
			break
		}
		said, reply := e.asker.ask(ctx, name, next)
		q.said.Stages = append(q.said.Stages, said)
		if reply == nil {
			break
		}
		next = *reply
	}
	q.said.conclude()
}

// conclude draws the alert's end from what the stages said.
func (a *ExplainedAlert) conclude() {
	last := a.Stages[len(a.Stages)-1]
	s := ExplainedStop{At: last.Stage, Reason: ReasonTooLong, Detail: "The stages were asked as often as an explanation may ask."}
	would := WouldUnknown
	at, decision := a.decision()
	switch {
	case decision != nil && decision.Outcome != event.DecisionApproved:
		// Nothing follows without a person, whatever execute said.
		s = ExplainedStop{At: at, Reason: decision.Reason, Detail: decision.Detail}
		would = map[string]string{event.DecisionHeld: WouldHold, event.DecisionRejected: WouldReject}[decision.Outcome]
	case last.Event == "":
		s.Reason, s.Detail = last.Reason, last.Detail
	case last.Execution != nil:
		would, s.Reason, s.Detail = foretold(*last.Execution)
	case last.End != nil:
		would, s.Reason, s.Detail = WouldEscalate, last.End.Reason, last.End.Detail
	}
	a.stop(would, s)
}

// decision is the last that was said, and by which stage.
func (a *ExplainedAlert) decision() (at string, d *event.Decision) {
	for _, s := range a.Stages {
		if s.Decision != nil {
			at, d = s.Stage, s.Decision
		}
	}
	return at, d
}

// foretold is what an execution that is told of beforehand means for its alert.
func foretold(e event.Execution) (would, reason, detail string) {
	switch e.Outcome {
	case event.ExecutionRefused:
		return WouldFail, e.Reason, e.Detail
	case event.ExecutionDryRun:
		return WouldDryRun, e.Outcome, e.Observed
	case event.ExecutionApplied, event.ExecutionNothing:
		return WouldExecute, e.Outcome, e.Observed
	}
	return WouldUnknown, ReasonUnexpected, "execute answered with an outcome that this gateway does not know."
}
