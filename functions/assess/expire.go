package function

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// expire ends a held remediation that nobody answered. Expiring is an answer
// like any other: the first one counts. What is stored is the sealed event, so
// that whoever goes on after a death publishes the very same.
func (a *assessor) expire(ctx context.Context, item ledger.Leased) error {
	claim, gone, err := a.claimOf(ctx, item.Due)
	if err != nil {
		return err
	}
	if gone {
		return a.book.Complete(ctx, item)
	}
	held, err := a.parked(item.Payload)
	if err != nil {
		return err
	}
	data, err := heldData(held)
	if err != nil {
		return err
	}
	x := unanswered(data.Decision)
	if claim.Cancelled {
		// The event that told of it got lost.
		x = ending{eventType: event.RemediationClosed, end: byResolve()}
	}
	x.parent, x.cause = held, item.ID
	expired, err := a.sealEnd(ctx, x)
	if err != nil {
		return err
	}
	body, err := stage.Encode(expired)
	if err != nil {
		return err
	}
	record, err := a.book.AnswerOnce(ctx, ledger.OnceRecord{Remediation: data.Remediation.ID,
		Step: strconv.Itoa(data.Decision.Step), Value: body, Keep: ledger.AnswerRetention})
	if err != nil {
		return err
	}
	answer, err := a.parked(record.Value)
	if err != nil {
		return err
	}
	if answer.Type() == event.ApprovalGranted || answer.Type() == event.ApprovalRefused {
		return a.answered(ctx, item, answer)
	}
	// An earlier attempt may have recorded another end: that one counts.
	if err := a.publishEnd(ctx, answer); err != nil {
		return err
	}
	if err := a.book.Unhold(ctx, data.Remediation.ID); err != nil {
		return err
	}
	return a.book.Complete(ctx, item)
}

// answered goes on where a person was quicker. Authorize, which takes the expiry
// of what it has seen answered off the list, has not seen that answer: it is
// published again, and ends the remediation even if it comes too late to count.
func (a *assessor) answered(ctx context.Context, item ledger.Leased, answer cloudevents.Event) error {
	if err := a.herald.Publish(ctx, answer); err != nil {
		return err
	}
	stage.Logger(ctx).Infow("answer published again", "reason", ReasonAnswered, "type", answer.Type(), "id", answer.ID())
	return a.book.Complete(ctx, item)
}

// unanswered is how a remediation ends that waited in vain for an answer.
func unanswered(d event.Decision) ending {
	return ending{eventType: event.RemediationExpired, end: event.End{Outcome: event.OutcomeExpired, Reason: endUnanswered,
		Detail: event.Cut(fmt.Sprintf("Nobody answered whether %s may run on %s, which was held for %s.",
			d.Action, d.Target, d.Reason), event.MaxText)}}
}

// heldData reads what a held event says.
func heldData(e cloudevents.Event) (data event.RemediationDecidedData, err error) {
	if e.Type() != event.RemediationHeld {
		return data, stage.Permanent(ReasonBadItem, fmt.Errorf("%s is no held event", e.Type()))
	}
	if err := json.Unmarshal(e.Data(), &data); err != nil {
		return data, stage.Permanent(ReasonBadItem, fmt.Errorf("decode held event: %w", err))
	}
	return data, nil
}
