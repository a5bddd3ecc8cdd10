package historytest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

func anyOrder(t *testing.T, s history.Store) {
	entries := story("r-1")
	for _, e := range slices.Backward(entries) {
		add(t, s, e)
	}
	got, err := s.Timeline(context.Background(), "r-1")
	require.NoError(t, err)
	require.Equal(t, ids(entries), ids(got))
}

func summedUp(t *testing.T, s history.Store) {
	entries := story("r-1")
	for _, i := range []int{4, 1, 5, 0, 3, 2} {
		add(t, s, entries[i])
	}
	got, err := s.Remediation(context.Background(), "r-1")
	require.NoError(t, err)
	closed := entries[4]
	require.Equal(t, history.Remediation{
		ID: "r-1", Fingerprint: "fp-r-1", Subject: "shop/Deployment/web", Alert: "KubePodCrashLooping",
		Kind: "Deployment", Severity: "high", Action: "rollback_deployment",
		Phase: event.RemediationClosed, Outcome: event.OutcomeHealed, Reason: "verified", Alerts: 5,
		OpenedAt: Start, LastAt: closed.Time, EndedAt: closed.Time, Last: closed.ID,
	}, got)
}

func notFound(t *testing.T, s history.Store) {
	ctx := context.Background()
	_, err := s.Remediation(ctx, "r-none")
	require.ErrorIs(t, err, history.ErrNotFound)
	_, err = s.Last(ctx, "r-none")
	require.ErrorIs(t, err, history.ErrNotFound)
	entries, err := s.Timeline(ctx, "r-none")
	require.NoError(t, err)
	require.Empty(t, entries)
	e, err := s.Effectiveness(ctx, history.Case{Alert: "None"})
	require.NoError(t, err)
	require.Zero(t, e)
}

func lastOfTypes(t *testing.T, s history.Store) {
	ctx := context.Background()
	entries := story("r-1")
	add(t, s, entries...)
	for _, c := range []struct {
		types []string
		want  history.Entry
	}{
		{nil, entries[4]},
		{[]string{event.RemediationExecuted}, entries[2]},
		{[]string{event.RemediationExecuted, event.SignalReceived}, entries[2]},
	} {
		got, err := s.Last(ctx, "r-1", c.types...)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	_, err := s.Last(ctx, "r-1", event.RemediationFailed)
	require.ErrorIs(t, err, history.ErrNotFound)
}

func timelineOfTypes(t *testing.T, s history.Store) {
	entries := story("r-1")
	add(t, s, entries...)
	add(t, s, story("r-2")...)
	for _, c := range []struct{ types, want []string }{
		{[]string{event.RemediationExecuted}, ids(entries[2:3])},
		{[]string{entries[3].Type, event.RemediationExecuted}, ids(entries[2:4])},
		{[]string{event.RemediationFailed}, []string{}},
	} {
		got, err := s.Timeline(context.Background(), "r-1", c.types...)
		require.NoError(t, err)
		require.Equal(t, c.want, ids(got), c.types)
	}
}

// timelineTooLong has more duplicates come than a timeline holds, before the end
// and before another alert joins, an undo is refused, and a last one comes.
func timelineTooLong(t *testing.T, s history.Store) {
	ctx := context.Background()
	about := func(e *history.Entry) { e.Progress, e.Terminal = false, false }
	entries := story("r-1")
	closed := &entries[4]
	entries = append(entries, step("r-1", event.SignalJoined, 8, about), step("r-1", event.RemediationFailed, 9, about))
	const duplicates = history.MaxTimeline + 1
	for n := range duplicates {
		entries = append(entries, step("r-1", event.SignalSuppressed, 10+n, about))
	}
	closed.Time = Start.Add(time.Hour)
	last := step("r-1", event.SignalSuppressed, 2000, about)
	last.Time = Start.Add(2 * time.Hour)
	add(t, s, append(entries, last)...)

	got, err := s.Timeline(ctx, "r-1")
	require.NoError(t, err)
	require.Len(t, got, history.MaxTimeline)
	require.True(t, slices.IsSortedFunc(got, history.Chronological))
	for _, e := range append(slices.Clone(entries[:5]), entries[6], entries[7], entries[len(entries)-1], last) {
		require.Contains(t, ids(got), e.ID)
	}
	require.NotContains(t, ids(got), entries[5].ID, "the oldest duplicate")
	require.Equal(t, len(entries)+1-history.MaxTimeline, got[0].LeftOut)
	require.Zero(t, got[1].LeftOut)

	got, err = s.Timeline(ctx, "r-1", event.SignalSuppressed)
	require.NoError(t, err)
	require.Len(t, got, history.MaxTimeline)
	require.Equal(t, last.ID, got[len(got)-1].ID)
	require.Equal(t, duplicates+2-history.MaxTimeline, got[0].LeftOut, "counted among those that were asked for")

	entries = story("r-2")
	for n := range history.MaxTimeline {
		entries = append(entries, step("r-2", event.SignalJoined, 10+n, about))
	}
	add(t, s, entries...)
	got, err = s.Timeline(ctx, "r-2")
	require.NoError(t, err)
	require.Equal(t, ids(entries[:5]), ids(got[:5]), "what moved it on, whatever is about it")
}

func pages(t *testing.T, s history.Store) {
	ctx := context.Background()
	var want []string
	for i := range 7 {
		id := fmt.Sprintf("r-%d", i)
		// Two of them are opened at the same instant.
		add(t, s, step(id, event.SignalReceived, i, func(e *history.Entry) {
			e.OpenedAt = Start.Add(time.Duration(i/2) * time.Minute)
		}))
		want = append(want, id)
	}
	slices.Reverse(want)
	var got []string
	filter := history.Filter{Limit: 3}
	for {
		page, err := s.Remediations(ctx, filter)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), 3)
		if len(page) == 0 {
			break
		}
		got = append(got, names(page)...)
		filter.After = page[len(page)-1].Cursor()
	}
	require.Equal(t, want, got)
	all, err := s.Remediations(ctx, history.Filter{Limit: 1 << 30})
	require.NoError(t, err)
	require.Len(t, all, 7)
}

