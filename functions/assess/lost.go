package function

import (
	"context"
	"errors"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
)

// lost ends in history what Redis knows to have ended long enough ago for the
// event that said so to have arrived. Its payload is the last event that did.
func (a *assessor) lost(ctx context.Context, item ledger.Leased) error {
	end, err := a.lostEnd(ctx, item.Due)
	if err != nil {
		return err
	}
	if end == nil {
		return a.book.Complete(ctx, item)
	}
	last, err := a.parked(item.Payload)
	if err != nil {
		return err
	}
	if err := a.endLost(ctx, last, *end); err != nil {
		return err
	}
	return a.book.Complete(ctx, item)
}

// lostEnd is the end that history lacks, nil if it lacks none or if the
// remediation goes on after all.
func (a *assessor) lostEnd(ctx context.Context, item ledger.Due) (*event.End, error) {
	if a.past == nil {
		return nil, nil
	}
	// Whether it ended, and not whether an end is among its events: an undo that was
	// refused ends nothing. One of which history knew, and no more, was forgotten.
	known, err := a.past.Remediation(ctx, item.Remediation)
	switch {
	case errors.Is(err, history.ErrNotFound):
		return nil, nil
	case err != nil || !known.EndedAt.IsZero():
		return nil, err
	}
	claim, err := a.book.Get(ctx, item.Fingerprint)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return nil, nil // the sweep sets it going again
	case err != nil:
		return nil, err
	case claim.Remediation != item.Remediation:
		return &event.End{Outcome: event.OutcomeUnhealed, Reason: endSuperseded,
			Detail: "Its claim was lost and " + claim.Remediation + " followed."}, nil
	case claim.Live():
		return nil, nil
	}
	return &event.End{Outcome: claim.Outcome, Reason: endEventLost,
		Detail: "The event that ended it never reached history."}, nil
}

// endLost gives history the end that it lacks. Its id is the remediation's, so
// that it is one event however often this is done.
func (a *assessor) endLost(ctx context.Context, last cloudevents.Event, end event.End) error {
	e, err := a.sealEnd(ctx, ending{eventType: event.RemediationClosed, parent: last,
		cause: "lost/" + event.Extension(last, event.ExtCorrelation), end: end})
	if err != nil {
		return err
	}
	return a.publishEnd(ctx, e)
}
