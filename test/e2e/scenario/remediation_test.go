package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
	"kubernaut.ai/shared/timeline"
)

// opened waits for the remediation of a workload in history.
func (w *world) opened(t testing.TB, of signal.Workload) (r history.Remediation) {
	t.Helper()
	until(t, "a remediation of "+of.Kind+" "+of.Name, func(context.Context) (bool, any) {
		found := w.remediations(t, of)
		if len(found) == 0 {
			return false, nil
		}
		r = found[0]
		return true, nil
	})
	return r
}

// remediations are all that history has of a workload, the latest first.
func (w *world) remediations(t testing.TB, of signal.Workload) []history.Remediation {
	t.Helper()
	found, err := w.history.Remediations(t.Context(), history.Filter{Namespace: of.Namespace, Kind: of.Kind, Name: of.Name, Limit: history.MaxPage})
	require.NoError(t, err)
	return found
}

// ended waits for the end of a remediation, and tells it whole.
func (w *world) ended(t testing.TB, id string) (v timeline.View) {
	t.Helper()
	until(t, "the end of "+id, func(ctx context.Context) (bool, any) {
		entries, err := w.history.Timeline(ctx, id)
		if err != nil || len(entries) == 0 {
			return false, err
		}
		v, err = timeline.Of(entries)
		return err == nil && v.Ended && timeline.Whole(entries), v.Timeline
	})
	return v
}

// event waits for a remediation's latest event of a type.
func (w *world) event(t testing.TB, id, eventType string) (e history.Entry) {
	t.Helper()
	until(t, eventType+" of "+id, func(ctx context.Context) (bool, any) {
		var err error
		e, err = w.history.Last(ctx, id, eventType)
		return err == nil, err
	})
	return e
}

// data waits for a remediation's latest event of a type, and returns its data.
func (w *world) data(t testing.TB, id, eventType string) json.RawMessage {
	t.Helper()
	var e struct{ Data json.RawMessage }
	require.NoError(t, json.Unmarshal(w.event(t, id, eventType).Event, &e))
	return e.Data
}

// count is how many events of a type a remediation has so far.
func (w *world) count(t testing.TB, id, eventType string) (n int) {
	t.Helper()
	entries, err := w.history.Timeline(t.Context(), id)
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.Type == eventType {
			n++
		}
	}
	return n
}

// claim waits until the workload's claim is in a state.
func (w *world) claim(t testing.TB, of signal.Workload, state ledger.State) (c ledger.Claim) {
	t.Helper()
	until(t, "claim on "+of.Name+" "+string(state), func(ctx context.Context) (bool, any) {
		var err error
		c, err = w.ledger.Get(ctx, of.Fingerprint())
		return err == nil && c.State == state, errors.Join(err)
	})
	return c
}

// stages lists who sealed a remediation's events, each once, in their order.
func stages(v timeline.View) []string {
	var names []string
	seen := map[string]bool{}
	for _, line := range v.Timeline {
		if !seen[line.Stage] {
			seen[line.Stage] = true
			names = append(names, line.Stage)
		}
	}
	return names
}

// tell logs a remediation's timeline with the time that each event took.
func (w *world) tell(t testing.TB, v timeline.View) {
	t.Helper()
	for _, line := range v.Timeline {
		t.Logf("%s %-10s %-24s %8s  %s", line.At.Format("15:04:05.000"), line.Stage, line.Type, line.Took.Round(time.Millisecond), line.Summary)
	}
}
