package ledger

import (
	"context"
	"fmt"
	"time"
)

// TurnState says what Begin found.
type TurnState string

// What Begin can answer.
const (
	// TurnFresh: the caller handles the event now, under a lease.
	TurnFresh TurnState = "fresh"
	// TurnRunning: another delivery is being handled; answer 503.
	TurnRunning TurnState = "running"
	// TurnDone: it was handled; answer Reply again.
	TurnDone TurnState = "done"
)

const replyLost = "lost"

// runningRetention is how long an abandoned turn is remembered, for its count
// of attempts; its lease ended long before.
const runningRetention = 24 * time.Hour

// Turn is one stage's handling of one event.
type Turn struct {
	Stage string
	Event string
	State TurnState
	// Reply is what the stage answered; nil when it answered with no event.
	Reply []byte
	// Token fences Finish and Release.
	Token int64
	// Attempt counts the leases given for this event, from 1.
	Attempt int
	// Remaining is how long a TurnRunning turn's lease still lasts.
	Remaining time.Duration
}

// Begin takes an event out of a stage's inbox: fresh under a lease, running
// elsewhere, or done with the recorded reply. A turn whose lease ended is fresh
// again. A lost reply costs nothing: the client asks again and gets the same
// turn. Two calls of Begin never get one turn both.
func (l *Ledger) Begin(ctx context.Context, stage, event string, lease time.Duration) (Turn, error) {
	const op = "begin turn"
	err := firstError(checkName("stage", stage), checkID("event id", event), checkSpan("lease", lease))
	if err != nil {
		return Turn{}, wrap(op, err)
	}
	reply, err := l.run(ctx, scriptBegin, []string{inboxKey(stage, event)},
		millis(lease), millis(runningRetention), callID())
	if err != nil {
		return Turn{}, wrap(op, err)
	}
	turn := Turn{Stage: stage, Event: event, State: TurnState(reply[0])}
	switch turn.State {
	case TurnFresh:
		turn.Token, turn.Attempt = number(reply[1]), int(number(reply[2]))
	case TurnRunning:
		turn.Remaining = time.Duration(number(reply[1])) * time.Millisecond
	case TurnDone:
		turn.Reply, err = unpack(reply[1])
	default:
		err = fmt.Errorf("unexpected answer %q", reply[0])
	}
	return turn, wrap(op, err)
}

// Finish records a fresh turn's reply (nil: no event) for as long as keep,
// which must exceed the Broker's retry horizon. ErrLostLease when the turn
// passed to another delivery: its reply counts, not this one.
func (l *Ledger) Finish(ctx context.Context, turn Turn, reply []byte, keep time.Duration) error {
	const op = "finish turn"
	packed, err := pack(reply)
	if err = firstError(err, checkTurn(turn), checkSpan("keep", keep)); err != nil {
		return wrap(op, err)
	}
	answer, err := l.run(ctx, scriptFinish, []string{inboxKey(turn.Stage, turn.Event)},
		turn.Token, packed, millis(keep))
	return wrap(op, leaseError(answer, err))
}

// Release gives a fresh turn back undone, so that the next delivery need not
// wait for the lease to end.
func (l *Ledger) Release(ctx context.Context, turn Turn) error {
	const op = "release turn"
	if err := checkTurn(turn); err != nil {
		return wrap(op, err)
	}
	answer, err := l.run(ctx, scriptRelease, []string{inboxKey(turn.Stage, turn.Event)}, turn.Token)
	return wrap(op, leaseError(answer, err))
}

func checkTurn(turn Turn) error {
	if turn.State != TurnFresh {
		return fmt.Errorf("%w: turn is %q, not fresh", ErrInvalid, turn.State)
	}
	return firstError(checkName("stage", turn.Stage), checkID("event id", turn.Event))
}

func leaseError(answer []string, err error) error {
	if err == nil && answer[0] == replyLost {
		return ErrLostLease
	}
	return err
}
