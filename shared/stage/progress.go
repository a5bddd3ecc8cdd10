package stage

import (
	"context"
	"errors"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

// ErrSuperseded says that the claim has ended, or belongs to another
// remediation by now: whatever this event wanted, it comes too late.
var ErrSuperseded = errors.New("the remediation no longer holds its claim")

// Track moves the claim of the event's remediation: a terminal type settles
// it, any other sets its deadline and keeps the event for the sweep. It is
// safe to repeat, and must come before the event is let go.
func (rt *Runtime) Track(ctx context.Context, e cloudevents.Event, within time.Duration) error {
	if Explaining(ctx) || event.ForExplanation(e) {
		return Permanent(ReasonCannotExplain, errExplaining)
	}
	if rt.Ledger == nil {
		return nil
	}
	doc, err := event.ParseDocument(e.Data())
	if err != nil {
		return err
	}
	var r event.Remediation
	if err := doc.Decode(event.SectionRemediation, &r); err != nil {
		return err
	}
	entry, _ := event.Lookup(e.Type())
	if entry.Terminal {
		err = rt.settle(ctx, r, doc)
	} else {
		err = rt.advance(ctx, r, e, within)
	}
	if errors.Is(err, ledger.ErrNotHolder) || errors.Is(err, ledger.ErrSettled) {
		return fmt.Errorf("%w: %w", ErrSuperseded, err)
	}
	return err
}

func (rt *Runtime) advance(ctx context.Context, r event.Remediation, e cloudevents.Event, within time.Duration) error {
	if within == 0 {
		within = rt.within
	}
	body, err := Encode(e)
	if err != nil {
		return err
	}
	return rt.Ledger.Advance(ctx, ledger.Advance{Fingerprint: r.Fingerprint, Remediation: r.ID,
		Phase: event.ShortType(e.Type()), Within: within, Event: body})
}

func (rt *Runtime) settle(ctx context.Context, r event.Remediation, doc event.Document) error {
	var end event.End
	if err := doc.Decode(event.SectionEnd, &end); err != nil {
		return err
	}
	return rt.Ledger.Settle(ctx, ledger.Settlement{Fingerprint: r.Fingerprint, Remediation: r.ID,
		Outcome: end.Outcome, Cooldown: rt.cooldowns[end.Outcome]})
}

// Encode is an event in structured mode: what the inbox, the due list and
// history keep of it.
func Encode(e cloudevents.Event) ([]byte, error) {
	b, err := e.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return b, nil
}

// Decode reads what Encode wrote.
func Decode(b []byte) (cloudevents.Event, error) {
	e := cloudevents.NewEvent()
	if err := e.UnmarshalJSON(b); err != nil {
		return e, fmt.Errorf("decode event: %w", err)
	}
	return e, nil
}
