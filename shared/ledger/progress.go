package ledger

import (
	"context"
	"fmt"
	"time"
)

// Advance is a later stage's report on a remediation.
type Advance struct {
	Fingerprint string
	Remediation string
	Phase       string
	// Within is how long until the next report is due: a turn, an approval's
	// expiry, an assessment's due time, each with grace.
	Within time.Duration
	// Event is the sealed event that the stage answered, for the sweep to
	// publish again; nil keeps the one before.
	Event []byte
}

// Advance records a new phase, deadline and last event; a cancelled remediation's
// deadline only comes forward. A claim that Redis forgot is created again from
// the remediation id. ErrNotHolder when another
// remediation holds the claim, ErrSettled when this one has ended.
func (l *Ledger) Advance(ctx context.Context, a Advance) error {
	const op = "advance claim"
	id, err := parseRemediation(a.Remediation)
	err = firstError(err, checkID("fingerprint", a.Fingerprint), checkName("phase", a.Phase),
		checkSpan("deadline", a.Within))
	if err != nil {
		return wrap(op, err)
	}
	mode := modeMove
	if a.Event == nil {
		mode = modeMoveTime
	}
	watch, err := scheduleCall(watchItem(a.Fingerprint, a.Remediation, a.Event), scheduleRequest{in: a.Within, mode: mode})
	if err != nil {
		return wrap(op, err)
	}
	calls := []batchCall{watch, {script: scriptAdvance, keys: []string{claimKey(a.Fingerprint)},
		args: []any{id.base, id.generation, a.Phase, millis(a.Within)}}}
	if err := l.inOrder(ctx, calls...); err != nil {
		return wrap(op, err)
	}
	return wrap(op, l.answered(ctx, calls[1].reply, a.Fingerprint, a.Remediation))
}

// Settlement ends a remediation.
type Settlement struct {
	Fingerprint string
	Remediation string
	Outcome     string
	// Cooldown is how long alerts on the workload are only counted; zero re-arms
	// the claim: the next alert opens a new remediation at once.
	Cooldown time.Duration
}

// Settle ends a remediation and drops its watch item. It is idempotent: a
// repetition can shorten the cooldown but never lengthen it. The first outcome
// stands: ErrSettled when this is another one, which must not be told. A claim that
// Redis forgot is recorded as settled. ErrNotHolder when another remediation holds
// the claim.
func (l *Ledger) Settle(ctx context.Context, s Settlement) error {
	const op = "settle claim"
	id, err := parseRemediation(s.Remediation)
	err = firstError(err, checkID("fingerprint", s.Fingerprint), checkName("outcome", s.Outcome),
		checkDelay("cooldown", s.Cooldown))
	if err != nil {
		return wrap(op, err)
	}
	word, _, err := l.runClaim(ctx, claimCall{
		script: scriptSettle, fingerprint: s.Fingerprint, keys: []string{claimKey(s.Fingerprint)},
		args: []any{id.base, id.generation, s.Outcome, millis(s.Cooldown)},
	})
	if err != nil {
		return wrap(op, err)
	}
	// Only after the claim: a crash before this leaves a watch that finds a
	// settled claim, which is harmless.
	if err := l.DropDue(ctx, WatchID(s.Remediation)); err != nil {
		return wrap(op, err)
	}
	switch word {
	case replyOK:
		return nil
	case replyNotHolder:
		return wrap(op, ErrNotHolder)
	case replySettled:
		return wrap(op, ErrSettled)
	default:
		return wrap(op, fmt.Errorf("unexpected answer %q", word))
	}
}
