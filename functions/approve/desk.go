package function

import (
	"context"
	"errors"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// The named reasons of refusals.
const (
	reasonNotHeld         = "not_held"
	reasonHoldBroken      = "hold_not_believed"
	reasonProposalChanged = "proposal_changed"
	reasonAlreadyAnswered = "already_answered"
	reasonApprovalExpired = "approval_expired"
	reasonNotExecuted     = "not_executed"
	reasonUndoImpossible  = "undo_impossible"
	reasonAlreadyUndone   = "already_undone"
	reasonNoHistory       = "history_not_configured"
	reasonUnknown         = "unknown_remediation"
	reasonHistoryBroken   = "history_not_readable"
	reasonNamespaceNeeded = "namespace_needed"
	reasonUnauthenticated = "unauthenticated"
	reasonForbidden       = "forbidden"
	reasonUnavailable     = "unavailable"
	reasonBadRequest      = "bad_request"
)

// refusal is a no with its named reason. What follows is for people.
type refusal struct{ reason, detail string }

func (r *refusal) Error() string { return r.reason + ": " + r.detail }

func refuse(reason, format string, args ...any) error {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

// book keeps what is held and how it was answered.
type book interface {
	// Held is the sealed event that waits; errNone when none does.
	Held(ctx context.Context, remediation string) (cloudevents.Event, error)
	// Answer is what was recorded as the answer to a step; errNone when nothing.
	Answer(ctx context.Context, remediation string, step int) (recorded, error)
	// AnswerOnce records the answer unless there is one, and returns the one
	// that counts.
	AnswerOnce(ctx context.Context, e cloudevents.Event, step int) (recorded, error)
	// Park has the event published later, unless authorize has it by then.
	Park(ctx context.Context, e cloudevents.Event) error
	// Unpark takes that back.
	Unpark(ctx context.Context, e cloudevents.Event) error
}

// recorded is the answer that counts.
type recorded struct {
	// Event is the sealed answer; zero when the hold expired unanswered.
	Event cloudevents.Event
	// Expired: the expiry came first.
	Expired bool
	// First: it was recorded just now.
	First bool
}

// press seals and publishes.
type press interface {
	Seal(ctx context.Context, d event.Draft) (cloudevents.Event, error)
	Publish(ctx context.Context, e cloudevents.Event) error
}

// chronicle knows what was executed.
type chronicle interface {
	// Timeline lists a remediation's events of these types, the oldest first.
	Timeline(ctx context.Context, remediation string, types ...string) ([]history.Entry, error)
}

var errNone = errors.New("nothing is recorded")

// desk is where answers are taken, once the person is known.
type desk struct {
	book  book
	press press
	// chronicle is nil where no history is configured.
	chronicle chronicle
	keys      event.Keyring
	now       func() time.Time
}

// held is a proposal that waits for an answer, or has had one.
type held struct {
	event    cloudevents.Event
	document event.Document
	data     event.RemediationDecidedData
	digest   string
}

// open reads what is held under a remediation, and believes only its seal.
func (d *desk) open(ctx context.Context, remediation string) (held, error) {
	e, err := d.book.Held(ctx, remediation)
	if errors.Is(err, errNone) {
		return held{}, refuse(reasonNotHeld, "Nothing is held under this id: it was never held, or was answered or expired a while ago.")
	}
	if err != nil {
		return held{}, err
	}
	h := held{event: e}
	h.document, err = d.believe(e, event.RemediationHeld, remediation)
	if err == nil {
		err = unmarshal(e, &h.data)
	}
	if err != nil {
		return held{}, refuse(reasonHoldBroken, "What is stored under this id is not a held proposal that Kubernaut sealed: %v", err)
	}
	h.digest = h.document.Digest(event.SectionProposal)
	return h, nil
}

// believe checks that a stored event is the expected one, by its seal.
func (d *desk) believe(e cloudevents.Event, eventType, remediation string) (event.Document, error) {
	if err := d.keys.Verify(e); err != nil {
		return event.Document{}, err
	}
	if e.Type() != eventType || event.Extension(e, event.ExtCorrelation) != remediation {
		return event.Document{}, fmt.Errorf("it is %s of remediation %q", e.Type(), event.Extension(e, event.ExtCorrelation))
	}
	return event.ParseDocument(e.Data())
}

// wish is what a person answers.
type wish struct {
	granted bool
	by      Person
	comment string
	// proposal is the digest of the proposal that the person saw; empty when
	// they did not say.
	proposal string
}

// receipt tells a person what became of their wish.
type receipt struct {
	event cloudevents.Event
	// repeated: the same person had given the same answer before.
	repeated bool
}

// answer records and publishes a person's answer. It is safe to repeat at any
// point, and every repetition publishes the answer that counts once more.
func (d *desk) answer(ctx context.Context, h held, w wish) (receipt, error) {
	id, step := h.data.Remediation.ID, h.data.Decision.Step
	if w.proposal != "" && w.proposal != h.digest {
		return receipt{}, refuse(reasonProposalChanged, "The proposal is no longer the one that you saw: read it again, its digest is %s.", h.digest)
	}
	before, err := d.book.Answer(ctx, id, step)
	if err == nil {
		return d.repeat(ctx, before, w)
	}
	if !errors.Is(err, errNone) {
		return receipt{}, err
	}
	if d.now().After(h.data.Decision.ExpiresAt) {
		return receipt{}, expired(h)
	}
	e, err := d.seal(ctx, h, w)
	if err != nil {
		return receipt{}, err
	}
	// Parked first: the due list publishes it unless authorize takes it off, who
	// has it. So it is not lost with this process, nor by a Broker that took it.
	if err := d.book.Park(ctx, e); err != nil {
		return receipt{}, err
	}
	counts, err := d.book.AnswerOnce(ctx, e, step)
	if err != nil {
		return receipt{}, err
	}
	if counts.First {
		return receipt{event: e}, d.press.Publish(ctx, e)
	}
	if err := d.parkOnly(ctx, counts, e); err != nil {
		return receipt{}, err
	}
	return d.repeat(ctx, counts, w)
}

// parkOnly leaves parked what counts, instead of an answer that came second.
// Two persons' same word has the same id, and so the same place.
func (d *desk) parkOnly(ctx context.Context, counts recorded, second cloudevents.Event) error {
	if !counts.Expired && counts.Event.ID() == second.ID() {
		return d.book.Park(ctx, counts.Event)
	}
	return d.book.Unpark(ctx, second)
}

func expired(h held) error {
	return refuse(reasonApprovalExpired, "It could be answered until %s.", h.data.Decision.ExpiresAt.UTC().Format(time.RFC3339))
}

func (d *desk) seal(ctx context.Context, h held, w wish) (cloudevents.Event, error) {
	eventType, word := event.ApprovalRefused, "/refused"
	if w.granted {
		eventType, word = event.ApprovalGranted, "/granted"
	}
	return d.press.Seal(ctx, event.Draft{
		// The id binds the answer to this hold; authorize derives it again.
		Type: eventType, Parent: &h.event, Cause: h.event.ID() + word, Document: h.document, Now: d.now(),
		Sections: []event.Section{{Name: event.SectionApproval, Value: event.Approval{
			Approver: w.by.Name, Granted: w.granted, Proposal: h.digest, Step: h.data.Decision.Step,
			Comment: event.Cut(w.comment, event.MaxText), AnsweredAt: d.now(),
		}}},
	})
}

// repeat publishes the answer that counts once more, under the same id, and
// tells a person whose answer differs who was first.
func (d *desk) repeat(ctx context.Context, counts recorded, w wish) (receipt, error) {
	if counts.Expired {
		return receipt{}, refuse(reasonApprovalExpired, "It expired before anybody answered.")
	}
	var first event.ApprovalAnsweredData
	if err := unmarshal(counts.Event, &first); err != nil {
		return receipt{}, refuse(reasonHoldBroken, "The recorded answer cannot be read: %v", err)
	}
	if err := d.keys.Verify(counts.Event); err != nil {
		return receipt{}, refuse(reasonHoldBroken, "The recorded answer is not one that Kubernaut sealed: %v", err)
	}
	if err := d.press.Publish(ctx, counts.Event); err != nil {
		return receipt{}, err
	}
	if first.Approval.Approver != w.by.Name || first.Approval.Granted != w.granted {
		return receipt{}, refuse(reasonAlreadyAnswered, "%s %s it at %s.", first.Approval.Approver, verdict(first.Approval.Granted),
			first.Approval.AnsweredAt.UTC().Format(time.RFC3339))
	}
	return receipt{event: counts.Event, repeated: true}, nil
}

func verdict(granted bool) string {
	if granted {
		return "approved"
	}
	return "refused"
}
