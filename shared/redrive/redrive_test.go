package redrive_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
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

func (b *box) DropDeadLetter(_ context.Context, d ledger.DeadLetter) error {
	b.dropped = append(b.dropped, d.ID)
	return nil
}

// soon is when the samples are new.
func soon() time.Time { return eventtest.Start.Add(time.Hour) }

func TestALetterThatCannotBeReadKeepsNoOther(t *testing.T) {
	whole, err := stage.Encode(eventtest.Sample(event.SignalReceived))
	require.NoError(t, err)
	b := &box{letters: []ledger.DeadLetter{{ID: "torn"}, {ID: "whole", Event: whole}}, err: errors.New("dead letter torn is malformed")}
	sum, err := redrive.Do(t.Context(), redrive.Order{Letters: b, Now: soon, Publish: func(context.Context, cloudevents.Event) error { return nil }})
	require.NoError(t, err)
	require.Equal(t, redrive.Result{Accepted: 1, Kept: 1}, sum)
	require.Equal(t, []string{"whole"}, b.dropped)
}

// TestALetterThatIsRefusedAtOnceIsNotLost: whoever refuses it may be quicker than
// whoever posted it is in forgetting it.
func TestALetterThatIsRefusedAtOnceIsNotLost(t *testing.T) {
	l := ledgertest.Miniredis(t).Ledger(t)
	body, err := stage.Encode(eventtest.Sample(event.RemediationClosed))
	require.NoError(t, err)
	refused := func(ctx context.Context, _ cloudevents.Event) error {
		_, err := l.PutDeadLetter(ctx, ledger.DeadLetter{ID: "letter", Event: body, Destination: event.StageRecord})
		return err
	}
	require.NoError(t, refused(t.Context(), cloudevents.Event{}))
	sum, err := redrive.Do(t.Context(), redrive.Order{Letters: l, Publish: refused})
	require.NoError(t, err)
	require.Equal(t, redrive.Result{Accepted: 1}, sum)
	left, err := l.DeadLetters(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, left, 1)
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
	sum, err := redrive.Do(ctx, redrive.Order{Letters: b, Now: soon, Publish: func(context.Context, cloudevents.Event) error { end(); return nil }})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, redrive.Result{Accepted: 1, Left: 1}, sum)
	require.Equal(t, []string{"first"}, b.dropped)
}

func TestWhatIsTooOldToBeActedOnStays(t *testing.T) {
	made := eventtest.Sample(event.RemediationApproved).Time()
	for name, c := range map[string]struct {
		eventType string
		age       time.Duration
		change    func(*cloudevents.Event)
		tooOld    bool
	}{
		"an approval as old as its claim is known": {event.RemediationApproved, ledger.MaxEventAge, nil, false},
		"an older one":                                     {event.RemediationApproved, ledger.MaxEventAge + time.Second, nil, true},
		"a signal, which opens a claim again":              {event.SignalReceived, ledger.MaxEventAge + time.Second, nil, true},
		"a resolve, which may end one":                     {event.SignalResolved, ledger.MaxEventAge + time.Second, nil, true},
		"an end, which only history takes":                 {event.RemediationClosed, ledger.DeadLetterRetention, nil, false},
		"a hold, which only history takes":                 {event.RemediationHeld, ledger.DeadLetterRetention, nil, false},
		"a duplicate, which only history takes":            {event.SignalSuppressed, ledger.DeadLetterRetention, nil, false},
		"an event of a stranger's":                         {event.SignalReceived, ledger.DeadLetterRetention, func(e *cloudevents.Event) { e.SetType("com.example.thing") }, false},
		"one that does not say when it was made, in time":  {event.SignalReceived, ledger.MaxEventAge, untimed, false},
		"one that does not say when it was made, too late": {event.SignalReceived, ledger.MaxEventAge + time.Second, untimed, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := eventtest.Sample(c.eventType)
			if c.change != nil {
				c.change(&e)
			}
			body, err := stage.Encode(e)
			require.NoError(t, err)
			b := &box{letters: []ledger.DeadLetter{{ID: "letter", Event: body, At: made}}}
			posted := 0
			sum, err := redrive.Do(t.Context(), redrive.Order{Letters: b, Now: func() time.Time { return made.Add(c.age) },
				Publish: func(context.Context, cloudevents.Event) error { posted++; return nil }})
			require.NoError(t, err)
			if c.tooOld {
				require.Equal(t, redrive.Result{Kept: 1, TooOld: 1}, sum)
				require.Zero(t, posted)
				require.Empty(t, b.dropped)
				return
			}
			require.Equal(t, redrive.Result{Accepted: 1}, sum)
			require.Equal(t, 1, posted)
		})
	}
}

func untimed(e *cloudevents.Event) { e.SetTime(time.Time{}) }

// TestALetterRewritesNoEnd has an approval delivered again when execute's inbox
// has forgotten it: the decision has expired, and the remediation is healed.
func TestALetterRewritesNoEnd(t *testing.T) {
	redis := ledgertest.Miniredis(t)
	refuses := func(context.Context, stage.Input[json.RawMessage]) (stage.Reply, error) {
		return stage.Ended(event.RemediationFailed, event.End{Outcome: event.OutcomeFailed, Reason: "decision_expired"}), nil
	}
	execute := stage.New(event.StageExecute, func(context.Context, *stage.Runtime) (stage.Routes, error) {
		return stage.Routes{event.RemediationApproved: refuses}, nil
	}, stage.WithInbox())
	require.NoError(t, execute.Start(t.Context(), map[string]string{stage.EnvSealPrivate: eventtest.PrivateKey(event.StageExecute),
		stage.EnvSealPublic: eventtest.PublicKeys(), stage.EnvRedis: redis.URL(), stage.EnvLogLevel: "fatal"}))
	t.Cleanup(func() { require.NoError(t, execute.Stop(context.Background())) })
	l := redis.Ledger(t)
	require.NoError(t, l.Settle(t.Context(), ledger.Settlement{Fingerprint: eventtest.Fingerprint, Remediation: eventtest.RemediationID, Outcome: event.OutcomeHealed}))
	approved := eventtest.Sample(event.RemediationApproved)
	body, err := stage.Encode(approved)
	require.NoError(t, err)
	_, err = l.PutDeadLetter(t.Context(), ledger.DeadLetter{ID: "letter", Event: body})
	require.NoError(t, err)

	sum, err := redrive.Do(t.Context(), redrive.Order{Letters: l, Now: soon, Publish: func(ctx context.Context, e cloudevents.Event) error {
		reply, err := execute.Take(ctx, e)
		require.Nil(t, reply, "no second end reaches history")
		return err
	}})
	require.NoError(t, err)
	require.Equal(t, redrive.Result{Accepted: 1}, sum)
	claim, err := l.Get(t.Context(), eventtest.Fingerprint)
	require.NoError(t, err)
	require.Equal(t, event.OutcomeHealed, claim.Outcome)
}
