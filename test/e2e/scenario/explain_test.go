package scenario

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger/ledgertest"
)

// restsFor is how long nothing must have changed before it counts as at rest:
// longer than an event of a scenario before takes through a stage.
const restsFor = 2 * time.Second

// explanation is what counts here of the gateway's answer.
type explanation struct {
	Alerts []struct {
		Would  string
		Stages []struct {
			Stage, Event, Reason string
			Proposal             *event.Proposal
			Decision             *event.Decision
		}
	}
}

// TestAnExplanationByTheRealStagesChangesNothing asks what would become of an
// alert: the gateway asks each stage at its own Service. Then the alert is fired.
func TestAnExplanationByTheRealStagesChangesNothing(t *testing.T) {
	w := enter(t)
	w.keepAwake(t)
	resume := w.withoutPings(t)
	i := w.fallIll(t)
	before := w.everything(t)

	alert := webhook(map[string]any{"status": "firing", "labels": i.labels(), "startsAt": time.Now()})
	status, said := post(t, w.http, explainURL, alert)
	require.Equal(t, http.StatusOK, status, "%s", said)
	var answer explanation
	require.NoError(t, json.Unmarshal(said, &answer))
	require.Len(t, answer.Alerts, 1)
	would := answer.Alerts[0]
	require.Equal(t, "execute", would.Would, "%s", said)
	var asked []string
	var action, outcome string
	for _, stage := range would.Stages {
		asked = append(asked, stage.Stage)
		require.Empty(t, stage.Reason, "%s", said)
		if stage.Proposal != nil {
			action = stage.Proposal.Action
		}
		if stage.Decision != nil {
			outcome = stage.Decision.Outcome
		}
	}
	require.Subset(t, asked, []string{event.StageEnrich, event.StageClassify, event.StageAnalyze, event.StageAuthorize})
	require.Equal(t, "rollback_deployment", action)
	require.Equal(t, event.DecisionApproved, outcome)

	w.unchanged(t, before, i)
	resume()
	w.tellAlertmanager(t, i)
	w.acted(t, i)
	w.event(t, w.opened(t, i.target()).ID, event.RemediationExecuted)
	w.actedOnce(t, i)
}

// everything is what stages may write to: all of Redis, and how often they wrote
// to the API server.
type everything struct {
	redis  map[string]any
	writes int
}

// everything waits until nothing of it changes any more.
func (w *world) everything(t testing.TB) (now everything) {
	t.Helper()
	look := func() everything {
		writes, err := w.bed.Writes()
		require.NoError(t, err)
		return everything{ledgertest.ContentsOf(t, w.site.Redis), len(writes)}
	}
	now = look()
	since := time.Now()
	until(t, "a ledger that rests", func(context.Context) (bool, any) {
		if next := look(); !reflect.DeepEqual(now, next) {
			now, since = next, time.Now()
		}
		return time.Since(since) > restsFor, len(now.redis)
	})
	return now
}

// unchanged sees that nothing was written: what is there was there, and history
// knows of no event about the workload. What expired meanwhile may be gone.
func (w *world) unchanged(t testing.TB, before everything, i *illness) {
	t.Helper()
	after := w.everything(t)
	require.Equal(t, before.writes, after.writes, "a stage wrote to the API server")
	for key, value := range after.redis {
		require.Contains(t, before.redis, key, "a key of Redis is new")
		require.Equal(t, before.redis[key], value, "the key %s of Redis has changed", key)
	}
	require.Empty(t, w.remediations(t, i.target()))
}
