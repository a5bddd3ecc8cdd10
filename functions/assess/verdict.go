package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// judged is a verdict on an executed step, with what publishing it needs.
type judged struct {
	item ledger.Leased
	// phase is the claim's; empty where Redis forgot it.
	phase      string
	executed   cloudevents.Event
	data       event.RemediationExecutedData
	assessment event.Assessment
	// again: an earlier attempt came to it, and may have published it.
	again bool
	// cause is where ids derive from: the item and the attempt.
	cause string
}

// assess judges an applied step whose window is over. A death anywhere leaves
// the item, whose next worker finds the stored verdict and publishes the same
// ids.
func (a *assessor) assess(ctx context.Context, item ledger.Leased) error {
	claim, gone, err := a.claimOf(ctx, item.Due)
	if err != nil {
		return err
	}
	if gone {
		a.herald.Drop(ctx, stage.ReasonSuperseded, item.ID)
		return a.book.Complete(ctx, item)
	}
	attempt, body := uncounted(item.Payload)
	j := judged{item: item, phase: claim.Phase, cause: verdictID(item.ID, attempt)}
	if j.executed, err = a.parked(body); err != nil {
		return err
	}
	if err := json.Unmarshal(j.executed.Data(), &j.data); err != nil {
		return stage.Permanent(ReasonBadItem, fmt.Errorf("decode executed event: %w", err))
	}
	if j.assessment, j.again, err = a.verdict(ctx, j, attempt); err != nil {
		return err
	}
	switch {
	case j.assessment.Verdict == event.VerdictEffective:
		return a.heal(ctx, j)
	case j.assessment.Verdict == event.VerdictIneffective:
		return a.nextRung(ctx, j)
	case attempt < MaxAttempts:
		return a.lookAgain(ctx, j, body)
	case j.changedByOthers():
		return a.takenOver(ctx, j)
	}
	return a.giveUp(ctx, j)
}

// verdict is the one on record for this attempt; else what is found now is put
// there. Again tells that there was one.
func (a *assessor) verdict(ctx context.Context, j judged, attempt int) (_ event.Assessment, again bool, _ error) {
	stored, err := a.book.Verdict(ctx, j.cause)
	again = err == nil
	if errors.Is(err, ledger.ErrNotFound) {
		stored, err = a.judge(ctx, j, attempt)
	}
	if err != nil {
		return event.Assessment{}, false, err
	}
	var verdict event.Assessment
	if err := json.Unmarshal(stored, &verdict); err != nil {
		return verdict, again, stage.Permanent(ReasonBadItem, fmt.Errorf("decode stored verdict: %w", err))
	}
	return verdict, again, nil
}

// judge records a verdict on what is found now, and returns the one that counts.
func (a *assessor) judge(ctx context.Context, j judged, attempt int) ([]byte, error) {
	found := a.witness.Look(ctx, Case{Remediation: j.data.Remediation, Signal: j.data.Signal, Execution: j.data.Execution})
	// A turn that ran out saw nothing because it had no time: that is no
	// evidence, and the next ping looks again.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	verdict := Judge(found, Round{Step: j.data.Execution.Step, Attempt: attempt})
	verdict.AssessedAt = a.now()
	body, err := json.Marshal(verdict)
	if err != nil {
		return nil, fmt.Errorf("encode verdict: %w", err)
	}
	record, err := a.book.VerdictOnce(ctx, j.cause, body, verdictsKeptFor)
	return record.Value, err
}

// sealAssessed makes the event that tells the verdict. Its time is the
// verdict's, so that every attempt to publish it makes the same event.
func (a *assessor) sealAssessed(ctx context.Context, j judged) (cloudevents.Event, error) {
	doc, err := event.ParseDocument(j.executed.Data())
	if err != nil {
		return cloudevents.Event{}, err
	}
	return a.herald.Seal(follow(ctx, j.executed), event.Draft{Type: event.EffectivenessAssessed, Parent: &j.executed,
		Cause: j.cause, Document: doc, Now: j.assessment.AssessedAt,
		Sections: []event.Section{{Name: event.SectionAssessment, Value: j.assessment}}})
}

// heal ends a remediation that helped.
func (a *assessor) heal(ctx context.Context, j judged) error {
	end := event.End{Outcome: event.OutcomeHealed, Reason: endEffective,
		Detail: fmt.Sprintf("%s helped: score %.2f over %.0f %% of the evidence.", j.data.Execution.Action, j.assessment.Score, 100*j.assessment.Coverage)}
	if j.data.Execution.Action == action.CordonNode {
		end.Detail += " No new pod comes there until the undo, or kubectl uncordon."
	}
	if j.data.Execution.Outcome == event.ExecutionNothing {
		end = event.End{Outcome: event.OutcomeCancelled, Reason: endByItself,
			Detail: j.data.Execution.Action + " found nothing to change, and the target is well."}
	}
	return a.end(ctx, j, event.RemediationClosed, end)
}

