package function

import (
	"context"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// handlers stand between the harness and the domain.
type handlers struct {
	authority *Authority
	book      book
	now       func() time.Time
}

// book is what the stage keeps about holds and their answers.
type book interface {
	// Hold makes a held event answerable, and due to expire after within.
	Hold(ctx context.Context, e cloudevents.Event, h waiting) error
	// Held is the hold that waits; zero when none does.
	Held(ctx context.Context, remediation string) (Hold, error)
	// Answered tells whether somebody has answered the step.
	Answered(ctx context.Context, remediation string, step int) (bool, error)
	// AnswerFirst records the answer, unless another was recorded before; ours
	// tells whether the one that counts is this event.
	AnswerFirst(ctx context.Context, e cloudevents.Event, step int) (ours bool, err error)
	// Close takes off the due list what an answer that has come makes needless:
	// the expiry of its hold, and the copy of its event that would be sent again.
	Close(ctx context.Context, a Answer) error
}

// waiting says who waits for an answer, and for how long.
type waiting struct {
	remediation event.Remediation
	step        int
	within      time.Duration
}

func (h handlers) proposed(ctx context.Context, in stage.Input[event.RemediationProposedData]) (stage.Reply, error) {
	if h.tooOld(in.Data.Remediation) {
		return stage.Nothing(reasonTooOld), nil
	}
	d, err := h.authority.Decide(ctx, Request{RemediationProposedData: in.Data, ProposalDigest: in.Document.Digest(event.SectionProposal)})
	if err != nil {
		return stage.Reply{}, err
	}
	switch d.Outcome {
	case event.DecisionApproved:
		return emit(event.RemediationApproved, d), nil
	case event.DecisionHeld:
		return h.hold(ctx, in.Data.Remediation, d)
	default:
		return h.rejected(d, event.OutcomeRejected), nil
	}
}

// hold replies with the held event, made answerable before anybody sees it. A
// hold that has been answered is not reopened by a late second delivery.
func (h handlers) hold(ctx context.Context, r event.Remediation, d event.Decision) (stage.Reply, error) {
	answered, err := h.book.Answered(ctx, r.ID, d.Step)
	if err != nil {
		return stage.Reply{}, err
	}
	if answered {
		return stage.Nothing(reasonAlreadyAnswered), nil
	}
	within := h.authority.settings.approvalWithin
	reply := emit(event.RemediationHeld, d)
	reply.Within = within + approvalGrace
	reply.Before = func(ctx context.Context, e cloudevents.Event) error {
		return h.book.Hold(ctx, e, waiting{remediation: r, step: d.Step, within: within})
	}
	return reply, nil
}

func (h handlers) granted(ctx context.Context, in stage.Input[event.ApprovalAnsweredData]) (stage.Reply, error) {
	return h.answered(ctx, in, h.authority.grant)
}

func (h handlers) refused(ctx context.Context, in stage.Input[event.ApprovalAnsweredData]) (stage.Reply, error) {
	return h.answered(ctx, in, h.authority.refuse)
}

// answered acts on the first answer that answers the hold that waits. What
// does not is dropped with its reason: the hold stays open for a real answer.
func (h handlers) answered(ctx context.Context, in stage.Input[event.ApprovalAnsweredData], decide func(Answer) event.Decision) (stage.Reply, error) {
	if h.tooOld(in.Data.Remediation) {
		return stage.Nothing(reasonTooOld), nil
	}
	waits, err := h.book.Held(ctx, in.Data.Remediation.ID)
	if err != nil {
		return stage.Reply{}, err
	}
	a := Answer{ApprovalAnsweredData: in.Data, Granted: in.Type == event.ApprovalGranted, Hold: waits,
		ProposalDigest: in.Document.Digest(event.SectionProposal), ID: in.ID}
	if reason := a.verify(); reason != "" {
		return stage.Nothing(reason), nil
	}
	ours, err := h.book.AnswerFirst(ctx, in.Event, a.Decision.Step)
	if err != nil {
		return stage.Reply{}, err
	}
	if !ours {
		return stage.Nothing(reasonAlreadyAnswered), nil
	}
	return h.conclude(ctx, a, decide)
}

func (h handlers) conclude(ctx context.Context, a Answer, decide func(Answer) event.Decision) (stage.Reply, error) {
	// Ours is the answer that counts: the expiry has nothing left to do. If
	// this process dies here, the expiry finds the answer and sends it again.
	if err := h.book.Close(ctx, a); err != nil {
		return stage.Reply{}, err
	}
	if !a.inTime(h.now()) {
		return h.rejected(h.authority.late(a), event.OutcomeExpired), nil
	}
	d := decide(a)
	if d.Outcome != event.DecisionApproved {
		return h.rejected(d, event.OutcomeRejected), nil
	}
	return emit(event.RemediationApproved, d), nil
}

// undoRequested leaves the claim as it is, whatever it says: the remediation goes
// on, or has ended, as if nobody had asked, until something is taken back. One
// that got lost is asked for again.
func (h handlers) undoRequested(_ context.Context, in stage.Input[event.UndoRequestedData]) (stage.Reply, error) {
	d, reason := h.authority.undo(in.Data, in.Document.Digest(event.SectionProposal))
	if reason != "" {
		return stage.Nothing(reason), nil
	}
	reply := h.rejected(d, event.OutcomeRejected)
	if d.Outcome == event.DecisionApproved {
		reply = emit(event.RemediationApproved, d)
		// How the remediation ended before is no longer how it ends.
		reply.Sections = append(reply.Sections, event.Section{Name: event.SectionEnd})
	}
	reply.Detached = true
	return reply, nil
}

func (h handlers) tooOld(r event.Remediation) bool {
	return h.now().Sub(r.OpenedAt) > ledger.MaxEventAge
}

func emit(eventType string, d event.Decision) stage.Reply {
	reply := stage.Emit(eventType, event.Section{Name: event.SectionDecision, Value: d})
	reply.Reason = d.Reason
	return reply
}

func (h handlers) rejected(d event.Decision, outcome string) stage.Reply {
	reply := stage.Ended(event.RemediationRejected, event.End{Outcome: outcome, Reason: d.Reason, Detail: d.Detail,
		Stage: event.StageAuthorize, EndedAt: h.now()}, event.Section{Name: event.SectionDecision, Value: d})
	reply.Reason = d.Reason
	return reply
}
