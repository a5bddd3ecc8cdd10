package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

type claimCall struct {
	script      *redis.Script
	fingerprint string
	keys        []string
	args        []any
}

// ReserveOutcome says what a reservation met.
type ReserveOutcome string

// What Reserve can answer.
const (
	// Opened: a new remediation; the caller publishes its first event, then confirms.
	Opened ReserveOutcome = "opened"
	// TakenOver: an abandoned remediation is the caller's now, under the same id;
	// the caller publishes the same first event again, then confirms.
	TakenOver ReserveOutcome = "taken_over"
	// Pending: somebody else is publishing the first event; try again later.
	Pending ReserveOutcome = "pending"
	// Duplicate: a remediation is under way; the alert was counted.
	Duplicate ReserveOutcome = "duplicate"
	// CoolingDown: a remediation ended a short while ago; the alert was counted.
	CoolingDown ReserveOutcome = "cooling_down"
)

// Reservation asks for the claim on a workload.
type Reservation struct {
	Fingerprint string
	// Base becomes the remediation id with the claim's generation appended. It
	// should name the alert's episode: the generation starts again when the
	// record of a workload has been quiet for seven days.
	Base string
	// Lease is how long the caller has to publish and confirm.
	Lease time.Duration
}

func (r Reservation) validate() error {
	return firstError(
		checkID("fingerprint", r.Fingerprint),
		checkToken("base", r.Base, MaxBase),
		checkSpan("lease", r.Lease),
	)
}

func (r Reservation) call() claimCall {
	return claimCall{
		script: scriptReserve, fingerprint: r.Fingerprint,
		keys: []string{claimKey(r.Fingerprint)},
		args: []any{r.Base, millis(r.Lease), callID()},
	}
}

// Reserve opens, takes over or counts against the claim on a workload. The base
// of a claim that is already open wins over the caller's. A lost reply costs
// nothing: the client asks again and gets the same answer.
func (l *Ledger) Reserve(ctx context.Context, r Reservation) (Claim, ReserveOutcome, error) {
	const op = "reserve claim"
	if err := r.validate(); err != nil {
		return Claim{}, "", wrap(op, err)
	}
	word, claim, err := l.runClaim(ctx, r.call())
	if err != nil {
		return Claim{}, "", wrap(op, err)
	}
	return claim, ReserveOutcome(word), nil
}

// Confirmation says that the Broker accepted a remediation's first event.
type Confirmation struct {
	Fingerprint string
	Remediation string
	// Token is the one of the reservation.
	Token int64
	Phase string
	// Within is how long until the next stage should have reported.
	Within time.Duration
	// Event is the sealed first event, for the sweep to publish again.
	Event []byte
	// Alert is the one that opened the claim, joined on the way as by JoinAlert;
	// nil joins none. Only for a claim that was just Opened: one that was taken
	// over may know a later episode of the alert.
	Alert *Alert
}

func (c Confirmation) validate() (remediation, error) {
	id, err := parseRemediation(c.Remediation)
	err = firstError(err, checkID("fingerprint", c.Fingerprint), checkName("phase", c.Phase),
		checkSpan("deadline", c.Within))
	if err == nil && c.Alert != nil {
		err = validateAlert(*c.Alert)
	}
	return id, err
}

// Confirm makes a reservation a confirmed claim, in one round trip where there
// is one server. The watch item is put on the due list first: a crash in
// between leaves a watch that finds a reservation, never a claim that nobody
// watches. When a later stage has advanced or settled the remediation in the
// meantime, its word stands. ErrNotHolder when the reservation was taken over.
func (l *Ledger) Confirm(ctx context.Context, c Confirmation) error {
	const op = "confirm claim"
	id, err := c.validate()
	if err != nil {
		return wrap(op, err)
	}
	watch, err := scheduleCall(watchItem(c.Fingerprint, c.Remediation, c.Event), scheduleRequest{in: c.Within, mode: modeLater})
	if err != nil {
		return wrap(op, err)
	}
	confirm := batchCall{script: scriptConfirm, keys: []string{claimKey(c.Fingerprint)},
		args: []any{id.base, id.generation, c.Token, c.Phase, millis(c.Within)}}
	calls := []batchCall{watch, confirm}
	if c.Alert != nil {
		// The alert joins first, so that whoever meets the confirmed claim finds it
		// there. The way back from it comes last, as in JoinAlert: where it was
		// lost, the sender got no answer and posts again.
		calls = []batchCall{watch, joinCall(*c.Alert, joinedFirst), confirm, reverseCall(*c.Alert)}
	}
	if err := l.inOrder(ctx, calls...); err != nil {
		return wrap(op, err)
	}
	last := 1
	if c.Alert != nil {
		last++
	}
	return wrap(op, l.answered(ctx, calls[last].reply, c.Fingerprint, c.Remediation))
}

// answered reads a claim script's answer to a write of one remediation that
// was preceded by its watch item.
func (l *Ledger) answered(ctx context.Context, reply []string, fingerprint, remediationID string) error {
	claim, err := parseClaim(fingerprint, reply[1:])
	if err != nil {
		return err
	}
	return l.unwatchUnlessLive(ctx, refusal{word: reply[0], claim: claim, remediation: remediationID})
}

// refusal is a claim script's answer to a write of one remediation.
type refusal struct {
	word        string
	claim       Claim
	remediation string
}

// unwatchUnlessLive turns the answer into an error, and takes back the watch
// item that was put before the script ran if the remediation is not live.
func (l *Ledger) unwatchUnlessLive(ctx context.Context, r refusal) error {
	if !r.claim.Live() || r.claim.Remediation != r.remediation {
		if err := l.DropDue(ctx, WatchID(r.remediation)); err != nil {
			return err
		}
	}
	switch r.word {
	case replyOK:
		return nil
	case replyNotHolder:
		return ErrNotHolder
	case replySettled:
		return ErrSettled
	default:
		return fmt.Errorf("unexpected answer %q", r.word)
	}
}
