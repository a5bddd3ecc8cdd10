package timeline_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/stage"
	"kubernaut.ai/shared/timeline"
)

// told makes history's entry of an event, as record does.
func told(t *testing.T, e cloudevents.Event) history.Entry {
	t.Helper()
	body, err := stage.Encode(e)
	require.NoError(t, err)
	entry, ok := event.Lookup(e.Type())
	require.True(t, ok)
	producer, _ := event.StageOf(e.Source())
	told := history.Entry{ID: e.ID(), Type: e.Type(), Stage: producer, Remediation: event.Extension(e, event.ExtCorrelation),
		Fingerprint: eventtest.Fingerprint, Causation: event.Extension(e, event.ExtCausation), Subject: e.Subject(), Time: e.Time(),
		OpenedAt: eventtest.Remediation.OpenedAt, Alert: event.Extension(e, "alertname"), Action: event.Extension(e, "action"),
		Outcome: event.Extension(e, "outcome"), Event: body}
	var data struct{ Decision *event.Decision }
	require.NoError(t, e.DataAs(&data))
	aside := history.UnappliedUndo(told, data.Decision)
	told.Progress, told.Terminal = history.Moves(e.Type()) && !aside, entry.Terminal && !aside
	return told
}

func samples(t *testing.T, types ...string) []history.Entry {
	t.Helper()
	entries := make([]history.Entry, len(types))
	for i, name := range types {
		entries[i] = told(t, eventtest.Sample(name))
	}
	return entries
}

var healed = []string{event.SignalReceived, event.SignalEnriched, event.SignalClassified, event.RemediationProposed,
	event.RemediationApproved, event.RemediationExecuted, event.EffectivenessAssessed, event.RemediationClosed}

func types(v timeline.View) []string {
	out := make([]string, len(v.Timeline))
	for i, l := range v.Timeline {
		out[i] = l.Type
	}
	return out
}

func TestAHealedRemediationTellsAllThatMatters(t *testing.T) {
	v, err := timeline.Of(samples(t, healed...))
	require.NoError(t, err)
	require.Equal(t, eventtest.RemediationID, v.ID)
	require.True(t, v.Ended)
	require.NotNil(t, v.EndedAt)
	require.Equal(t, event.OutcomeHealed, v.Outcome)
	require.Equal(t, "effective", v.Reason)
	require.Equal(t, "KubePodCrashLooping", v.Alert)
	require.Equal(t, "shop/Deployment/checkout", v.Target)
	require.Equal(t, "rollback_deployment", v.Action)
	require.Equal(t, "P2", v.Priority)
	require.Equal(t, eventtest.Execution.Changes[0].Field, v.Changes[0].Field)
	require.Equal(t, &timeline.Undo{Step: 1, Possible: true, Summary: "Roll forward to checkout-7c9d8b6f5.",
		How: "POST /api/v1/remediations/" + eventtest.RemediationID + "/undo"}, v.Undo)
	require.Equal(t, event.VerdictEffective, v.Verdict.Verdict)
	require.Contains(t, v.Reasons, "Revision 4 crash-loops; revision 3 ran.")
	require.Nil(t, v.Held)
	for _, l := range v.Timeline {
		require.NotEmpty(t, l.Summary, l.Type)
		require.GreaterOrEqual(t, l.Took, time.Duration(0))
	}
}

func TestEveryTypeOfTheCatalogueHasALine(t *testing.T) {
	for _, entry := range event.Catalogue() {
		v, err := timeline.Of(samples(t, entry.Type))
		require.NoError(t, err, entry.Type)
		require.Len(t, v.Timeline, 1)
		require.NotEmpty(t, v.Timeline[0].Summary, entry.Type)
		require.NotEqual(t, event.ShortType(entry.Type), v.Timeline[0].Summary, "a type without words of its own")
	}
}

