package function

import (
	"context"
	"errors"
	"fmt"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// Filter selects dead letters; empty fields select all.
type Filter struct {
	// Type is the event's type.
	Type string
	// Destination is the stage that failed it, or the start of its address.
	Destination string
	// Remediation is the id of the remediation.
	Remediation string
}

// Redriving is what Redrive works with.
type Redriving struct {
	Letters LetterBox
	// Publish posts an event to the Broker and returns when it has taken it.
	Publish func(ctx context.Context, e cloudevents.Event) error
	Filter  Filter
}

// LetterBox holds the dead letters; a ledger does.
type LetterBox interface {
	DeadLetters(ctx context.Context, limit int) ([]ledger.DeadLetter, error)
	DropDeadLetter(ctx context.Context, id string) error
}

// Redriven counts what became of the dead letters.
type Redriven struct {
	// Accepted were taken by the Broker and are forgotten.
	Accepted int
	// Kept did not match the filter, or hold no whole event.
	Kept int
	// Failed were not taken and stay.
	Failed int
}

// Redrive posts the kept events that match to the Broker again, verbatim, the
// oldest first, and forgets each once it is taken. A death between the two
// posts it once more, which stages are safe against. It goes on after a
// failure; the errors come together.
func Redrive(ctx context.Context, r Redriving) (Redriven, error) {
	list, err := r.Letters.DeadLetters(ctx, ledger.MaxDeadLetters)
	if err != nil {
		return Redriven{}, fmt.Errorf("redrive: %w", err)
	}
	var sum Redriven
	var errs []error
	for i := len(list) - 1; i >= 0 && ctx.Err() == nil; i-- {
		e, ok := r.Filter.match(list[i])
		if !ok {
			sum.Kept++
			continue
		}
		if err := r.post(ctx, list[i].ID, e); err != nil {
			sum.Failed++
			errs = append(errs, fmt.Errorf("redrive %s %s: %w", e.Type(), e.ID(), err))
			continue
		}
		sum.Accepted++
	}
	return sum, errors.Join(append(errs, ctx.Err())...)
}

func (r Redriving) post(ctx context.Context, letter string, e cloudevents.Event) error {
	if err := r.Publish(ctx, e); err != nil {
		return err
	}
	return r.Letters.DropDeadLetter(ctx, letter)
}

func (f Filter) match(d ledger.DeadLetter) (cloudevents.Event, bool) {
	e, err := stage.Decode(d.Event)
	if err != nil || e.Validate() != nil || len(e.Data()) == 0 {
		return e, false
	}
	stageName, address, _ := strings.Cut(d.Destination, " ")
	matches := (f.Type == "" || f.Type == e.Type()) &&
		(f.Destination == "" || f.Destination == stageName || strings.HasPrefix(address, f.Destination)) &&
		(f.Remediation == "" || f.Remediation == event.Extension(e, event.ExtCorrelation))
	return e, matches
}
