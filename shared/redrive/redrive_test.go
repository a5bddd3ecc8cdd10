package redrive_test

import (
	"context"
	"errors"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/redrive"
	"kubernaut.ai/shared/stage"
)

// box holds letters, and answers with an error beside them.
type box struct {
	letters []ledger.DeadLetter
	err     error
	dropped []string
}

func (b *box) DeadLetters(context.Context, int) ([]ledger.DeadLetter, error) { return b.letters, b.err }

func (b *box) DropDeadLetter(_ context.Context, id string) error {
	b.dropped = append(b.dropped, id)
	return nil
}

func TestALetterThatCannotBeReadKeepsNoOther(t *testing.T) {
	whole, err := stage.Encode(eventtest.Sample(event.SignalReceived))
	require.NoError(t, err)
	b := &box{letters: []ledger.DeadLetter{{ID: "torn"}, {ID: "whole", Event: whole}}, err: errors.New("dead letter torn is malformed")}
	sum, err := redrive.Do(t.Context(), redrive.Order{Letters: b, Publish: func(context.Context, cloudevents.Event) error { return nil }})
	require.NoError(t, err)
	require.Equal(t, redrive.Result{Accepted: 1, Kept: 1}, sum)
	require.Equal(t, []string{"whole"}, b.dropped)
}

func TestLettersThatAreNotToBeHadAreAnError(t *testing.T) {
	b := &box{err: errors.New("Redis is down")}
	_, err := redrive.Do(t.Context(), redrive.Order{Letters: b})
	require.ErrorIs(t, err, b.err)
}

func TestWhatTheTimeWasTooShortForIsLeft(t *testing.T) {
	whole, err := stage.Encode(eventtest.Sample(event.SignalReceived))
	require.NoError(t, err)
	b := &box{letters: []ledger.DeadLetter{{ID: "second", Event: whole}, {ID: "first", Event: whole}}}
	ctx, end := context.WithCancel(t.Context())
	sum, err := redrive.Do(ctx, redrive.Order{Letters: b, Publish: func(context.Context, cloudevents.Event) error { end(); return nil }})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, redrive.Result{Accepted: 1, Left: 1}, sum)
	require.Equal(t, []string{"first"}, b.dropped)
}