// giveUp calls a person where no verdict can be reached.
func (a *assessor) giveUp(ctx context.Context, j judged) error {
	return a.end(ctx, j, event.RemediationEscalated, event.End{Outcome: event.OutcomeEscalated, Reason: endNoVerdict,
		Detail: event.Cut(fmt.Sprintf("Whether %s helped %s cannot be told (%s). Look at it%s.",
			j.data.Execution.Action, j.data.Signal.Target, firstOf(j.assessment.Reasons), j.standing()), event.MaxText)})
}

// takenOver ends a remediation whose target somebody else changed since, and which
// is well: whose success that is cannot be told, and nobody needs to be called.
func (a *assessor) takenOver(ctx context.Context, j judged) error {
	return a.end(ctx, j, event.RemediationClosed, event.End{Outcome: event.OutcomeCancelled, Reason: endTakenOver,
		Detail: event.Cut(fmt.Sprintf("Somebody has changed %s since %s, and it is well: whose doing that is cannot be told.",
			j.data.Execution.Target, j.data.Execution.Action), event.MaxText)})
}

// changedByOthers tells that others changed the target since, that it is healthy, and
// that its alerts stopped. A GitOps controller that puts back what it knows helps
// nobody: a person has to change what it knows.
func (j judged) changedByOthers() bool {
	health, alert := j.part(partHealth), j.part(partAlert)
	return j.part(partDrift).against() && j.data.Context.GitOps == nil && j.assessment.Score >= EffectiveFrom &&
		health.Known && health.Score >= EffectiveFrom && alert.Known && !alert.against()
}

// standing says what became of the change, where that was seen.
func (j judged) standing() string {
	drift, x := j.part(partDrift), j.data.Execution
	switch {
	case drift.against():
		return "; somebody has changed it since"
	case drift.Known && len(x.Changes) > 0 && x.Undo != nil && x.Undo.Possible:
		return "; the change is still in place"
	}
	return ""
}

// assessed is a part of an assessment.
type assessed struct{ event.Part }

// against tells that the part speaks against the action.
func (p assessed) against() bool { return p.Known && p.Score < 1 }

// part is a part of the assessment; what was not looked at is not known.
func (j judged) part(name string) assessed {
	for _, p := range j.assessment.Parts {
		if p.Name == name {
			return assessed{p}
		}
	}
	return assessed{}
}

func firstOf(reasons []string) string {
	if len(reasons) == 0 {
		return ReasonNoEvidence
	}
	return reasons[0]
}

// end publishes the verdict and the end that follows from it.
func (a *assessor) end(ctx context.Context, j judged, eventType string, end event.End) error {
	assessed, err := a.sealAssessed(ctx, j)
	if err != nil {
		return err
	}
	if err := a.herald.Publish(ctx, assessed); err != nil {
		return err
	}
	end.EndedAt = j.assessment.AssessedAt
	final, err := a.sealEnd(ctx, ending{eventType: eventType, parent: assessed, end: end})
	if err != nil {
		return err
	}
	if err := a.publishEnd(ctx, final); err != nil {
		return err
	}
	return a.book.Complete(ctx, j.item)
}

// nextRung hands an ineffective step back to analyze under the same claim.
// The claim is moved first: once the event is out, a quicker stage may already
// have moved it further.
func (a *assessor) nextRung(ctx context.Context, j judged) error {
	assessed, err := a.sealAssessed(ctx, j)
	if err != nil {
		return err
	}
	if !j.movedOn() {
		err = a.herald.Track(ctx, assessed, 0)
	}
	if over(err) {
		a.herald.Drop(ctx, stage.ReasonSuperseded, j.item.ID)
		return a.book.Complete(ctx, j.item)
	}
	if err != nil {
		return err
	}
	if err := a.herald.Publish(ctx, assessed); err != nil {
		return err
	}
	return a.book.Complete(ctx, j.item)
}

// movedOn tells that the Broker took the verdict of an earlier attempt, though
// that attempt did not hear so: stages behind it have moved the claim further.
func (j judged) movedOn() bool {
	if !j.again {
		return false
	}
	switch j.phase {
	case "", event.ShortType(event.RemediationExecuted), event.ShortType(event.EffectivenessAssessed):
		return false
	}
	return true
}

// lookAgain puts an unknown verdict off. Scheduling the item anew ends this
// worker's lease and starts the next attempt in one step.
func (a *assessor) lookAgain(ctx context.Context, j judged, body []byte) error {
	r := j.data.Remediation
	err := a.book.Advance(ctx, ledger.Advance{Fingerprint: r.Fingerprint, Remediation: r.ID,
		Phase: event.ShortType(j.executed.Type()), Within: a.settings.Retry + a.settings.Grace})
	if over(err) {
		return a.book.Complete(ctx, j.item)
	}
	if err != nil {
		return err
	}
	due := j.item.Due
	due.Payload = counted(j.assessment.Attempt+1, body)
	return a.book.Schedule(ctx, due, a.settings.Retry)
}
