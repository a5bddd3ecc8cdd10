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
	gone, err := a.ended(ctx, item.Due)
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
	expired, err := a.sealEnd(ctx, ending{eventType: event.RemediationExpired, parent: held, cause: item.ID, end: event.End{
		Outcome: event.OutcomeExpired, Reason: endUnanswered,
		Detail: event.Cut(fmt.Sprintf("Nobody answered whether %s may run on %s, which was held for %s.",
			data.Decision.Action, data.Decision.Target, data.Decision.Reason), event.MaxText)}})
	if err != nil {
		return err
	}
	body, err := stage.Encode(expired)
	if err != nil {
		return err
	}
	record, err := a.book.AnswerOnce(ctx, ledger.OnceRecord{Remediation: data.Remediation.ID,
		Step: strconv.Itoa(data.Decision.Step), Value: body, Keep: recordsKeptFor})
	if err != nil {
		return err
	}
	answer, err := a.parked(record.Value)
	if err != nil || answer.ID() != expired.ID() {
		// A person was quicker; that answer is on its way.
		a.herald.Drop(ctx, ReasonAnswered, item.ID)
		return a.book.Complete(ctx, item)
	}
	if err := a.publishEnd(ctx, answer); err != nil {
		return err
	}
	if err := a.book.Unhold(ctx, data.Remediation.ID); err != nil {
		return err
	}
	return a.book.Complete(ctx, item)
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
