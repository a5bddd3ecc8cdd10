package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// parkFor is longer than a request takes, and than authorize needs to have it.
const parkFor = time.Minute

// ledgerBook is the book in Redis.
type ledgerBook struct{ ledger *ledger.Ledger }

func (b ledgerBook) Held(ctx context.Context, remediation string) (cloudevents.Event, error) {
	body, err := b.ledger.Held(ctx, remediation)
	if err != nil {
		return cloudevents.Event{}, none(err)
	}
	return stage.Decode(body)
}

func (b ledgerBook) Answer(ctx context.Context, remediation string, step int) (recorded, error) {
	body, err := b.ledger.Answer(ctx, remediation, strconv.Itoa(step))
	if err != nil {
		return recorded{}, none(err)
	}
	return parseAnswer(body)
}

func (b ledgerBook) AnswerOnce(ctx context.Context, e cloudevents.Event, step int) (recorded, error) {
	body, err := stage.Encode(e)
	if err != nil {
		return recorded{}, err
	}
	r, err := b.ledger.AnswerOnce(ctx, ledger.OnceRecord{Remediation: event.Extension(e, event.ExtCorrelation),
		Step: strconv.Itoa(step), Value: body, Keep: ledger.AnswerRetention})
	if err != nil {
		return recorded{}, err
	}
	if r.First {
		return recorded{Event: e, First: true}, nil
	}
	return parseAnswer(r.Value)
}

// parseAnswer reads an answer: a person's is the sealed event that carries
// it, and whatever else is there was not written by a person.
func parseAnswer(body []byte) (recorded, error) {
	e, err := stage.Decode(body)
	if err != nil || (e.Type() != event.ApprovalGranted && e.Type() != event.ApprovalRefused) {
		return recorded{Expired: true}, nil
	}
	return recorded{Event: e}, nil
}

func (b ledgerBook) Park(ctx context.Context, e cloudevents.Event) error {
	body, err := stage.Encode(e)
	if err != nil {
		return err
	}
	return b.ledger.Schedule(ctx, ledger.Due{ID: ledger.ParkID(e.ID()), Kind: ledger.KindPark, Fingerprint: event.Extension(e, event.ExtPartition),
		Remediation: event.Extension(e, event.ExtCorrelation), Payload: body}, parkFor)
}

func (b ledgerBook) Unpark(ctx context.Context, e cloudevents.Event) error {
	return b.ledger.DropDue(ctx, ledger.ParkID(e.ID()))
}

func none(err error) error {
	if errors.Is(err, ledger.ErrNotFound) {
		return errNone
	}
	return err
}

// runtimePress seals and publishes by the harness.
type runtimePress struct{ *stage.Runtime }

func unmarshal(e cloudevents.Event, v any) error {
	if err := json.Unmarshal(e.Data(), v); err != nil {
		return fmt.Errorf("decode %s: %w", e.Type(), err)
	}
	return nil
}
