package ledger

import (
	"context"
	"fmt"
	"time"
)

// State is where a claim stands in its life.
type State string

// The states of a claim.
const (
	// Reserved: opened, the first event is not yet known to be with the Broker.
	Reserved State = "reserved"
	// Confirmed: a remediation is under way.
	Confirmed State = "confirmed"
	// Settled: the remediation ended; the record keeps cooldown and generation.
	Settled State = "settled"
)

// Claim is the record of one workload's current or latest remediation.
type Claim struct {
	Fingerprint string
	// Remediation is the id of the remediation that holds or last held it.
	Remediation string
	// Token fences writers: every takeover has a higher one.
	Token int64
	State State
	// Phase is the last one reported by Confirm or Advance.
	Phase string
	// Outcome says how a settled remediation ended.
	Outcome string
	// Deadline is when a live claim may be taken over (Redis' clock).
	Deadline time.Time
	// Generation counts the remediations of this workload.
	Generation int64
	// Duplicates counts alerts that met this claim after it was confirmed.
	Duplicates int64
	FirstSeen  time.Time
	LastSeen   time.Time
	// Cancelled: nothing may be executed any more.
	Cancelled bool
	// Executing is the step being executed, "" if none.
	Executing string
	// Executed is the last step that was executed to its end, "" if none, and
	// ExecutedUnknown where Redis forgot the claim and it was created again.
	Executed string
	// CooldownUntil is when a settled claim can be opened again.
	CooldownUntil time.Time
}

// ExecutedUnknown is the executed step of a claim that Redis had forgotten.
const ExecutedUnknown = "?"

// Live says whether a remediation is under way.
func (c Claim) Live() bool { return c.State == Reserved || c.State == Confirmed }

// The claim's fields in a script's reply, in the order of scripts/claim.lua.
const (
	fieldBase = iota
	fieldGeneration
	fieldToken
	fieldState
	fieldPhase
	fieldOutcome
	fieldDeadline
	fieldDuplicates
	fieldFirst
	fieldLast
	fieldCancelled
	fieldExecuting
	fieldExecuted
	fieldCooldown
	claimFields
)

var states = map[string]State{"r": Reserved, "c": Confirmed, "s": Settled}

func parseClaim(fingerprint string, f []string) (Claim, error) {
	if len(f) != claimFields || states[f[fieldState]] == "" {
		return Claim{}, fmt.Errorf("claim record has %d fields and state %q", len(f), f[min(fieldState, len(f)-1)])
	}
	generation := number(f[fieldGeneration])
	return Claim{
		Fingerprint:   fingerprint,
		Remediation:   remediation{f[fieldBase], generation}.id(),
		Token:         number(f[fieldToken]),
		State:         states[f[fieldState]],
		Phase:         f[fieldPhase],
		Outcome:       f[fieldOutcome],
		Deadline:      instant(f[fieldDeadline]),
		Generation:    generation,
		Duplicates:    number(f[fieldDuplicates]),
		FirstSeen:     instant(f[fieldFirst]),
		LastSeen:      instant(f[fieldLast]),
		Cancelled:     f[fieldCancelled] == "1",
		Executing:     f[fieldExecuting],
		Executed:      f[fieldExecuted],
		CooldownUntil: instant(f[fieldCooldown]),
	}, nil
}

// The words with which claim scripts answer.
const (
	replyOK        = "ok"
	replyMissing   = "missing"
	replyNotHolder = "not_holder"
	replySettled   = "settled"
)

// runClaim runs a script on the claim's tag: its word, and the claim after it
// (zero if there is none).
func (l *Ledger) runClaim(ctx context.Context, c claimCall) (string, Claim, error) {
	reply, err := l.run(ctx, c.script, c.keys, c.args...)
	if err != nil {
		return "", Claim{}, err
	}
	if len(reply) == 1 {
		return reply[0], Claim{}, nil
	}
	claim, err := parseClaim(c.fingerprint, reply[1:])
	return reply[0], claim, err
}

// Get reads the claim; ErrNotFound when the workload never had one.
func (l *Ledger) Get(ctx context.Context, fingerprint string) (Claim, error) {
	const op = "get claim"
	if err := checkID("fingerprint", fingerprint); err != nil {
		return Claim{}, wrap(op, err)
	}
	word, claim, err := l.runClaim(ctx, claimCall{
		script: scriptGet, fingerprint: fingerprint, keys: []string{claimKey(fingerprint)},
	})
	if err == nil && word == replyMissing {
		err = ErrNotFound
	}
	return claim, wrap(op, err)
}