func filtered(t *testing.T, s history.Store) {
	add(t, s, story("r-healed")...)
	add(t, s, step("r-open", event.RemediationProposed, 9, func(e *history.Entry) {
		e.Subject, e.Kind, e.Alert, e.Action = "/Node/worker-1", "Node", "KubeNodeNotReady", "cordon_node"
		e.OpenedAt = Start.Add(time.Minute)
	}))
	for name, c := range map[string]struct {
		filter history.Filter
		want   []string
	}{
		"by nothing":                      {history.Filter{}, []string{"r-open", "r-healed"}},
		"by namespace":                    {history.Filter{Namespace: "shop"}, []string{"r-healed"}},
		"by several namespaces":           {history.Filter{Namespaces: []string{"none", "shop"}}, []string{"r-healed"}},
		"by a namespace of several":       {history.Filter{Namespace: "shop", Namespaces: []string{"none"}}, []string{}},
		"by no namespace at all":          {history.Filter{Namespaces: []string{}}, []string{}},
		"by kind":                         {history.Filter{Kind: "Node"}, []string{"r-open"}},
		"by name":                         {history.Filter{Name: "worker-1"}, []string{"r-open"}},
		"by alert":                        {history.Filter{Alert: "KubeNodeNotReady"}, []string{"r-open"}},
		"by action":                       {history.Filter{Action: "rollback_deployment"}, []string{"r-healed"}},
		"by phase":                        {history.Filter{Phase: event.RemediationProposed}, []string{"r-open"}},
		"by outcome":                      {history.Filter{Outcome: event.OutcomeHealed}, []string{"r-healed"}},
		"by not having ended":             {history.Filter{Unended: true}, []string{"r-open"}},
		"by two that both match":          {history.Filter{Kind: "Node", Unended: true}, []string{"r-open"}},
		"by two that never match":         {history.Filter{Kind: "Node", Outcome: event.OutcomeHealed}, []string{}},
		"by text that looks like a query": {history.Filter{Name: `' OR 1=1 --`}, []string{}},
	} {
		got, err := s.Remediations(context.Background(), c.filter)
		require.NoError(t, err, name)
		require.Equal(t, c.want, names(got), name)
	}
}

