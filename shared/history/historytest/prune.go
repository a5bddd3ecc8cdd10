package historytest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

func pruned(t *testing.T, s history.Store) {
	ctx := context.Background()
	add(t, s, story("r-ended")...)
	add(t, s, step("r-live", event.SignalReceived, 0))
	about := func(e *history.Entry) { e.Progress = false }
	add(t, s, step("", event.SignalSuppressed, 0, about), step("r-late", event.SignalSuppressed, 0, about))
	// It ended early, and was undone only now.
	add(t, s, story("r-undone")...)
	add(t, s, step("r-undone", event.RemediationClosed, 9, func(e *history.Entry) {
		e.Time, e.Outcome = Start.Add(2*time.Hour), event.OutcomeUndone
	}))

	n, err := s.Prune(ctx, Start)
	require.NoError(t, err)
	require.Zero(t, n, "nothing is older than the start")

	n, err = s.Prune(ctx, Start.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, len(story("r-ended"))+1+1+2, n, "events and summaries")
	n, err = s.Prune(ctx, Start.Add(time.Hour))
	require.NoError(t, err)
	require.Zero(t, n, "all of it went the first time")
	for _, gone := range []string{"r-ended", "", "r-late"} {
		entries, err := s.Timeline(ctx, gone)
		require.NoError(t, err)
		require.Empty(t, entries, gone)
	}
	kept, err := s.Timeline(ctx, "r-live")
	require.NoError(t, err)
	require.Len(t, kept, 1)
	list, err := s.Remediations(ctx, history.Filter{})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"r-live", "r-undone"}, names(list))

	n, err = s.Prune(ctx, Start.Add(100*365*24*time.Hour))
	require.NoError(t, err)
	require.Positive(t, n)
	live, err := s.Live(ctx, Start.Add(time.Hour), 10)
	require.NoError(t, err)
	require.Len(t, live, 1, "what has not ended stays, however old")
}

func prunedInBatches(t *testing.T, s history.Store) {
	ctx := context.Background()
	const ended, each = 250, 3
	var entries []history.Entry
	for n := range ended {
		received := step(fmt.Sprintf("r-%d", n), event.SignalReceived, 0)
		closed := step(received.Remediation, event.RemediationClosed, 1, because(received))
		entries = append(entries, received, closed)
	}
	add(t, s, entries...)
	var writers sync.WaitGroup
	for n := range 20 {
		writers.Go(func() {
			if err := s.Append(ctx, step(fmt.Sprintf("r-new-%d", n), event.SignalReceived, 0)); err != nil {
				t.Errorf("append: %v", err)
			}
		})
	}
	// Several prune at once: each row is counted by one of them.
	var mu sync.Mutex
	total := 0
	for range 3 {
		writers.Go(func() {
			n, err := s.Prune(ctx, Start.Add(time.Hour))
			if err != nil {
				t.Errorf("prune: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += n
		})
	}
	writers.Wait()
	n, err := s.Prune(ctx, Start.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, ended*each, total+n)
	list, err := s.Remediations(ctx, history.Filter{})
	require.NoError(t, err)
	require.Len(t, list, 20)
}

func forgotten(t *testing.T, s history.Store) {
	ctx := context.Background()
	add(t, s, story("r-1")...)
	add(t, s, story("r-2")...)
	add(t, s, step("r-live", event.SignalReceived, 0))

	_, err := s.Forget(ctx, "r-none")
	require.ErrorIs(t, err, history.ErrNotFound)
	_, err = s.Forget(ctx, "")
	require.ErrorIs(t, err, history.ErrNotFound)
	_, err = s.Forget(ctx, "r-live")
	require.ErrorIs(t, err, history.ErrNotEnded)

	n, err := s.Forget(ctx, "r-1")
	require.NoError(t, err)
	require.Equal(t, len(story("r-1"))+1, n)
	_, err = s.Remediation(ctx, "r-1")
	require.ErrorIs(t, err, history.ErrNotFound)
	entries, err := s.Timeline(ctx, "r-1")
	require.NoError(t, err)
	require.Empty(t, entries)
	verdicts, err := s.Effectiveness(ctx, history.Case{Action: "rollback_deployment"})
	require.NoError(t, err)
	require.Equal(t, 1, verdicts.Tried, "its verdict counts no more")
	for _, kept := range []string{"r-2", "r-live"} {
		_, err := s.Remediation(ctx, kept)
		require.NoError(t, err)
	}
	_, err = s.Forget(ctx, "r-1")
	require.ErrorIs(t, err, history.ErrNotFound)
}

func staysForgotten(t *testing.T, s history.Store) {
	ctx := context.Background()
	about := func(e *history.Entry) { e.Progress, e.Alerts = false, 1 }
	add(t, s, story("r-1")...)
	add(t, s, step("r-late", event.SignalSuppressed, 0, about))
	for _, id := range []string{"r-1", "r-late"} {
		_, err := s.Forget(ctx, id)
		require.NoError(t, err)
		add(t, s, step(id, event.SignalSuppressed, 20, about), step("r-2", event.SignalReceived, 20))
	}
	for _, id := range []string{"r-1", "r-late"} {
		_, err := s.Remediation(ctx, id)
		require.ErrorIs(t, err, history.ErrNotFound)
		entries, err := s.Timeline(ctx, id)
		require.NoError(t, err)
		require.Empty(t, entries)
		_, err = s.Forget(ctx, id)
		require.ErrorIs(t, err, history.ErrNotFound)
	}
	for _, filter := range []history.Filter{{}, {Unended: true}} {
		list, err := s.Remediations(ctx, filter)
		require.NoError(t, err)
		require.Equal(t, []string{"r-2"}, names(list))
	}

	// What is under way is never hidden, whatever its id was before.
	add(t, s, step("r-late", event.SignalSuppressed, 21, about), step("r-late", event.SignalReceived, 22))
	add(t, s, step("r-late", event.SignalSuppressed, 23, about))
	live, err := s.Remediation(ctx, "r-late")
	require.NoError(t, err)
	require.Equal(t, event.SignalReceived, live.Phase)
	entries, err := s.Timeline(ctx, "r-late")
	require.NoError(t, err)
	require.Equal(t, event.SignalSuppressed, entries[len(entries)-1].Type, "and is kept whole from there on")

	// It is remembered for as long as it would have been kept.
	n, err := s.Prune(ctx, Start)
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = s.Prune(ctx, Start.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, 1, n, "what is left of r-1")
	add(t, s, step("r-1", event.SignalSuppressed, 30, about))
	entries, err = s.Timeline(ctx, "r-1")
	require.NoError(t, err)
	require.Len(t, entries, 1)
}
