package stage

import (
	"context"
	"errors"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/ledger"
)

// inboxLease is how long a turn may hold an event: the turn's budget and some
// grace, so that a process that died blocks its event for less than a minute.
const inboxLease = TurnBudget + 10*time.Second

// inboxKeep is how long a recorded reply is kept: longer than any Trigger
// retries (10 minutes or more) and any sweep re-publishes.
const inboxKeep = 24 * time.Hour

// once runs a turn at most once at a time and answers a repeated event with
// the reply recorded for it. What ends a remediation is recorded before its
// claim is settled, and each repetition sees to it that it is.
func (f *Function) once(ctx context.Context, e cloudevents.Event, run func(context.Context) (answer, error)) (*cloudevents.Event, string, error) {
	turn, err := f.rt.Ledger.Begin(ctx, f.name, e.ID(), f.rt.lease)
	if err != nil {
		return nil, "", err
	}
	switch turn.State {
	case ledger.TurnRunning:
		return nil, "", Transient(ReasonRunning, fmt.Errorf("event %s is being handled by another instance", e.ID()))
	case ledger.TurnDone:
		return f.again(ctx, turn.Reply)
	}
	a, err := run(ctx)
	if failure := asError(err); failure != nil {
		// Let the next delivery try at once; if this fails too, the lease ends.
		if rerr := f.rt.Ledger.Release(ctx, turn); rerr != nil {
			err = errors.Join(err, rerr)
		}
		return nil, "", err
	}
	body, err := record(a)
	if err != nil {
		return nil, "", err
	}
	if err := f.rt.Ledger.Finish(ctx, turn, body, inboxKeep); err != nil {
		return nil, "", fmt.Errorf("record reply: %w", err)
	}
	return f.settled(ctx, a)
}

// again answers with what is on record. It is told even where another
// remediation holds the claim by now: it happened, and the first answer got lost.
// It is not where its remediation ended otherwise: then it was never told, and
// never will be true.
func (f *Function) again(ctx context.Context, reply []byte) (*cloudevents.Event, string, error) {
	a, err := recorded(reply)
	if err != nil {
		return nil, "", err
	}
	if a.settles {
		switch err := f.rt.Track(ctx, *a.reply, 0); {
		case errors.Is(err, ledger.ErrSettled):
			f.rt.Drop(ctx, ReasonSuperseded, err.Error())
			return nil, ReasonSuperseded, nil
		case err != nil && !errors.Is(err, ErrSuperseded):
			return nil, "", err
		}
	}
	return a.reply, a.reason, nil
}

func asError(err error) *Error {
	if err == nil {
		return nil
	}
	return classify(err)
}

// settlesMark stands before a recorded reply that settles its claim. Who reads
// JSON skips it.
const settlesMark = '\n'

func record(a answer) ([]byte, error) {
	if a.reply == nil {
		return nil, nil
	}
	body, err := Encode(*a.reply)
	if err == nil && a.settles {
		body = append([]byte{settlesMark}, body...)
	}
	return body, err
}

func recorded(body []byte) (answer, error) {
	a := answer{reason: "already_done"}
	if len(body) == 0 {
		return a, nil
	}
	e, err := Decode(body)
	a.reply, a.settles = &e, body[0] == settlesMark
	return a, err
}
