package function

import (
	"fmt"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// undo decides on the request to take an applied step back. Its reason is
// empty unless the request itself is not to be believed.
//
// Pause and breaker are not asked: an undo restores what was there, and it is
// what a person wants who has just paused everything. Execute refuses it if
// somebody moved the changed fields since.
func (a *Authority) undo(d event.UndoRequestedData, proposalDigest string) (decision event.Decision, reason string) {
	now := a.now()
	q := d.UndoRequest
	switch {
	case q.By == "" || q.Step != d.Execution.Step || d.Execution.Step != d.Proposal.Step:
		return event.Decision{}, reasonUndoRequestBad
	case now.After(q.RequestedAt.Add(event.AnswerWithin)) || q.RequestedAt.After(now.Add(clockSkew)):
		return event.Decision{}, reasonUndoRequestTooOld
	}
	decision = event.Decision{
		Outcome: event.DecisionApproved, Reason: reasonUndoRequested,
		Detail: event.Cut(fmt.Sprintf("%s asked for it: %s", q.By, q.Reason), event.MaxText),
		Step:   d.Execution.Step, Action: d.Proposal.Action, Target: pin(d.Proposal.Target, d.Execution.Target), Parameters: d.Proposal.Parameters,
		Risk: d.Proposal.Risk, Undo: true, DryRun: a.settings.dryRun, Proposal: proposalDigest, Policy: d.Decision.Policy,
		Approver: q.By, DecidedAt: now, ExpiresAt: now.Add(a.settings.decisionWithin),
	}
	if why := irreversible(d); why != "" {
		decision.Outcome, decision.Reason, decision.Detail, decision.ExpiresAt = event.DecisionRejected, reasonUndoImpossible, why, now
	}
	return decision, ""
}

// irreversible says why nothing can be taken back; empty if it can.
func irreversible(d event.UndoRequestedData) string {
	e := d.Execution
	entry, ok := action.Lookup(e.Action)
	switch {
	case !ok || e.Action != d.Proposal.Action:
		return fmt.Sprintf("the executed action %q is not the proposed one", e.Action)
	case e.Outcome != event.ExecutionApplied:
		return fmt.Sprintf("the step was not applied: its outcome is %s", e.Outcome)
	case e.Undo == nil:
		return e.Action + " left no undo receipt"
	case !e.Undo.Possible:
		return event.Cut(e.Undo.Summary, event.MaxText)
	case !entry.Reversible:
		return e.Action + " cannot be taken back"
	}
	return ""
}
