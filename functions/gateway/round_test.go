package function

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/caller"
	"kubernaut.ai/functions/gateway/scan"
	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
)

func ping(t testing.TB, g *gateway, change func(*http.Request)) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, roundPath, strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(headerType, event.Ping)
	if change != nil {
		change(r)
	}
	return do(t, g, r)
}

func TestARoundIsStartedByAPing(t *testing.T) {
	w := newWorld(t)
	var rounds int
	w.scans = []scan.Scan{{Name: "fake", Find: func(context.Context) (scan.Found, error) {
		rounds++
		return scan.Found{}, nil
	}}}
	g := w.gateway(t)
	got := ping(t, g, nil)
	require.Equal(t, 204, got.code)
	require.Empty(t, got.raw, "whoever sends events takes any other answer for one")
	require.Equal(t, 405, ping(t, g, func(r *http.Request) { r.Method = http.MethodGet }).code)
	require.Equal(t, 400, ping(t, g, func(r *http.Request) { r.Header.Set(headerType, "else") }).code)
	require.Equal(t, 400, ping(t, g, func(r *http.Request) { r.Header.Del(headerType) }).code)
	require.Equal(t, 1, rounds)
	g.rounds.Lock()
	require.Equal(t, 204, ping(t, g, nil).code)
	require.Equal(t, 1, rounds, "one is under way")
	g.rounds.Unlock()
	require.Equal(t, 204, ping(t, g, nil).code)
	require.Equal(t, 1, rounds, "one has been a moment ago")
	w.elapse(roundRest)
	w.redis.SetError("LOADING")
	down := ping(t, g, nil)
	require.Equal(t, 503, down.code)
	require.Equal(t, retryAfter, down.header.Get("Retry-After"))
	require.Equal(t, 2, rounds, "a part that fails does not keep the others from being done")
	w.redis.SetError("")
	require.Equal(t, 204, ping(t, g, nil).code)
	require.Equal(t, 3, rounds, "one that failed is done again at once")
}

func TestWhoMayStartARound(t *testing.T) {
	for name, c := range map[string]struct {
		host, header, value string
		code                int
	}{
		"a PingSource, which has no credential":  {"gateway.kubernaut-system.svc.cluster.local", "X-Nothing", "", 204},
		"nobody from outside":                    {"gateway.example.com", "X-Nothing", "", 401},
		"nobody by a signature that is no proof": {"gateway.kubernaut-system.svc.cluster.local", "X-Signature", "sha256=" + strings.Repeat("0", 64), 401},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, caller.FileHMAC), []byte("a-secret-that-is-long-enough-to-be-one\n"), 0o600))
			at := gateFor(t, caller.Options{Kinds: []string{caller.KindHMAC}, Dir: dir, OpenPaths: []string{roundPath}, Now: time.Now,
				Local: func(context.Context) error { return nil }}, defaultLimits())
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, roundPath, strings.NewReader("{}"))
			r.Host = c.host
			r.Header.Set(headerType, event.Ping)
			r.Header.Set(c.header, c.value)
			w := httptest.NewRecorder()
			newHandler(newWorld(t).gateway(t), at, sources(t)).ServeHTTP(w, r)
			require.Equal(t, c.code, w.Code, w.Body)
		})
	}
}

func TestWhatAScanFindsIsTakenLikeWhatIsPosted(t *testing.T) {
	w := newWorld(t)
	done := 0
	w.scans = []scan.Scan{{Name: "fake", Find: func(context.Context) (scan.Found, error) {
		b := silent(w, "cart-1")
		gone := silent(w, "gone")
		b.Source, gone.Source = "fake-scan", "fake-scan"
		return scan.Found{Batches: []source.Batch{b, gone}, Accepted: func(context.Context) error { done++; return nil }}, nil
	}}}
	g := w.gateway(t)
	w.breakAt("publish signal.received", false)
	require.Error(t, g.round(t.Context()))
	require.Zero(t, done, "what was not taken is to be found again")
	w.elapse(publishLease + time.Second)
	for range 5 {
		require.NoError(t, g.round(t.Context()))
		w.elapse(2 * time.Minute)
	}
	require.Equal(t, 5, done)
	require.Len(t, w.broker.of(event.SignalReceived), 1)
	require.Len(t, w.broker.of(event.SignalSuppressed), 2, "what is found again and again is told of once an hour")
	require.Empty(t, resolutions(t, w))
}

