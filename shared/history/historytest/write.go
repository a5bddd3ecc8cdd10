package historytest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

func comesBack(t *testing.T, s history.Store) {
	small := step("r-1", event.SignalReceived, 0, func(e *history.Entry) { e.Alerts = 3 })
	large := step("r-1", event.RemediationClosed, 1, because(small), func(e *history.Entry) {
		e.Reason, e.Outcome, e.Step, e.Action = "verified", "healed", 2, "restart_pod"
		e.Event = []byte(`{"text":"` + strings.Repeat(`quite \"long\" `, 4000) + `"}`)
	})
	add(t, s, small, large)
	got, err := s.Timeline(context.Background(), "r-1")
	require.NoError(t, err)
	require.Equal(t, []history.Entry{small, large}, got)
}

func keptOnce(t *testing.T, s history.Store) {
	first := step("r-1", event.SignalReceived, 0, func(e *history.Entry) { e.Alerts = 1 })
	again := first
	again.Event = []byte(`{"forged":true}`)
	add(t, s, first, first)
	add(t, s, again)
	got, err := s.Timeline(context.Background(), "r-1")
	require.NoError(t, err)
	require.Equal(t, []history.Entry{first}, got, "the first one stands")
	r, err := s.Remediation(context.Background(), "r-1")
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Alerts)
}

func allOrNone(t *testing.T, s history.Store) {
	good := step("r-1", event.SignalReceived, 0)
	for name, spoil := range map[string]func(*history.Entry){
		"no id":     func(e *history.Entry) { e.ID = "" },
		"no type":   func(e *history.Entry) { e.Type = "" },
		"no time":   func(e *history.Entry) { e.Time = time.Time{} },
		"no event":  func(e *history.Entry) { e.Event = nil },
		"too large": func(e *history.Entry) { e.Event = make([]byte, history.MaxEvent+1) },
		"too long":  func(e *history.Entry) { e.Alert = strings.Repeat("x", history.MaxField+1) },
		"a zero":    func(e *history.Entry) { e.Alert = "a\x00b" },
		"no text":   func(e *history.Entry) { e.Reason = "a\xffb" },
	} {
		err := s.Append(context.Background(), good, step("r-1", event.SignalEnriched, 1, spoil))
		require.ErrorIs(t, err, history.ErrInvalid, name)
	}
	got, err := s.Timeline(context.Background(), "r-1")
	require.NoError(t, err)
	require.Empty(t, got)
	require.NoError(t, s.Append(context.Background()), "nothing to append is no error")
}

func manyWriters(t *testing.T, s history.Store) {
	const writers, each = 16, 12
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				// Two writers at a time store the same events.
				e := step(fmt.Sprintf("r-%d", w/2), event.SignalReceived, n)
				if err := s.Append(context.Background(), e); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for w := range writers / 2 {
		got, err := s.Timeline(context.Background(), fmt.Sprintf("r-%d", w))
		require.NoError(t, err)
		require.Len(t, got, each)
	}
}

func endedContext(t *testing.T, s history.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.Error(t, s.Append(ctx, step("r-1", event.SignalReceived, 0)))
	_, err := s.Timeline(ctx, "r-1")
	require.Error(t, err)
	_, err = s.Prune(ctx, Start)
	require.Error(t, err)
	_, err = s.Forget(ctx, "r-1")
	require.Error(t, err)
	require.NoError(t, s.Ping(context.Background()), "the store lives on")
	add(t, s, step("r-1", event.SignalReceived, 0))
}
