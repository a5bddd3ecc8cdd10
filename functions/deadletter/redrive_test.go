package function

import (
	"context"
	"errors"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/redrive"
)

// soon is when the samples are new.
func soon() time.Time { return eventtest.Start.Add(time.Hour) }

func TestRedrive(t *testing.T) {
	approved, received := eventtest.Sample(event.RemediationApproved), eventtest.Sample(event.SignalReceived)
	for name, c := range map[string]struct {
		filter redrive.Filter
		posted []string
	}{
		"everything, the oldest first":    {redrive.Filter{}, []string{received.ID(), approved.ID()}},
		"what record failed":              {redrive.Filter{Destination: "record"}, []string{received.ID()}},
		"what an address failed":          {redrive.Filter{Destination: executeAddress}, []string{approved.ID()}},
		"what is of a type":               {redrive.Filter{Type: event.RemediationApproved}, []string{approved.ID()}},
		"what belongs to a remediation":   {redrive.Filter{Remediation: eventtest.RemediationID}, []string{received.ID(), approved.ID()}},
		"what belongs to none that is so": {redrive.Filter{Remediation: "other-1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for _, e := range []cloudevents.Event{dead(event.SignalReceived, "http://record.x.svc"), dead(event.RemediationApproved, executeAddress)} {
				_, err := w.stage.Take(t.Context(), e)
				require.NoError(t, err)
				w.redis.Advance(1e9)
			}
			var posted []string
			sum, err := redrive.Do(t.Context(), redrive.Order{Letters: w.ledger, Filter: c.filter, Now: soon,
				Publish: func(_ context.Context, e cloudevents.Event) error {
					require.NoError(t, eventtest.Keyring().Verify(e), "verbatim: the seal is still good")
					require.Empty(t, e.Extensions()[extDest])
					posted = append(posted, e.ID())
					return nil
				}})
			require.NoError(t, err)
			require.Equal(t, c.posted, posted)
			require.Equal(t, redrive.Result{Accepted: len(posted), Kept: 2 - len(posted)}, sum)
			require.Len(t, w.letters(), 2-len(posted))
		})
	}
}

func TestRedriveKeepsWhatTheBrokerDoesNotTake(t *testing.T) {
	w := newWorld(t)
	_, err := w.stage.Take(t.Context(), dead(event.SignalReceived, "http://record.x.svc"))
	require.NoError(t, err)
	down := errors.New("broker is down")
	sum, err := redrive.Do(t.Context(), redrive.Order{Letters: w.ledger, Now: soon,
		Publish: func(context.Context, cloudevents.Event) error { return down }})
	require.ErrorIs(t, err, down)
	require.Equal(t, redrive.Result{Failed: 1}, sum)
	require.Len(t, w.letters(), 1)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = redrive.Do(ended, redrive.Order{Letters: w.ledger, Now: soon, Publish: func(context.Context, cloudevents.Event) error { return nil }})
	require.Error(t, err)
	require.Len(t, w.letters(), 1)
}