func namespaces(t *testing.T, s history.Store) {
	ctx := context.Background()
	got, err := s.Namespaces(ctx, 10)
	require.NoError(t, err)
	require.Empty(t, got)
	for i, subject := range []string{"shop/Deployment/web", "/Node/worker-1", "bank/Deployment/web", "shop/Deployment/cart", "Zoo/Pod/x"} {
		add(t, s, step(fmt.Sprintf("r-%d", i), event.SignalReceived, i, func(e *history.Entry) { e.Subject = subject }))
	}
	got, err = s.Namespaces(ctx, 10)
	require.NoError(t, err)
	require.Equal(t, []string{"Zoo", "bank", "shop"}, got)
	got, err = s.Namespaces(ctx, 2)
	require.NoError(t, err)
	require.Len(t, got, 2)
}

func byID(t *testing.T, s history.Store) {
	ctx := context.Background()
	entries := story("r-1")
	add(t, s, entries...)
	got, err := s.Events(ctx)
	require.NoError(t, err)
	require.Empty(t, got, "asked for nothing")
	got, err = s.Events(ctx, entries[0].ID, "none", entries[2].ID)
	require.NoError(t, err)
	require.ElementsMatch(t, []history.Entry{entries[0], entries[2]}, got, "whole, with their events")
}

func live(t *testing.T, s history.Store) {
	ctx := context.Background()
	add(t, s, story("r-ended")...)
	oldest := step("r-silent", event.RemediationHeld, 1)
	add(t, s, step("r-silent", event.SignalReceived, 0), oldest)
	// A late event about it is no sign of life.
	add(t, s, step("r-silent", event.SignalSuppressed, 50, func(e *history.Entry) { e.Progress = false }))
	add(t, s, step("r-silent-2", event.SignalReceived, 5))
	add(t, s, step("r-fresh", event.SignalReceived, 20))
	add(t, s, step("r-only-about", event.SignalSuppressed, 0, func(e *history.Entry) { e.Progress = false }))

	got, err := s.Live(ctx, Start.Add(10*time.Second), 10)
	require.NoError(t, err)
	require.Equal(t, []string{oldest.ID, step("r-silent-2", event.SignalReceived, 5).ID}, ids(got))
	require.Equal(t, oldest, got[0], "whole, with its event")
	list, err := s.Remediations(ctx, history.Filter{Unended: true})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"r-silent", "r-silent-2", "r-fresh"}, names(list), "the list means the same by it")
	got, err = s.Live(ctx, Start.Add(10*time.Second), 1)
	require.NoError(t, err)
	require.Equal(t, []string{oldest.ID}, ids(got), "the longest silent first")
	got, err = s.Live(ctx, Start.Add(time.Second), 10)
	require.NoError(t, err)
	require.Empty(t, got)
}

func effectiveness(t *testing.T, s history.Store) {
	ctx := context.Background()
	verdict := func(remediation, verdict string, n, rung int) history.Entry {
		return step(remediation, event.EffectivenessAssessed, n, func(e *history.Entry) {
			e.Action, e.Step, e.Outcome = "restart_pod", rung, verdict
			if rung == 2 {
				e.Action = "rollback_deployment"
			}
		})
	}
	add(t, s,
		verdict("r-1", event.VerdictUnknown, 1, 1), verdict("r-1", event.VerdictIneffective, 2, 1),
		verdict("r-1", event.VerdictEffective, 3, 2),
		verdict("r-2", event.VerdictEffective, 4, 1), verdict("r-3", event.VerdictUnknown, 5, 1))
	for name, c := range map[string]struct {
		of   history.Case
		want history.Effectiveness
	}{
		"an action in a case": {
			history.Case{Alert: "KubePodCrashLooping", Kind: "Deployment", Action: "restart_pod"},
			history.Effectiveness{Tried: 3, Effective: 1, Ineffective: 1, Unknown: 1, Last: Start.Add(5 * time.Second)}},
		"all of an alert": {
			history.Case{Alert: "KubePodCrashLooping"},
			history.Effectiveness{Tried: 4, Effective: 2, Ineffective: 1, Unknown: 1, Last: Start.Add(5 * time.Second)}},
		"another action": {
			history.Case{Action: "rollback_deployment"},
			history.Effectiveness{Tried: 1, Effective: 1, Last: Start.Add(3 * time.Second)}},
		"another kind": {history.Case{Kind: "Node"}, history.Effectiveness{}},
	} {
		got, err := s.Effectiveness(ctx, c.of)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
}
