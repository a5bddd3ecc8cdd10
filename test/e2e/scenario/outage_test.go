package scenario

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
	"kubernaut.ai/test/e2e/bed"
	"kubernaut.ai/test/e2e/platform"
)

// TestRedisIsKilledAndComesBack takes Redis away from a stage that has work in
// its hands, sees that it says so, and gives Redis back: with all that it had
// acknowledged, or with an empty disk.
func TestRedisIsKilledAndComesBack(t *testing.T) {
	w := enter(t)
	w.keepAwake(t)
	var ill []*illness
	for _, test := range []struct {
		name, stage string
		wiped       bool
	}{
		{name: "when an alert comes in", stage: event.StageGateway},
		{name: "before an action is decided", stage: event.StageAuthorize},
		{name: "before an action is done", stage: event.StageExecute},
		{name: "before an action is done, and its disk is lost", stage: event.StageExecute, wiped: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			i := w.fallIll(t)
			thaw := w.holdAtWork(t, test.stage, func() { w.tellAlertmanager(t, i) })
			w.kill(t, w.bed.Redis)
			before := time.Now()
			thaw()
			until(t, test.stage+" says that Redis is away", func(ctx context.Context) (bool, any) {
				said := w.logSince(ctx, test.stage, before)
				return strings.Contains(said, stage.ReasonLedgerDown), said
			})
			require.Empty(t, w.changes(t, i.deployment.Namespace), "nothing is done without the ledger")
			if test.wiped {
				require.NoError(t, w.bed.Redis.Wipe())
			}
			require.NoError(t, w.bed.Redis.Start(t.Context()))
			w.acted(t, i)
			ill = append(ill, i)
		})
	}
	for _, i := range ill {
		w.healedOnce(t, i)
	}
}

// TestTheBrokersDispatcherIsKilledAndComesBack kills it while a stage works on
// what it brought: the event is in no other memory, and its answer has nobody
// left to go to. The sweep finds the remediation.
func TestTheBrokersDispatcherIsKilledAndComesBack(t *testing.T) {
	w := enter(t)
	w.keepAwake(t)
	i := w.fallIll(t)
	thaw := w.holdAtWork(t, event.StageClassify, func() { w.tellAlertmanager(t, i) })
	dispatchers, err := w.kube.CoreV1().Pods(platform.EventingNamespace).List(t.Context(),
		metav1.ListOptions{LabelSelector: "messaging.knative.dev/role=dispatcher"})
	require.NoError(t, err)
	require.NotEmpty(t, dispatchers.Items)
	for _, pod := range dispatchers.Items {
		require.NoError(t, w.bed.KillContainer(t.Context(), &pod, "dispatcher"))
	}
	thaw()
	w.acted(t, i)
	w.healedOnce(t, i)
}

// historyAway is how long PostgreSQL is down.
const historyAway = time.Minute

// TestHistoryIsAwayForAMinute sees that nobody waits for it: the action is done,
// and told when history is back.
func TestHistoryIsAwayForAMinute(t *testing.T) {
	w := enter(t)
	w.keepAwake(t)
	i := w.fallIll(t)
	w.kill(t, w.bed.Postgres)
	away := time.NewTimer(historyAway)
	defer away.Stop()
	w.tellAlertmanager(t, i)
	w.acted(t, i)
	<-away.C
	require.NoError(t, w.bed.Postgres.Start(t.Context()))
	w.healedOnce(t, i)
}

// kill is kill -9 of a store, which is there again when the test ends, however.
func (w *world) kill(t testing.TB, store *bed.Service) {
	t.Helper()
	require.NoError(t, store.Kill(t.Context()))
	t.Cleanup(func() {
		if err := store.Start(context.WithoutCancel(t.Context())); err != nil {
			require.ErrorIs(t, err, bed.ErrRunning)
		}
	})
}
