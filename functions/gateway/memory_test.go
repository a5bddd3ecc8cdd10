package function

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"knative.dev/pkg/logging"
)

const (
	// floodSenders post a body of the largest size each, at once.
	floodSenders = 200
	// floodMost bounds the heap beyond what was there before: bodies, what is
	// understood of them, and garbage of about as much. A pod has 256 MiB.
	floodMost = 160 << 20
)

// TestMemoryIsBoundedUnderManyLargeBodies posts 200 bodies of 4 MiB at once, 800
// MiB together, and watches the heap. Who finds no room is told to come again.
func TestMemoryIsBoundedUnderManyLargeBodies(t *testing.T) {
	w := newWorld(t)
	h := newHandler(w.gateway(t), openGate(t), sources(t))
	h.gateway.now = time.Now
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(out, r.WithContext(logging.WithLogger(r.Context(), zap.NewNop().Sugar())))
	}))
	t.Cleanup(server.Close)
	large := largest()
	runtime.GC()
	before := heap()
	stop, peak := watchHeap()
	var taken, again atomic.Int64
	var senders sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: floodSenders}}
	for range floodSenders {
		senders.Go(func() {
			answer, err := client.Post(server.URL+prometheusPath, "application/json", bytes.NewReader(large))
			if err != nil {
				// Refused before all was sent: the sender sees a broken pipe, and posts again.
				again.Add(1)
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			switch answer.StatusCode {
			case http.StatusMultiStatus:
				taken.Add(1)
			case http.StatusServiceUnavailable:
				again.Add(1)
			default:
				t.Errorf("status %d", answer.StatusCode)
			}
		})
	}
	senders.Wait()
	stop()
	t.Logf("%d of %d taken, %d to come again; heap %d MiB before, %d MiB at most", taken.Load(), floodSenders, again.Load(), before>>20, peak.Load()>>20)
	require.Positive(t, taken.Load())
	require.Less(t, peak.Load()-before, uint64(floodMost))
	require.Equal(t, int64(MaxHeld-MaxHeld/unprovenShare), h.gate.held.free.Load())
}

// largest is a body of almost MaxBody: alerts that nothing comes of.
func largest() []byte {
	var alerts []string
	filler := strings.Repeat("x", 1800)
	for size := 0; size < MaxBody-(64<<10) && len(alerts) < 2000; {
		a := alert("firing", "alertname", "Watchdog", "n", filler)
		alerts, size = append(alerts, a), size+len(a)+1
	}
	return []byte(body(alerts...))
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// watchHeap keeps the largest heap until stop.
func watchHeap() (stop func(), peak *atomic.Uint64) {
	peak = new(atomic.Uint64)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				peak.Store(max(peak.Load(), heap()))
			}
		}
	}()
	return func() { close(done); <-ended }, peak
}
