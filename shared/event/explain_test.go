package event_test

import (
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
)

// explaining is the sample as an event that only explains, with its seal.
func explaining(t testing.TB, eventType string) cloudevents.Event {
	t.Helper()
	real := eventtest.Sample(eventType)
	stage, ok := event.StageOf(real.Source())
	require.True(t, ok)
	e := real.Clone()
	e.SetExtension(event.ExtExplain, "only")
	require.NoError(t, eventtest.Key(stage).Seal(&e))
	return e
}

func TestTheMarkOfAnExplanationIsUnderTheSeal(t *testing.T) {
	marked, real := explaining(t, event.RemediationApproved), eventtest.Sample(event.RemediationApproved)
	require.NoError(t, eventtest.Keyring().Verify(marked))
	require.NoError(t, eventtest.Keyring().Verify(real))
	require.True(t, event.ForExplanation(marked))
	require.False(t, event.ForExplanation(real))
	for name, forge := range map[string]func() cloudevents.Event{
		"taken off":         func() cloudevents.Event { e := marked.Clone(); e.SetExtension(event.ExtExplain, nil); return e },
		"emptied":           func() cloudevents.Event { e := marked.Clone(); e.SetExtension(event.ExtExplain, ""); return e },
		"another":           func() cloudevents.Event { e := marked.Clone(); e.SetExtension(event.ExtExplain, "no"); return e },
		"put on a real one": func() cloudevents.Event { e := real.Clone(); e.SetExtension(event.ExtExplain, "only"); return e },
		"put on as a bool":  func() cloudevents.Event { e := real.Clone(); e.SetExtension(event.ExtExplain, true); return e },
		"the seal of a real one": func() cloudevents.Event {
			e := marked.Clone()
			e.SetExtension(event.ExtSeal, event.Extension(real, event.ExtSeal))
			return e
		},
		"moved into the data": func() cloudevents.Event {
			e := marked.Clone()
			e.SetExtension(event.ExtExplain, nil)
			e.DataEncoded = append(e.Data(), "\x00\x00\x00\x04only"...)
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, eventtest.Keyring().Verify(forge()), event.ErrSealBroken)
		})
	}
}

func TestTheReplyToAMarkedEventIsMarked(t *testing.T) {
	for name, parent := range map[string]cloudevents.Event{
		"marked": explaining(t, event.SignalReceived), "real": eventtest.Sample(event.SignalReceived)} {
		t.Run(name, func(t *testing.T) {
			doc, err := event.ParseDocument(parent.Data())
			require.NoError(t, err)
			e, err := event.New(event.Draft{Type: event.SignalEnriched, Stage: event.StageEnrich, Namespace: eventtest.Namespace,
				Parent: &parent, Document: doc, Now: time.Now()})
			require.NoError(t, err)
			require.Equal(t, event.ForExplanation(parent), event.ForExplanation(e))
		})
	}
}

func TestADraftThatExplainsIsMarked(t *testing.T) {
	e, err := event.New(event.Draft{Type: event.SignalReceived, Stage: event.StageGateway, Cause: "c", Explain: true, Now: time.Now()})
	require.NoError(t, err)
	require.True(t, event.ForExplanation(e))
	body, err := e.MarshalJSON()
	require.NoError(t, err)
	read := cloudevents.NewEvent()
	require.NoError(t, read.UnmarshalJSON(body))
	require.True(t, event.ForExplanation(read))
	require.False(t, event.ForExplanation(cloudevents.Event{}))
}
