package history_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

func TestSummarise(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }
	received := history.Entry{ID: "a", Type: event.SignalReceived, Remediation: "r-1", Time: at(10), OpenedAt: at(9), Progress: true}
	enriched := history.Entry{ID: "b", Type: event.SignalEnriched, Remediation: "r-1", Time: at(11), Causation: "a", Progress: true}

	t.Run("a stage whose clock is behind does not turn the phase back", func(t *testing.T) {
		behind := enriched
		behind.Time = at(3)
		got := history.Summarise([]history.Entry{behind, received})
		require.Equal(t, event.SignalEnriched, got.Phase)
		require.Equal(t, at(9), got.OpenedAt, "opened as its events say")
	})
	t.Run("events about a remediation do not move it", func(t *testing.T) {
		resolved := history.Entry{ID: "c", Type: event.SignalResolved, Remediation: "r-1", Time: at(20)}
		got := history.Summarise([]history.Entry{resolved, enriched, received})
		require.Equal(t, event.SignalEnriched, got.Phase)
		require.Equal(t, at(11), got.LastAt)
		require.False(t, got.Ended())
	})
	t.Run("an undo after the end leaves the new outcome", func(t *testing.T) {
		healed := history.Entry{ID: "d", Type: event.RemediationClosed, Time: at(12), Causation: "b",
			Outcome: event.OutcomeHealed, Progress: true, Terminal: true}
		undone := history.Entry{ID: "e", Type: event.RemediationClosed, Time: at(30), Causation: "d",
			Outcome: event.OutcomeUndone, Progress: true, Terminal: true}
		got := history.Summarise([]history.Entry{undone, received, healed, enriched})
		require.Equal(t, event.OutcomeUndone, got.Outcome)
		require.Equal(t, at(30), got.EndedAt)
	})
	t.Run("what moves it on tells what it is, whatever joined it at the same time", func(t *testing.T) {
		first, joined := enriched, history.Entry{ID: "0", Type: event.SignalJoined, Remediation: "r-1", Time: enriched.Time}
		first.Alert, first.Kind, first.Subject, first.Severity, first.Action = "KubePodCrashLooping", "Deployment", "shop/Deployment/web", "high", "restart_pod"
		joined.Alert, joined.Kind, joined.Subject, joined.Severity, joined.Action = "KubePodNotReady", "Pod", "shop/Pod/web-1", "critical", "cordon_node"
		later := joined
		later.ID, later.Time = "z", at(40)
		got := history.Summarise([]history.Entry{joined, later, first})
		require.Equal(t, []string{"KubePodCrashLooping", "Deployment", "shop/Deployment/web", "high", "restart_pod"},
			[]string{got.Alert, got.Kind, got.Subject, got.Severity, got.Action})
	})
	t.Run("what is only about it tells what nothing else does", func(t *testing.T) {
		joined := history.Entry{ID: "0", Type: event.SignalJoined, Fingerprint: "fp", Alert: "KubePodNotReady", Severity: "critical", Time: at(1)}
		got := history.Summarise([]history.Entry{joined, enriched})
		require.Equal(t, []string{"r-1", "fp", "KubePodNotReady", "critical"}, []string{got.ID, got.Fingerprint, got.Alert, got.Severity})
	})
	t.Run("events that answer one another in a circle name no phase and do not hang", func(t *testing.T) {
		a, b := received, enriched
		a.Causation = "b"
		require.Empty(t, history.Summarise([]history.Entry{a, b}).Phase)
	})
	t.Run("no entries make an empty summary", func(t *testing.T) {
		require.Zero(t, history.Summarise(nil))
	})
}

func TestASchemeIsRegisteredOnce(t *testing.T) {
	open := func(string) (history.Store, error) { return nil, nil }
	history.Register("test-once", open)
	require.Panics(t, func() { history.Register("test-once", open) })
}