func TestTheOrderIsThatOfCausesWhateverTheClocksSay(t *testing.T) {
	want, err := timeline.Of(samples(t, healed...))
	require.NoError(t, err)
	t.Run("entries come in any order", func(t *testing.T) {
		entries := samples(t, healed...)
		for i := range entries {
			entries[i], entries[len(entries)-1-i] = entries[len(entries)-1-i], entries[i]
		}
		v, err := timeline.Of(entries)
		require.NoError(t, err)
		require.Equal(t, types(want), types(v))
	})
	t.Run("one clock is an hour behind", func(t *testing.T) {
		entries := samples(t, healed...)
		entries[4].Time = entries[4].Time.Add(-time.Hour)
		v, err := timeline.Of(entries)
		require.NoError(t, err)
		require.Equal(t, types(want), types(v))
		require.Zero(t, v.Timeline[4].Took, "no time runs backwards")
	})
	t.Run("all at the same time", func(t *testing.T) {
		entries := samples(t, healed...)
		for i := range entries {
			entries[i].Time = eventtest.Start
		}
		v, err := timeline.Of(entries)
		require.NoError(t, err)
		require.Equal(t, types(want), types(v))
	})
	t.Run("a duplicate that was told of first", func(t *testing.T) {
		entries := samples(t, append([]string{event.SignalSuppressed}, healed...)...)
		entries[0].Time = entries[1].Time.Add(-time.Second)
		v, err := timeline.Of(entries)
		require.NoError(t, err)
		require.Equal(t, "signal.received", v.Timeline[0].Type)
		require.Equal(t, int64(1), v.Duplicates)
	})
	t.Run("a circle of causes ends", func(t *testing.T) {
		entries := samples(t, event.SignalReceived, event.SignalEnriched)
		entries[0].Causation = entries[1].ID
		v, err := timeline.Of(entries)
		require.NoError(t, err)
		require.Len(t, v.Timeline, 2)
	})
}

func TestATimelineSaysHowMuchItHasNoRoomFor(t *testing.T) {
	entries := samples(t, healed...)
	v, err := timeline.Of(entries)
	require.NoError(t, err)
	require.Zero(t, v.NotListed)
	entries[0].LeftOut = 12
	v, err = timeline.Of(entries)
	require.NoError(t, err)
	require.Equal(t, 12, v.NotListed)
}

func TestAHeldRemediationSaysHowToAnswer(t *testing.T) {
	entries := samples(t, event.SignalReceived, event.SignalEnriched, event.SignalClassified, event.RemediationProposed, event.RemediationHeld)
	v, err := timeline.Of(entries)
	require.NoError(t, err)
	require.False(t, v.Ended)
	require.Equal(t, "POST /api/v1/remediations/"+eventtest.RemediationID+"/approve", v.Held.Approve)
	require.Equal(t, "POST /api/v1/remediations/"+eventtest.RemediationID+"/refuse", v.Held.Refuse)
	require.Nil(t, v.Undo)
	require.Nil(t, v.Verdict)
	for _, end := range []string{event.RemediationRejected, event.RemediationExpired} {
		v, err := timeline.Of(append(entries, samples(t, end)...))
		require.NoError(t, err)
		require.Nil(t, v.Held, "nobody is asked after %s", end)
	}
}

func TestWholeMeansThatNoCauseIsMissing(t *testing.T) {
	require.True(t, timeline.Whole(samples(t, healed...)))
	require.True(t, timeline.Whole(nil))
	entries := samples(t, healed...)
	require.False(t, timeline.Whole(append(entries[:6:6], entries[7:]...)))
}

func TestAnEventThatCannotBeReadIsNamed(t *testing.T) {
	entries := samples(t, event.SignalReceived)
	entries[0].Event = []byte("{")
	_, err := timeline.Of(entries)
	require.ErrorContains(t, err, entries[0].ID)
}

// did is an execution of a step.
func did(t *testing.T, step int, outcome string, undo *event.Undo) history.Entry {
	t.Helper()
	parent, x := eventtest.Sample(event.RemediationApproved), eventtest.Execution
	doc, err := event.ParseDocument(parent.Data())
	require.NoError(t, err)
	x.Step, x.Outcome, x.Undo = step, outcome, undo
	e, err := event.New(event.Draft{Type: event.RemediationExecuted, Stage: event.StageExecute, Namespace: eventtest.Namespace, Parent: &parent,
		Cause: fmt.Sprint(outcome, step), Document: doc, Sections: []event.Section{{Name: event.SectionExecution, Value: x}}, Now: eventtest.Start})
	require.NoError(t, err)
	return told(t, e)
}

