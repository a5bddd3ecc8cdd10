package function

import (
	"fmt"
	"time"

	"kubernaut.ai/shared/event"
)

// Answer is a person's answer to a held proposal, as the approve stage sealed
// it, with what was found about the hold that it answers.
type Answer struct {
	event.ApprovalAnsweredData
	// Granted tells which of the two types the event has.
	Granted bool
	// ProposalDigest is the digest of the proposal section as it came.
	ProposalDigest string
	// ID is the answer event's id.
	ID string
	// Hold is the held event that waits now; zero when none does.
	Hold Hold
}

// Hold is what the ledger knows of the proposal that waits for an answer.
type Hold struct {
	ID             string
	Step           int
	ProposalDigest string
}

// answerID is the id that the approve stage gives the answer to a hold. The id
// is under the seal, so it ties the answer to this hold and to no other.
func answerID(hold string, granted bool) string {
	if granted {
		return event.ID(hold+"/granted", event.ApprovalGranted, 0)
	}
	return event.ID(hold+"/refused", event.ApprovalRefused, 0)
}

// verify finds out whether the answer answers the hold that waits, for the
// very proposal that was held. It returns a named reason, empty if so. It does
// not look at the time, nor at whether another answer came first.
func (a Answer) verify() string {
	d, p := a.Decision, a.Approval
	switch {
	case p.Approver == "":
		return reasonApproverMissing
	case p.Granted != a.Granted:
		return reasonAnswerMismatch
	case d.Outcome != event.DecisionHeld:
		return reasonNotHeld
	case d.Proposal == "" || d.Proposal != a.ProposalDigest:
		return reasonProposalAltered
	case p.Proposal != a.ProposalDigest:
		return reasonProposalMismatch
	case p.Step != d.Step || d.Step != a.Proposal.Step:
		return reasonStepMismatch
	case d.Action != a.Proposal.Action || !d.Target.Same(a.Proposal.Target):
		return reasonDecisionMismatch
	case a.Hold.ID == "":
		return reasonNotHeld
	case a.ID != answerID(a.Hold.ID, a.Granted) || a.Hold.Step != d.Step || a.Hold.ProposalDigest != a.ProposalDigest:
		return reasonHoldReplaced
	}
	return ""
}

// inTime tells whether the person answered before the hold expired, and the
// answer then arrived while a Broker may still have been delivering it.
func (a Answer) inTime(now time.Time) bool {
	return !a.Approval.AnsweredAt.After(a.Decision.ExpiresAt.Add(clockSkew)) &&
		!now.After(a.Approval.AnsweredAt.Add(event.AnswerWithin)) &&
		!a.Approval.AnsweredAt.After(now.Add(clockSkew))
}

// grant is the approved decision that follows from a person's yes. The person
// overrides policy, pause and breaker, and saw which of them objected; the
// action catalogue is not theirs to override.
func (a *Authority) grant(answer Answer) event.Decision {
	now := a.now()
	d := answer.Decision
	entry, refused := checkCatalogue(answer.Proposal)
	if refused.outcome != "" {
		d.Outcome, d.Reason, d.Detail, d.DecidedAt, d.ExpiresAt = refused.outcome, refused.reason, refused.detail, now, now
		return d
	}
	// The parameters come from the proposal whose digest was checked.
	d.Outcome, d.Reason, d.Risk = event.DecisionApproved, reasonApprovedByPerson, string(entry.Risk)
	d.Parameters, d.Target = answer.Proposal.Parameters, pin(answer.Proposal.Target, answer.Context.Target)
	d.Detail = event.Cut(fmt.Sprintf("held for %s (%s); %s approved it%s", answer.Decision.Reason, answer.Decision.Detail,
		answer.Approval.Approver, comment(answer.Approval)), event.MaxText)
	d.Undo, d.DryRun, d.Approver = false, a.settings.dryRun, answer.Approval.Approver
	d.DecidedAt, d.ExpiresAt = now, now.Add(a.settings.decisionWithin)
	return d
}

// refuse is the rejected decision that follows from a person's no.
func (a *Authority) refuse(answer Answer) event.Decision {
	now := a.now()
	d := answer.Decision
	d.Outcome, d.Reason, d.Approver = event.DecisionRejected, reasonRefusedByPerson, answer.Approval.Approver
	d.Detail = event.Cut(answer.Approval.Approver+" refused it"+comment(answer.Approval), event.MaxText)
	d.DecidedAt, d.ExpiresAt = now, now
	return d
}

// late is the rejected decision on an answer that came too late.
func (a *Authority) late(answer Answer) event.Decision {
	now := a.now()
	d := answer.Decision
	d.Outcome, d.Reason = event.DecisionRejected, reasonApprovalExpired
	d.Detail = fmt.Sprintf("the hold ended at %s; answered at %s, received at %s", answer.Decision.ExpiresAt.UTC().Format(time.RFC3339),
		answer.Approval.AnsweredAt.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	d.DecidedAt, d.ExpiresAt = now, now
	return d
}

func comment(p event.Approval) string {
	if p.Comment == "" {
		return ""
	}
	return ": " + event.Cut(p.Comment, event.MaxText/2)
}
