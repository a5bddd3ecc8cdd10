package function

import (
	"context"
	"errors"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

const (
	// MaxRepublished is how often a remediation's last event is published
	// again before a person is called.
	MaxRepublished = 5
	// republishRetry is the wait after the Broker did not take it.
	republishRetry = 30 * time.Second
	// holdGrace is how much longer than it can be answered a hold is kept.
	holdGrace = time.Hour
)

// watch sweeps a remediation past its deadline: its last event, sealed by
// whoever made it, is published again, and stages answer it as they did or
// would have. The deadline moves first, by more each time: once the event is
// out, a stage may move it itself.
func (a *assessor) watch(ctx context.Context, item ledger.Leased) error {
	claim, gone, err := a.claimOf(ctx, item.Due)
	if err != nil {
		return err
	}
	if gone {
		return a.book.Complete(ctx, item)
	}
	times, body := uncounted(item.Payload)
	if len(body) == 0 {
		if body, err = a.lastEvent(ctx, item.Remediation); err != nil {
			return err
		}
	}
	if len(body) == 0 {
		// The claim is past its deadline, so the next alert takes it over.
		a.herald.Drop(ctx, ReasonNoEvent, item.ID)
		return a.book.Complete(ctx, item)
	}
	last, err := a.parked(body)
	if err != nil {
		return err
	}
	if claim.Cancelled {
		return a.endCancelled(ctx, last)
	}
	if times >= MaxRepublished {
		return a.stuck(ctx, last)
	}
	next := item.Due
	next.Payload = counted(times+1, body)
	within := a.settings.TurnWithin * time.Duration(times+1)
	// This ends the lease: whatever happens from here on, the item is due again.
	if err := a.book.Schedule(ctx, next, within); err != nil {
		return err
	}
	err = a.revive(ctx, revival{last: last, fingerprint: item.Fingerprint, remediation: item.Remediation, within: within})
	if err != nil {
		again := a.book.Schedule(ctx, item.Due, republishRetry)
		return errors.Join(err, again)
	}
	return nil
}

// lastEvent asks history, where it is kept.
func (a *assessor) lastEvent(ctx context.Context, remediation string) ([]byte, error) {
	if a.past == nil {
		return nil, nil
	}
	entry, err := a.past.Last(ctx, remediation)
	if errors.Is(err, history.ErrNotFound) {
		return nil, nil
	}
	return entry.Event, err
}

// revival is a remediation to set going again.
type revival struct {
	last                     cloudevents.Event
	fingerprint, remediation string
	within                   time.Duration
	// body replaces the event that the watch keeps; nil keeps that.
	body []byte
}

// revive gives the claim a new deadline, recreating it where Redis forgot it,
// and publishes the last event. One that waits for a person needs its expiry
// back, and nobody to act on it.
func (a *assessor) revive(ctx context.Context, r revival) error {
	err := a.book.Advance(ctx, ledger.Advance{Fingerprint: r.fingerprint, Remediation: r.remediation,
		Phase: event.ShortType(r.last.Type()), Within: r.within, Event: r.body})
	if over(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.last.Type() == event.RemediationHeld {
		return a.holdAgain(ctx, r.last)
	}
	stage.Logger(ctx).Infow("published again", "type", r.last.Type(), "id", r.last.ID())
	return a.herald.Publish(ctx, r.last)
}

// holdAgain restores what a held event needs to be answered or to expire,
// where Redis forgot it.
func (a *assessor) holdAgain(ctx context.Context, held cloudevents.Event) error {
	data, err := heldData(held)
	if err != nil {
		return err
	}
	body, err := stage.Encode(held)
	if err != nil {
		return err
	}
	left := max(data.Decision.ExpiresAt.Sub(a.now()), 0)
	r := data.Remediation
	switch _, err := a.book.Held(ctx, r.ID); {
	case errors.Is(err, ledger.ErrNotFound):
		if err := a.book.Hold(ctx, r.ID, body, left+holdGrace); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	return a.book.ScheduleOnce(ctx, ledger.Due{ID: ledger.ApprovalID(r.ID, data.Decision.Step), Kind: ledger.KindApproval,
		Fingerprint: r.Fingerprint, Remediation: r.ID, Payload: body}, left)
}

// endCancelled ends a remediation that was cancelled, and of which the event that
// tells so got lost. Settling the claim takes the watch off the list.
func (a *assessor) endCancelled(ctx context.Context, last cloudevents.Event) error {
	remediation := event.Extension(last, event.ExtCorrelation)
	e, err := a.sealEnd(ctx, ending{eventType: event.RemediationClosed, parent: last, cause: "cancelled/" + remediation, end: byResolve()})
	if err != nil {
		return err
	}
	// Nobody should be asked to approve what will not be done.
	if err := a.book.Unhold(ctx, remediation); err != nil {
		return err
	}
	return a.publishEnd(ctx, e)
}

// stuck calls a person for a remediation that no republishing moves.
func (a *assessor) stuck(ctx context.Context, last cloudevents.Event) error {
	e, err := a.sealEnd(ctx, ending{eventType: event.RemediationEscalated, parent: last, cause: "stuck/" + last.ID(), end: event.End{
		Outcome: event.OutcomeEscalated, Reason: endStuck,
		Detail: fmt.Sprintf("%s was published %d times more and nothing followed. See what its stage says.",
			event.ShortType(last.Type()), MaxRepublished)}})
	if err != nil {
		return err
	}
	// Settling the claim takes the watch off the list.
	return a.publishEnd(ctx, e)
}
