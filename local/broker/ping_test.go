package broker

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const pingYAML = `
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: assess, namespace: kubernaut-system}
spec:
  schedule: "*/5 * * * *"
  contentType: application/json
  data: '{ }'
  ceOverrides: {extensions: {kind: scheduled}}
  sink: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: assess}}
`

// ticker holds waits back until the test lets one pass.
type ticker struct {
	mu    sync.Mutex
	waits []time.Duration
	fire  []func()
}

func (k *ticker) after(d time.Duration, f func()) func() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waits, k.fire = append(k.waits, d), append(k.fire, f)
	return func() bool { return true }
}

// pass ends the wait that began last, and says how long it was.
func (k *ticker) pass() time.Duration {
	k.mu.Lock()
	last := len(k.fire) - 1
	d, f := k.waits[last], k.fire[last]
	k.mu.Unlock()
	f()
	return d
}

func TestAPingIsWhatKnativeSends(t *testing.T) {
	b := newBed(t, docs(brokerYAML, pingYAML), nil, "assess")
	require.NoError(t, b.Ping(context.Background(), "assess"))
	got := b.stages["assess"].all()
	require.Len(t, got, 1)
	require.Equal(t, "dev.knative.sources.ping", got[0].header.Get("Ce-Type"))
	require.Equal(t, "/apis/v1/namespaces/kubernaut-system/pingsources/assess", got[0].header.Get("Ce-Source"))
	require.Equal(t, "scheduled", got[0].header.Get("Ce-Kind"))
	require.Equal(t, "application/json", got[0].header.Get("Content-Type"))
	require.Equal(t, "{ }", string(got[0].body))
	require.NotEmpty(t, got[0].header.Get("Ce-Time"))
	require.NoError(t, b.Ping(context.Background(), "assess"))
	require.Len(t, b.stages["assess"].counts(), 2, "each ping has its own id")
}

func TestAPingThatFailsSaysSo(t *testing.T) {
	b := newBed(t, docs(brokerYAML, pingYAML), nil, "assess")
	b.stages["assess"].answer = func(_ int, w http.ResponseWriter, _ received) { w.WriteHeader(503) }
	require.ErrorContains(t, b.Ping(context.Background(), "assess"), ReasonNoDeadLetterSink)
	require.Len(t, b.stages["assess"].all(), int(pingRetries)+1)
	require.ErrorIs(t, b.Ping(context.Background(), "other"), ErrUnknownPing)
}

func TestAReplyToAPingGoesNowhere(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, ""), pingYAML), nil, "assess", "enrich")
	b.stages["assess"].answer = replies(testType)
	require.NoError(t, b.Ping(context.Background(), "assess"))
	b.settle()
	require.Empty(t, b.stages["enrich"].all())
	require.Equal(t, []string{ReasonReplyNotRouted}, b.journal.reasons())
}

func TestPingsFollowTheirSchedule(t *testing.T) {
	var tick ticker
	now := time.Date(2026, 3, 1, 12, 3, 30, 0, time.UTC)
	b := newBed(t, docs(brokerYAML, pingYAML), func(o *Options) {
		o.After, o.Now = tick.after, func() time.Time { return now }
	}, "assess")
	b.Start()
	require.Empty(t, b.stages["assess"].all())
	require.Equal(t, 90*time.Second, tick.pass(), "12:05 is next")
	b.settle()
	require.Len(t, b.stages["assess"].all(), 1)
	require.Len(t, tick.waits, 2, "and then the next")
}

func TestAnIntervalReplacesTheSchedule(t *testing.T) {
	var tick ticker
	b := newBed(t, docs(brokerYAML, pingYAML), func(o *Options) { o.After, o.PingEvery = tick.after, 200*time.Millisecond }, "assess")
	b.Start()
	require.InDelta(t, 200*time.Millisecond, tick.pass(), float64(time.Millisecond))
	b.settle()
	require.Len(t, b.stages["assess"].all(), 1)
}

func TestAPingWaitsForNoneButItself(t *testing.T) {
	var tick ticker
	release := make(chan struct{})
	b := newBed(t, docs(brokerYAML, pingYAML), func(o *Options) { o.After = tick.after }, "assess")
	b.stages["assess"].answer = func(int, http.ResponseWriter, received) { <-release }
	b.Start()
	tick.pass()
	tick.pass()
	require.Equal(t, []string{ReasonPingPending}, b.journal.reasons())
	close(release)
	b.settle()
	require.Len(t, b.stages["assess"].all(), 1)
	tick.pass()
	b.settle()
	require.Len(t, b.stages["assess"].all(), 2)
}