// TestManyGatewaysAreAsOne lets instances over one Redis take the same alerts,
// rounds and heartbeats at the same time.
func TestManyGatewaysAreAsOne(t *testing.T) {
	if !ledgertest.HaveRedisServer() {
		t.Skip("there is no redis-server here")
	}
	const gateways, arrivals = 8, 20
	w := newWorld(t)
	url := ledgertest.RedisServer(t)
	instances := make([]*gateway, gateways)
	for i := range instances {
		instances[i] = w.gateway(t)
		l, err := ledger.Open(url)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		instances[i].claims = l
		instances[i].heart.within = 50 * time.Millisecond
	}
	all := func(do func(g *gateway)) {
		var group sync.WaitGroup
		for _, g := range instances {
			group.Go(func() { do(g) })
		}
		group.Wait()
	}
	all(func(g *gateway) {
		for n := range arrivals {
			name := []string{"KubePodCrashLooping", "KubePodNotReady"}[n%2]
			got := post(t, g, body(severe(name, "warning", "cart-1")))
			for got.code == 503 {
				got = post(t, g, body(severe(name, "warning", "cart-1")))
			}
			if got.code > 299 {
				t.Error(got.raw)
			}
		}
	})
	require.Len(t, w.broker.of(event.SignalReceived), 1)
	require.Len(t, joinings(t, w), 1)
	opened := w.broker.of(event.SignalReceived)[0]
	claim, err := instances[0].claims.Get(t.Context(), opened.Fingerprint)
	require.NoError(t, err)
	require.Equal(t, int64(gateways*arrivals-1), claim.Duplicates)
	b := silent(w, "cart-6d5f7c9b8d-x2x4q")
	b.Items[0].Alert.Expires = w.now()
	all(func(g *gateway) { require.NoError(t, g.accept(t.Context(), b).failure()) })
	all(func(g *gateway) { require.NoError(t, g.round(t.Context())) })
	require.Eventually(t, func() bool {
		all(func(g *gateway) { require.NoError(t, g.round(t.Context())) })
		return len(w.broker.of(event.SignalReceived)) == 2
	}, 10*time.Second, 60*time.Millisecond, "the heartbeat is lost")
	require.Len(t, resolutions(t, w), 1)
	list, err := instances[0].claims.(*ledger.Ledger).Alerts(t.Context(), opened.Fingerprint, opened.Correlation)
	require.NoError(t, err)
	require.Len(t, list.Alerts, 3)
}

// timed notes how long ending alerts may take.
type timed struct {
	claims
	within time.Duration
}

func (d *timed) LeaseExpired(ctx context.Context, _ int, _ time.Duration) ([]ledger.Leased, error) {
	until, _ := ctx.Deadline()
	d.within = time.Until(until)
	return nil, nil
}

func TestARoundListensBeforeItEndsAlertsAndLeavesTimeToScan(t *testing.T) {
	w := listening(t)
	var steps []string
	w.fault = func(step string, after bool) error {
		if after && (step == "pulse" || step == "lease") {
			steps = append(steps, step)
		}
		return nil
	}
	g := w.gateway(t)
	require.NoError(t, g.round(t.Context()))
	require.Equal(t, []string{"pulse", "lease"}, steps)
	d := &timed{claims: g.claims}
	g.claims = d
	require.NoError(t, g.round(t.Context()))
	require.Positive(t, d.within)
	require.LessOrEqual(t, d.within, roundBudget/2)
}

func TestNothingIsEndedOnTheFirstRoundAfterAnOutage(t *testing.T) {
	w := newWorld(t)
	w.outage = true
	silence := func(away time.Duration) int {
		before := len(resolutions(t, w))
		w.posts(t, silent(w, "cart-1"))
		w.elapse(away)
		require.NoError(t, w.gateway(t).round(t.Context()))
		return len(resolutions(t, w)) - before
	}
	require.Zero(t, silence(5*time.Minute), "there was no round yet")
	require.Zero(t, silence(11*time.Minute), "nobody could be heard")
	w.elapse(5 * time.Minute)
	require.NoError(t, w.gateway(t).round(t.Context()))
	require.Len(t, resolutions(t, w), 1, "nobody posted it in a whole round")
}

func TestAPanicOnOneAlertIsItsRequestsAndNotTheProcess(t *testing.T) {
	w := newWorld(t)
	w.fault = func(step string, _ bool) error {
		if step == "owners" {
			panic("a defect")
		}
		return nil
	}
	require.Panics(t, func() { w.gateway(t).accept(t.Context(), both(w)) })
	w.fault = nil
	w.posts(t, both(w))
}

func both(w *world) source.Batch {
	b := silent(w, "cart-1")
	b.Items = append(b.Items, silent(w, "cart-6d5f7c9b8d-x2x4q").Items...)
	return b
}