func TestAnUndoTakesBackTheLastStepThatCanBe(t *testing.T) {
	back := func(words string) *event.Undo { return &event.Undo{Possible: true, Summary: words} }
	never := &event.Undo{Summary: "Nothing to undo."}
	cordon := did(t, 1, event.ExecutionApplied, back("Uncordons."))
	const uncordons, scales = "Uncordons.", "Scales down."
	second, undone := did(t, 2, event.ExecutionApplied, back(scales)), did(t, 2, event.ExecutionUndone, never)
	for name, c := range map[string]struct {
		done []history.Entry
		// named is the step that the request names.
		named int
		// shown is the view's, chosen the execution, as step and outcome, next the
		// earlier step that can be taken back, too.
		shown  *timeline.Undo
		chosen string
		next   int
	}{
		"nothing was executed":           {nil, 0, nil, "", 0},
		"the only step":                  {[]history.Entry{cordon}, 0, offered(1, uncordons, ""), "1 applied", 0},
		"a later step changed nothing":   {[]history.Entry{cordon, did(t, 2, event.ExecutionNothing, never)}, 0, offered(1, uncordons, ""), "1 applied", 0},
		"a later step is final":          {[]history.Entry{cordon, did(t, 2, event.ExecutionApplied, never)}, 0, offered(1, uncordons, ""), "1 applied", 0},
		"an undo was only tried":         {[]history.Entry{cordon, did(t, 1, event.ExecutionDryRun, never)}, 0, offered(1, uncordons, ""), "1 applied", 0},
		"both can be":                    {[]history.Entry{cordon, second}, 0, offered(2, scales, ""), "2 applied", 0},
		"the earlier is named":           {[]history.Entry{cordon, second}, 1, offered(2, scales, ""), "1 applied", 0},
		"the later was taken back":       {[]history.Entry{cordon, second, undone}, 0, offered(1, uncordons, ` {"step":1}`), "2 undone", 1},
		"and then the earlier is named":  {[]history.Entry{cordon, second, undone}, 1, offered(1, uncordons, ` {"step":1}`), "1 applied", 0},
		"and then the later is again":    {[]history.Entry{cordon, second, undone}, 2, offered(1, uncordons, ` {"step":1}`), "2 undone", 0},
		"a step is named that never was": {[]history.Entry{cordon, second, undone}, 3, offered(1, uncordons, ` {"step":1}`), "", 0},
		"it was taken back":              {[]history.Entry{cordon, did(t, 1, event.ExecutionUndone, never)}, 0, nil, "1 undone", 0},
		"and then tried once more":       {[]history.Entry{cordon, did(t, 1, event.ExecutionUndone, never), did(t, 1, event.ExecutionDryRun, never)}, 0, nil, "1 undone", 0},
		"nothing can be":                 {[]history.Entry{did(t, 1, event.ExecutionNothing, never), did(t, 2, event.ExecutionApplied, never)}, 0, &timeline.Undo{Step: 2, Summary: "Nothing to undo."}, "2 applied", 0},
		"an applied one has no receipt":  {[]history.Entry{did(t, 1, event.ExecutionApplied, nil)}, 0, nil, "1 applied", 0},
		"nothing was changed":            {[]history.Entry{did(t, 1, event.ExecutionDryRun, never), did(t, 2, event.ExecutionNothing, never)}, 0, nil, "2 nothing_to_change", 0},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				v, err := timeline.Of(append(samples(t, event.SignalReceived), c.done...))
				require.NoError(t, err)
				require.Equal(t, c.shown, v.Undo)
				r, ok, err := timeline.ToUndo(c.done, c.named)
				require.NoError(t, err)
				require.Equal(t, c.chosen != "", ok)
				require.Equal(t, c.chosen, chosen(t, r.Entry))
				require.Equal(t, c.next, r.Next)
				slices.Reverse(c.done) // events come in any order
			}
		})
	}
}

// follows is an event that answers another with these sections.
func follows(t *testing.T, parent cloudevents.Event, d event.Draft) cloudevents.Event {
	t.Helper()
	doc, err := event.ParseDocument(parent.Data())
	require.NoError(t, err)
	d.Parent, d.Document, d.Namespace, d.Now = &parent, doc, eventtest.Namespace, parent.Time().Add(time.Minute)
	e, err := event.New(d)
	require.NoError(t, err)
	return e
}

