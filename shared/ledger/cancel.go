package ledger

import (
	"context"
	"time"
)

// CancelOutcome says whether a cancel came in time.
type CancelOutcome string

// What Cancel can answer.
const (
	// Cancelled: nothing was executed, and nothing will be.
	Cancelled CancelOutcome = "cancelled"
	// TooLate: a step is or was executed, or Redis forgot whether one was; the
	// resolve is evidence, not a cancel.
	TooLate CancelOutcome = "too_late"
	// JoinedAgain: an alert has joined since, and fires.
	JoinedAgain CancelOutcome = "still_firing"
	// AlreadySettled: the remediation had ended.
	AlreadySettled CancelOutcome = "settled"
)

// Cancel forbids all further execution of a remediation, unless a step was
// started before or may have been: then it changes nothing, and the returned
// claim names the step (Executing, or Executed). An alert that fires keeps it
// from being cancelled, too. Until it is settled, or its deadline passes, what
// asks for the claim of a cancelled one is Pending; within is how long that may
// be at most, for the event that has it settled may be lost. What is reported of
// it from here on gives it no more time. ErrNotHolder when another remediation
// holds the claim.
func (l *Ledger) Cancel(ctx context.Context, fingerprint, remediationID string, within time.Duration) (CancelOutcome, Claim, error) {
	const op = "cancel remediation"
	id, err := parseRemediation(remediationID)
	if err = firstError(err, checkID("fingerprint", fingerprint), checkSpan("deadline", within)); err != nil {
		return "", Claim{}, wrap(op, err)
	}
	word, claim, err := l.runClaim(ctx, claimCall{
		script: scriptCancel, fingerprint: fingerprint, keys: []string{claimKey(fingerprint), alertsKey(fingerprint, remediationID)},
		args: []any{id.base, id.generation, millis(within)},
	})
	if err == nil && word == replyNotHolder {
		err = ErrNotHolder
	}
	if err != nil {
		return "", claim, wrap(op, err)
	}
	return CancelOutcome(word), claim, nil
}
