// Package redrive posts dead letters to the Broker again: events that a
// subscriber refused, or did not take within all retries, and that the deadletter
// stage kept. Stages drop what belongs to a remediation that has ended, and an
// inbox answers what was done already, so redriving is always safe:
//
//	result, err := redrive.Do(ctx, redrive.Order{Letters: ledger, Publish: post,
//		Filter: redrive.Filter{Destination: "record"}})
package redrive

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

// Order is what to redrive, from where and to whom.
type Order struct {
	Letters Letters
	// Publish posts an event to the Broker and returns when it has taken it.
	Publish func(ctx context.Context, e cloudevents.Event) error
	Filter  Filter
	// Most bounds how many are posted; 0 is all.
	Most int
}

// Letters are the dead letters; a ledger holds them.
type Letters interface {
	DeadLetters(ctx context.Context, limit int) ([]ledger.DeadLetter, error)
	DropDeadLetter(ctx context.Context, id string) error
}

// Result counts what became of the dead letters.
type Result struct {
	// Accepted were taken by the Broker and are forgotten.
	Accepted int `json:"accepted"`
	// Kept did not match the filter, or hold no whole event.
	Kept int `json:"kept"`
	// Failed were not taken and stay.
	Failed int `json:"failed"`
	// Left match and were not tried, because enough were or the time was over.
	Left int `json:"left"`
}

// Do posts the kept events that match to the Broker again, verbatim, the oldest
// first, and forgets each once it is taken. A death between the two posts it once
// more. It goes on after a failure; the errors come together.
func Do(ctx context.Context, o Order) (Result, error) {
	list, err := o.Letters.DeadLetters(ctx, ledger.MaxDeadLetters)
	if err != nil && len(list) == 0 {
		return Result{}, fmt.Errorf("redrive: %w", err)
	}
	// One that cannot be read is kept, and does not keep the others here.
	var sum Result
	var errs []error
	for i := len(list) - 1; i >= 0; i-- {
		e, ok := o.Filter.match(list[i])
		switch {
		case !ok:
			sum.Kept++
			continue
		case ctx.Err() != nil || o.Most > 0 && sum.Accepted+sum.Failed >= o.Most:
			sum.Left++
			continue
		}
		if err := o.post(ctx, list[i].ID, e); err != nil {
			sum.Failed++
			errs = append(errs, fmt.Errorf("redrive %s %s: %w", e.Type(), e.ID(), err))
			continue
		}
		sum.Accepted++
	}
	return sum, errors.Join(append(errs, ctx.Err())...)
}

func (o Order) post(ctx context.Context, letter string, e cloudevents.Event) error {
	if err := o.Publish(ctx, e); err != nil {
		return err
	}
	return o.Letters.DropDeadLetter(ctx, letter)
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