// undoRefused are the events of an undo that execute refuses or, where it is not
// allowed, authorize.
func undoRefused(t *testing.T, allowed bool) []history.Entry {
	t.Helper()
	decision := eventtest.Decision(event.DecisionApproved)
	decision.Undo, decision.Approver, decision.Reason = true, "alice@example.com", "undo_requested"
	decided := event.Section{Name: event.SectionDecision, Value: decision}
	requested := eventtest.Sample(event.UndoRequested)
	if !allowed {
		return []history.Entry{told(t, requested), told(t, follows(t, requested, event.Draft{Type: event.RemediationRejected, Stage: event.StageAuthorize,
			Sections: []event.Section{decided, {Name: event.SectionEnd, Value: event.End{Outcome: event.OutcomeRejected, Reason: "undo_impossible", Detail: "No receipt."}}}}))}
	}
	approved := follows(t, requested, event.Draft{Type: event.RemediationApproved, Stage: event.StageAuthorize, Sections: []event.Section{decided}})
	failed := follows(t, approved, event.Draft{Type: event.RemediationFailed, Stage: event.StageExecute, Sections: []event.Section{
		{Name: event.SectionEnd, Value: event.End{Outcome: event.OutcomeFailed, Reason: "target_moved", Detail: "Somebody scaled it."}}}})
	return []history.Entry{told(t, requested), told(t, approved), told(t, failed)}
}

func TestAnUndoThatIsRefusedIsShownAndEndsNothing(t *testing.T) {
	const byExecute, byAuthorize = "target_moved: Somebody scaled it.", "undo_impossible: No receipt."
	for name, c := range map[string]struct {
		allowed bool
		why     string
	}{"by execute": {true, byExecute}, "by authorize": {false, byAuthorize}} {
		t.Run(name+", after it was healed", func(t *testing.T) {
			v, err := timeline.Of(append(samples(t, healed...), undoRefused(t, c.allowed)...))
			require.NoError(t, err)
			require.Equal(t, []string{event.OutcomeHealed, "effective", "", "remediation.closed"}, []string{v.Outcome, v.Reason, v.Detail, v.Phase})
			require.Equal(t, told(t, eventtest.Sample(event.RemediationClosed)).Time, *v.EndedAt)
			require.Equal(t, "the undo was refused: "+c.why, v.Timeline[len(v.Timeline)-1].Summary)
			require.Equal(t, c.why, v.Undo.Refused)
			require.True(t, v.Undo.Possible, "who sees why may ask again")
		})
		t.Run(name+", while another step waits for an answer", func(t *testing.T) {
			v, err := timeline.Of(append(samples(t, event.SignalReceived, event.RemediationExecuted, event.RemediationHeld), undoRefused(t, c.allowed)...))
			require.NoError(t, err)
			require.False(t, v.Ended)
			require.Empty(t, v.Outcome)
			require.NotNil(t, v.Held, "it can be answered still")
		})
	}
	t.Run("it says nothing of another step", func(t *testing.T) {
		entries := append(samples(t, healed...), undoRefused(t, true)...)
		never := did(t, 1, event.ExecutionUndone, &event.Undo{Summary: "This was the undo."})
		never.Time = entries[len(entries)-1].Time.Add(time.Minute)
		v, err := timeline.Of(append(entries, never, did(t, 2, event.ExecutionApplied, eventtest.Execution.Undo)))
		require.NoError(t, err)
		require.Equal(t, 2, v.Undo.Step)
		require.Empty(t, v.Undo.Refused)
	})
}

// offered is an undo that can be asked for.
func offered(step int, summary, body string) *timeline.Undo {
	return &timeline.Undo{Step: step, Possible: true, Summary: summary, How: "POST /api/v1/remediations/" + eventtest.RemediationID + "/undo" + body}
}

func chosen(t *testing.T, entry history.Entry) string {
	t.Helper()
	if entry.ID == "" {
		return ""
	}
	e, err := stage.Decode(entry.Event)
	require.NoError(t, err)
	var d event.RemediationExecutedData
	require.NoError(t, e.DataAs(&d))
	return fmt.Sprintf("%d %s", d.Execution.Step, d.Execution.Outcome)
}
