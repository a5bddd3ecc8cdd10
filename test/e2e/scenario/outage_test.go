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
// its hands, and gives it back with all that it had acknowledged.
func TestRedisIsKilledAndComesBack(t *testing.T) {
	w := enter(t)
	w.keepAwake(t)
	var ill []*illness
	for _, test := range []struct{ name, stage string }{
		{"when an alert comes in", event.StageGateway},
		{"before an action is decided", event.StageAuthorize},
		{"before an action is done", event.StageExecute},
	} {
		i := w.fallIll(t)
		ill = append(ill, i)
		t.Run(test.name, func(t *testing.T) {
			w.loseRedis(t, test.stage, i)
			require.NoError(t, w.bed.Redis.Start(t.Context()))
			w.acted(t, i)
		})
	}
	for _, i := range ill {
		w.healedOnce(t, i)
	}
}

// TestRedisLosesItsDisk gives it back empty: what was decided is still done, once.
func TestRedisLosesItsDisk(t *testing.T) {
	w := enter(t)
	w.keepAwake(t)
	i := w.fallIll(t)
	w.loseRedis(t, event.StageExecute, i)
	require.NoError(t, w.bed.Redis.Wipe())
	require.NoError(t, w.bed.Redis.Start(t.Context()))
	w.acted(t, i)
	w.healedOnce(t, i)
}

// loseRedis fires an alert, kills Redis when the stage has got what that leads
// to, and sees that the stage says so and does nothing.
func (w *world) loseRedis(t *testing.T, of string, i *illness) {
	t.Helper()
	thaw := w.holdAtWork(t, of, func() { w.tellAlertmanager(t, i) })
	w.kill(t, w.bed.Redis)
	before := time.Now()
	thaw()
	until(t, of+" says that Redis is away", func(ctx context.Context) (bool, any) {
		said := w.logSince(ctx, of, before)
		return strings.Contains(said, stage.ReasonLedgerDown), said
	})
	require.Empty(t, w.changes(t, i.deployment.Namespace), "nothing is done without the ledger")
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
	away, stop := context.WithTimeout(t.Context(), historyAway)
	defer stop()
	w.tellAlertmanager(t, i)
	w.acted(t, i)
	until(t, "a minute without history", func(context.Context) (bool, any) { return away.Err() != nil, nil })
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
