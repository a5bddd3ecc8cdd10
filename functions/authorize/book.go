package function

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// holdKeep is how much longer than it can be answered a hold is remembered:
// an answer given at the last moment may still be on its way.
const holdKeep = event.AnswerWithin + approvalGrace

// ledgerBook keeps holds and answers in Redis. An answer is stored as the
// sealed event that carries it, so that it can be published again.
type ledgerBook struct {
	ledger *ledger.Ledger
	keys   event.Keyring
}

func (b ledgerBook) Hold(ctx context.Context, e cloudevents.Event, w waiting) error {
	body, err := stage.Encode(e)
	if err != nil {
		return err
	}
	if err := b.ledger.Hold(ctx, w.remediation.ID, body, w.within+holdKeep); err != nil {
		return err
	}
	return b.ledger.Schedule(ctx, ledger.Due{ID: ledger.ApprovalID(w.remediation.ID, w.step), Kind: ledger.KindApproval,
		Fingerprint: w.remediation.Fingerprint, Remediation: w.remediation.ID, Payload: body}, w.within)
}

// Held believes a stored hold only by its seal: whoever can write to Redis
// cannot make a hold.
func (b ledgerBook) Held(ctx context.Context, remediation string) (Hold, error) {
	body, err := b.ledger.Held(ctx, remediation)
	if errors.Is(err, ledger.ErrNotFound) {
		return Hold{}, nil
	}
	if err != nil {
		return Hold{}, err
	}
	e, err := stage.Decode(body)
	if err != nil {
		return Hold{}, stage.Permanent(reasonNotHeld, err)
	}
	if err := b.keys.Verify(e); err != nil {
		return Hold{}, stage.Permanent(reasonNotHeld, fmt.Errorf("verify stored hold: %w", err))
	}
	return parseHold(e)
}

func parseHold(e cloudevents.Event) (Hold, error) {
	doc, err := event.ParseDocument(e.Data())
	if err != nil {
		return Hold{}, stage.Permanent(reasonNotHeld, err)
	}
	var d event.Decision
	if err := doc.Decode(event.SectionDecision, &d); err != nil {
		return Hold{}, stage.Permanent(reasonNotHeld, err)
	}
	return Hold{ID: e.ID(), Step: d.Step, ProposalDigest: doc.Digest(event.SectionProposal)}, nil
}

func (b ledgerBook) Answered(ctx context.Context, remediation string, step int) (bool, error) {
	_, err := b.ledger.Answer(ctx, remediation, strconv.Itoa(step))
	if errors.Is(err, ledger.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (b ledgerBook) AnswerFirst(ctx context.Context, e cloudevents.Event, step int) (bool, error) {
	body, err := stage.Encode(e)
	if err != nil {
		return false, err
	}
	remediation := event.Extension(e, event.ExtCorrelation)
	r, err := b.ledger.AnswerOnce(ctx, ledger.OnceRecord{Remediation: remediation, Step: strconv.Itoa(step), Value: body, Keep: ledger.AnswerRetention})
	if err != nil || r.First {
		return r.First, err
	}
	// What is stored is an answer event, or the expiry that came before it.
	stored, err := stage.Decode(r.Value)
	return err == nil && stored.ID() == e.ID() && stored.Type() == e.Type(), nil
}

func (b ledgerBook) Close(ctx context.Context, a Answer) error {
	if err := b.ledger.DropDue(ctx, ledger.ApprovalID(a.Remediation.ID, a.Decision.Step)); err != nil {
		return err
	}
	return b.ledger.DropDue(ctx, ledger.ParkID(a.ID))
}

var _ book = ledgerBook{}
var _ Breaker = ledgerBreaker{}
