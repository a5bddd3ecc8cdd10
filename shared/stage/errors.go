package stage

import (
	"context"
	"errors"
	"net/http"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

// Named reasons for which the harness itself refuses an event.
const (
	ReasonStarting       = "starting"
	ReasonUnknownType    = "unknown_type"
	ReasonNotInCatalogue = "not_in_catalogue"
	ReasonUnsealed       = "unsealed"
	ReasonUnknownKey     = "unknown_key"
	ReasonSealBroken     = "seal_broken"
	ReasonWrongProducer  = "wrong_producer"
	ReasonMalformed      = "malformed"
	ReasonTooLarge       = "too_large"
	ReasonCutShort       = "request_cut_short"
	ReasonNotAnEvent     = "not_a_cloudevent"
	ReasonRunning        = "running_elsewhere"
	ReasonLedgerDown     = "redis_unavailable"
	ReasonDeadline       = "turn_deadline"
	ReasonPanic          = "panic"
	ReasonSuperseded     = "superseded"
	ReasonPublish        = "publish_failed"
	ReasonInternal       = "internal"
	// ReasonExplanation refuses an event that only explains where events are
	// acted on; ReasonCannotExplain is a stage's, or type's, that no question of
	// what would happen may be put to.
	ReasonExplanation   = "explanation"
	ReasonCannotExplain = "cannot_explain"
)

// Error is a failure with a named reason and a verdict on trying again.
type Error struct {
	Reason    string
	Permanent bool
	Err       error
}

func (e *Error) Error() string { return e.Reason + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Status is the code that makes a Broker do the right thing: 422 goes
// straight to the dead letters, 503 is retried.
func (e *Error) Status() int {
	if e.Permanent {
		return http.StatusUnprocessableEntity
	}
	return http.StatusServiceUnavailable
}

// Permanent marks a failure that the same event will always meet.
func Permanent(reason string, err error) error {
	return &Error{Reason: reason, Permanent: true, Err: err}
}

// Transient marks a failure that may pass.
func Transient(reason string, err error) error { return &Error{Reason: reason, Err: err} }

// permanent lists the errors of shared packages that no retry can cure.
var permanent = []struct {
	err    error
	reason string
}{
	{event.ErrUnsealed, ReasonUnsealed},
	{event.ErrUnknownKey, ReasonUnknownKey},
	{event.ErrSealBroken, ReasonSealBroken},
	{event.ErrWrongProducer, ReasonWrongProducer},
	{event.ErrNotInCatalogue, ReasonNotInCatalogue},
	{event.ErrTooLarge, ReasonTooLarge},
	{event.ErrNotADocument, ReasonMalformed},
	{event.ErrDuplicateKey, ReasonMalformed},
	{ledger.ErrReadOnly, ReasonCannotExplain},
}

// classify gives any error a reason and a verdict. What is not known is
// taken to pass: a retry that fails ends at the dead letters all the same,
// whereas a permanent verdict would lose what could have worked.
func classify(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	for _, p := range permanent {
		if errors.Is(err, p.err) {
			return &Error{Reason: p.reason, Permanent: true, Err: err}
		}
	}
	switch {
	case errors.Is(err, ledger.ErrUnavailable):
		return &Error{Reason: ReasonLedgerDown, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Reason: ReasonDeadline, Err: err}
	}
	return &Error{Reason: ReasonInternal, Err: err}
}
