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

// inboxRebuild names the sweep of history, which one instance does at a time.
const inboxRebuild = "rebuild"

const (
	// rebuildLease keeps other instances from sweeping history meanwhile.
	rebuildLease = 30 * time.Second
	// rebuildWithin bounds one sweep, rebuildMost what it looks at.
	rebuildWithin = 6 * time.Second
	rebuildMost   = history.MaxPage
	// reviveWithin bounds the age of a last event that is published again: an
	// older alert says nothing about today.
	reviveWithin = 24 * time.Hour
)

// past is what the stage asks of history.
type past interface {
	Live(ctx context.Context, olderThan time.Time, limit int) ([]history.Entry, error)
	Last(ctx context.Context, remediation string, types ...string) (history.Entry, error)
	Remediation(ctx context.Context, id string) (history.Remediation, error)
}

// rebuild looks through the remediations that history knows as live, and sees
// to those that Redis knows nothing of: claims, deadlines and due items are an
// index that can be rebuilt. Doing it twice does no harm.
func (a *assessor) rebuild(ctx context.Context) error {
	if a.past == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, rebuildWithin)
	defer cancel()
	turn, err := a.book.Begin(ctx, event.StageAssess, inboxRebuild, a.settings.RebuildLease)
	if err != nil || turn.State != ledger.TurnFresh {
		return err
	}
	entries, err := a.past.Live(ctx, a.now().Add(-a.settings.TurnWithin-a.settings.Grace), rebuildMost)
	errs := []error{err}
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			errs = append(errs, err)
			break
		}
		if err := a.restore(ctx, entry); err != nil {
			errs = append(errs, fmt.Errorf("recover remediation %s: %w", entry.Remediation, err))
		}
	}
	return errors.Join(append(errs, a.book.Release(context.WithoutCancel(ctx), turn))...)
}

// restore compares what history and Redis know of one remediation.
func (a *assessor) restore(ctx context.Context, entry history.Entry) error {
	claim, err := a.book.Get(ctx, entry.Fingerprint)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return a.recoverForgotten(ctx, entry)
	case errors.Is(err, ledger.ErrInvalid):
		return nil // no event of ours says so
	case err != nil:
		return err
	case claim.Remediation == entry.Remediation && claim.Live():
		if a.now().Sub(claim.Deadline) <= 2*a.settings.Grace {
			return nil // its watch will see to it
		}
		if claim.Cancelled {
			last, err := a.believed(ctx, entry)
			if err != nil || last == nil {
				return err
			}
			return a.endCancelled(ctx, *last)
		}
		return a.recoverForgotten(ctx, entry)
	}
	// Its end may be on its way. How old its last event is says nothing about
	// that: a hold may end after hours. So the wait is from now.
	return a.book.ScheduleOnce(ctx, ledger.Due{ID: kindLost + "/" + entry.Remediation, Kind: kindLost,
		Fingerprint: entry.Fingerprint, Remediation: entry.Remediation, Payload: entry.Event}, a.settings.EndLostAfter)
}

// recoverForgotten sets a remediation going again of which Redis has lost the
// claim or the watch; one that is too old is ended and its target re-armed.
func (a *assessor) recoverForgotten(ctx context.Context, entry history.Entry) error {
	if age := a.now().Sub(entry.Time); age > reviveWithin {
		last, err := a.believed(ctx, entry)
		if err != nil || last == nil {
			return err
		}
		return a.endLost(ctx, *last, event.End{Outcome: event.OutcomeUnhealed, Reason: endLostTrack,
			Detail: fmt.Sprintf("Nothing followed for %s; the next alert opens a new remediation.", age.Round(time.Minute))})
	}
	last, err := a.believed(ctx, entry)
	if err != nil || last == nil {
		return err
	}
	return a.revive(ctx, revival{last: *last, fingerprint: entry.Fingerprint, remediation: entry.Remediation,
		within: a.settings.TurnWithin, body: entry.Event})
}

// believed is the entry's event if its seal is good; one that is not is
// dropped and stays in history as it is.
func (a *assessor) believed(ctx context.Context, entry history.Entry) (*cloudevents.Event, error) {
	e, err := a.parked(entry.Event)
	var failure *stage.Error
	if errors.As(err, &failure) {
		a.herald.Drop(ctx, failure.Reason, err.Error())
		return nil, nil
	}
	return &e, err
}
