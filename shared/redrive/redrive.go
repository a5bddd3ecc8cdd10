// Package redrive posts dead letters to the Broker again: events that a
// subscriber refused, or did not take within all retries, and that the deadletter
// stage kept. Whoever takes the type gets it once more. That is safe as long as the
// remediation's claim is known: it refuses what comes after the end, another end
// included, whatever an inbox has forgotten. So a letter whose event is older than
// ledger.MaxEventAge stays, until it is too old to be kept, if any stage would act
// on it:
//
//	result, err := redrive.Do(ctx, redrive.Order{Letters: ledger, Publish: post,
//		Filter: redrive.Filter{Destination: "record"}})
package redrive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
	// Now tells the time; nil is the clock's.
	Now func() time.Time
}

// ReasonTooOld is the named reason for which a letter that matches is kept: its
// remediation may have ended, and nobody would remember that.
const ReasonTooOld = "kept_too_old"

// Letters are the dead letters; a ledger holds them.
type Letters interface {
	DeadLetters(ctx context.Context, limit int) ([]ledger.DeadLetter, error)
	DropDeadLetter(ctx context.Context, d ledger.DeadLetter) error
}

// Result counts what became of the dead letters.
type Result struct {
	// Accepted were taken by the Broker and are forgotten.
	Accepted int `json:"accepted"`
	// Kept did not match the filter, hold no whole event, or are too old.
	Kept int `json:"kept"`
	// TooOld are those of the kept that match and stay for ReasonTooOld.
	TooOld int `json:"tooOld,omitempty"`
	// Failed stay: the Broker did not take them, or it did and they could not be
	// forgotten, so that it will get them once more.
	Failed int `json:"failed"`
	// Left match and were not tried, because enough were or the time was over.
	Left int `json:"left"`
}

// Do posts the kept events that match to the Broker again, verbatim, the oldest
// first, and forgets each once it is taken. A death between the two posts it once
// more; one that is refused again before it is forgotten is kept. It goes on after a failure; the errors come together.
func Do(ctx context.Context, o Order) (Result, error) {
	list, err := o.Letters.DeadLetters(ctx, ledger.MaxDeadLetters)
	if err != nil && len(list) == 0 {
		return Result{}, fmt.Errorf("redrive: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
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
		case o.tooOld(list[i], e):
			sum.Kept++
			sum.TooOld++
			continue
		case ctx.Err() != nil || o.Most > 0 && sum.Accepted+sum.Failed >= o.Most:
			sum.Left++
			continue
		}
		if err := o.post(ctx, list[i], e); err != nil {
			sum.Failed++
			errs = append(errs, fmt.Errorf("redrive %s %s: %w", e.Type(), e.ID(), err))
			continue
		}
		sum.Accepted++
	}
	return sum, errors.Join(append(errs, ctx.Err())...)
}

// tooOld tells that an event asks for something to be done that nobody may do any
// more. What ends a remediation, or only informs, moves no claim.
func (o Order) tooOld(d ledger.DeadLetter, e cloudevents.Event) bool {
	entry, ours := event.Lookup(e.Type())
	made := e.Time()
	if made.IsZero() {
		made = d.At
	}
	return ours && !entry.Terminal && !entry.Informative && o.Now().Sub(made) > ledger.MaxEventAge
}

func (o Order) post(ctx context.Context, letter ledger.DeadLetter, e cloudevents.Event) error {
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
