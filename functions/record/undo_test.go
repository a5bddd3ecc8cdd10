package function

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// undoing is an event of a remediation whose step a person wants taken back, n
// minutes after it was opened.
func undoing(t *testing.T, n int, r Recorded, sections map[string]any) history.Entry {
	t.Helper()
	sections[event.SectionRemediation] = event.Remediation{ID: "r1-1", Fingerprint: "fp", OpenedAt: opened}
	data, err := json.Marshal(sections)
	require.NoError(t, err)
	r.ID, r.Data, r.Body = event.ShortType(r.Type)+"/"+r.Stage+"/"+string(rune('a'+n)), data, data
	r.Time = opened.Add(time.Duration(n) * time.Minute)
	e, err := entryOf(r)
	require.NoError(t, err)
	return e
}

func decided(undo bool) event.Decision {
	return event.Decision{Outcome: event.DecisionApproved, Reason: "undo_requested", Step: 1, Action: "restart_pod", Undo: undo}
}

func TestAnUndoMovesItsRemediationOnlyOnceSomethingIsTakenBack(t *testing.T) {
	did := func(outcome string) event.Execution {
		return event.Execution{Outcome: outcome, Step: 1, Action: "restart_pod"}
	}
	end := func(outcome string) event.End { return event.End{Outcome: outcome, Reason: "why"} }
	type says = map[string]any
	for name, c := range map[string]struct {
		by, eventType   string
		says            says
		moves, terminal bool
	}{
		"it is asked for":               {event.StageApprove, event.UndoRequested, says{"decision": decided(false), "execution": did("applied")}, false, false},
		"it is allowed":                 {event.StageAuthorize, event.RemediationApproved, says{"decision": decided(true), "execution": did("applied")}, false, false},
		"it is refused by authorize":    {event.StageAuthorize, event.RemediationRejected, says{"decision": decided(true), "execution": did("applied"), "end": end("rejected")}, false, false},
		"it is refused by execute":      {event.StageExecute, event.RemediationFailed, says{"decision": decided(true), "execution": did("refused"), "end": end("failed")}, false, false},
		"it is refused after a resolve": {event.StageExecute, event.RemediationFailed, says{"decision": decided(true), "execution": did("refused"), "end": end("cancelled")}, false, false},
		"it needs another turn":         {event.StageExecute, event.ExecutionContinued, says{"decision": decided(true), "execution": did("applied")}, false, false},
		"it is only tried":              {event.StageExecute, event.RemediationExecuted, says{"decision": decided(true), "execution": did("dry_run")}, false, false},
		"it is done":                    {event.StageExecute, event.RemediationExecuted, says{"decision": decided(true), "execution": did("undone")}, true, false},
		"it is done, and ends it":       {event.StageAssess, event.RemediationClosed, says{"decision": decided(true), "execution": did("undone"), "end": end("undone")}, true, true},
		// These settle the claim, whatever the decision was about.
		"nothing follows from it":   {event.StageAssess, event.RemediationEscalated, says{"decision": decided(true), "execution": did("applied"), "end": end("escalated")}, true, true},
		"it cannot be delivered":    {event.StageDeadletter, event.RemediationFailed, says{"decision": decided(true), "execution": did("applied"), "end": end("failed")}, true, true},
		"a step of its own refused": {event.StageExecute, event.RemediationFailed, says{"decision": decided(false), "execution": did("refused"), "end": end("failed")}, true, true},
		"a step of its own allowed": {event.StageAuthorize, event.RemediationApproved, says{"decision": decided(false)}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := undoing(t, 0, Recorded{Type: c.eventType, Stage: c.by}, c.says)
			require.Equal(t, c.moves, e.Progress, "whether it moves the remediation on")
			require.Equal(t, c.terminal, e.Terminal, "whether it ends it")
		})
	}
}

// TestARefusedUndoIsNoEnd keeps what record makes of an undo that execute
// refuses, behind the end and before it.
func TestARefusedUndoIsNoEnd(t *testing.T) {
	executed := undoing(t, 1, Recorded{Type: event.RemediationExecuted, Stage: event.StageExecute},
		map[string]any{"decision": decided(false), "execution": event.Execution{Outcome: event.ExecutionApplied, Step: 1}})
	healed := undoing(t, 2, Recorded{Type: event.RemediationClosed, Stage: event.StageAssess, Causation: executed.ID},
		map[string]any{"end": event.End{Outcome: event.OutcomeHealed, Reason: "effective"}})
	requested := undoing(t, 3, Recorded{Type: event.UndoRequested, Stage: event.StageApprove, Causation: executed.ID}, map[string]any{})
	allowed := undoing(t, 4, Recorded{Type: event.RemediationApproved, Stage: event.StageAuthorize, Causation: requested.ID},
		map[string]any{"decision": decided(true)})
	refused := undoing(t, 5, Recorded{Type: event.RemediationFailed, Stage: event.StageExecute, Causation: allowed.ID}, map[string]any{
		"decision": decided(true), "end": event.End{Outcome: event.OutcomeFailed, Reason: "target_moved"}})
	held := undoing(t, 2, Recorded{Type: event.RemediationHeld, Stage: event.StageAuthorize, Causation: executed.ID}, map[string]any{"decision": decided(false)})

	t.Run("what was healed stays healed", func(t *testing.T) {
		store := read(t, "sqlite://"+filepath.Join(t.TempDir(), "h.db"))
		require.NoError(t, store.Append(t.Context(), executed, healed, requested, allowed, refused))
		r, err := store.Remediation(t.Context(), "r1-1")
		require.NoError(t, err)
		require.Equal(t, []string{event.OutcomeHealed, "effective", event.RemediationClosed}, []string{r.Outcome, r.Reason, r.Phase})
		require.Equal(t, healed.Time, r.EndedAt)
		require.Equal(t, healed.ID, r.Last)
	})
	t.Run("what is under way stays so, where it was", func(t *testing.T) {
		store := read(t, "sqlite://"+filepath.Join(t.TempDir(), "h.db"))
		require.NoError(t, store.Append(t.Context(), executed, held, requested, allowed, refused))
		list, err := store.Remediations(t.Context(), history.Filter{Unended: true, Phase: event.RemediationHeld})
		require.NoError(t, err)
		require.Len(t, list, 1, "the list of what waits")
		live, err := store.Live(t.Context(), opened.Add(time.Hour), 10)
		require.NoError(t, err)
		require.Len(t, live, 1, "what the sweep asks for")
		require.Equal(t, held.ID, live[0].ID)
	})
}
