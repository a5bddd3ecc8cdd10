package broker

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStopLetsWhatIsUnderWayFinish(t *testing.T) {
	const next = "ai.kubernaut.signal.enriched.v1"
	begun, release := make(chan struct{}), make(chan struct{})
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient), triggerYAML("classify", "[{exact: {type: "+next+"}}]", "")),
		nil, "enrich", "classify")
	b.stages["enrich"].answer = func(n int, w http.ResponseWriter, r received) {
		if n == 1 {
			close(begun)
		}
		<-release
		replies(next)(n, w, r)
	}
	b.send(nil, "{}")
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- b.Stop(context.Background()) }()
	require.Eventually(t, func() bool { code, reason := b.post(nil, "{}"); return code == 503 && reason == ReasonStopping }, testTimeout, time.Millisecond)
	close(release)
	require.NoError(t, <-stopped)
	require.Len(t, b.stages["classify"].all(), len(b.stages["enrich"].all()), "and the replies of what was under way")
	require.ErrorContains(t, b.Ping(context.Background(), "assess"), "no such PingSource")
}

func TestStopReportsWhatNobodyGot(t *testing.T) {
	begun, release := make(chan struct{}, 1), make(chan struct{})
	var tick ticker
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient), triggerYAML("record", "[{exact: {type: other}}]", patient)),
		func(o *Options) { o.Concurrency, o.After = 1, tick.after }, "enrich", "record")
	t.Cleanup(func() { close(release) })
	b.stages["record"].answer = func(_ int, w http.ResponseWriter, _ received) { w.WriteHeader(503) }
	b.stages["enrich"].answer = func(n int, _ http.ResponseWriter, _ received) {
		if n == 1 {
			begun <- struct{}{}
			<-release
		}
	}
	b.send(map[string]string{"Ce-Type": "other"}, "{}")
	for range 3 {
		b.send(nil, "{}")
	}
	<-begun
	require.Eventually(t, func() bool { tick.mu.Lock(); defer tick.mu.Unlock(); return len(tick.fire) == 1 }, testTimeout, time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := b.Stop(ctx)
	var left *UndeliveredError
	require.ErrorAs(t, err, &left)
	require.Equal(t, map[string]int{UndeliveredQueued: 2, UndeliveredInFlight: 1, UndeliveredWaitingRetry: 1}, left.ByReason)
	require.EqualError(t, err, "events left undelivered: in_flight: 1, queued: 2, waiting_retry: 1")
	require.NoError(t, b.Idle(context.Background()))
	require.Equal(t, err, b.Stop(context.Background()))
}

func TestIdleEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, "")), nil, "enrich")
	b.stages["enrich"].answer = func(int, http.ResponseWriter, received) { <-release }
	b.send(nil, "{}")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, b.Idle(ctx), context.Canceled)
	close(release)
	b.settle()
}
