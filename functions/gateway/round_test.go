package function

import (
	"context"
	"fmt"
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
	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
	"kubernaut.ai/shared/signal"
)

// severe is a firing alert on a pod of the cart.
func severe(name, severity, pod string) string {
	return alert("firing", "alertname", name, "severity", severity, "namespace", "shop", "pod", pod)
}

func joinings(t testing.TB, w *world) []string {
	t.Helper()
	var out []string
	for _, d := range w.broker.of(event.SignalJoined) {
		j := section[event.Joining](t, d, event.SectionJoining)
		s := section[event.Signal](t, d, event.SectionSignal)
		require.Equal(t, d.Correlation, section[event.Remediation](t, d, event.SectionRemediation).ID)
		out = append(out, s.Name+" "+s.Severity+" "+j.Reason+" "+j.Before)
	}
	return out
}

func TestWhatJoinsIsPassedOnAsEvidence(t *testing.T) {
	const opening = "KubePodCrashLooping"
	for name, c := range map[string]struct {
		alerts []string
		want   []string
	}{
		"the alert that opened it, again":                {[]string{severe(opening, "warning", "cart-1")}, nil},
		"the same of another pod":                        {[]string{severe(opening, "warning", "cart-6d5f7c9b8d-x2x4q")}, nil},
		"the same, less severe":                          {[]string{severe(opening, "info", "cart-1")}, nil},
		"the same, more severe":                          {[]string{severe(opening, "critical", "cart-1")}, []string{opening + " critical more_severe medium"}},
		"another alert":                                  {[]string{severe("KubePodNotReady", "warning", "cart-1")}, []string{"KubePodNotReady medium another_alert "}},
		"another alert of two pods is one":               {[]string{severe("KubePodNotReady", "warning", "cart-1"), severe("KubePodNotReady", "warning", "cart-6d5f7c9b8d-x2x4q")}, []string{"KubePodNotReady medium another_alert "}},
		"of those that come together the most severe is": {[]string{severe("KubePodNotReady", "warning", "cart-1"), severe("KubePodNotReady", "critical", "cart-6d5f7c9b8d-x2x4q")}, []string{"KubePodNotReady critical another_alert "}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			require.Equal(t, 201, post(t, w.gateway(t), body(severe(opening, "warning", "cart-1"))).code)
			for range 3 {
				got := post(t, w.gateway(t), body(c.alerts...))
				require.Less(t, got.code, 300, got.raw)
				w.elapse(time.Hour)
			}
			require.Equal(t, c.want, joinings(t, w))
		})
	}
}

func TestAlertsOfOneRequestAreToldOfBesideTheOneThatOpens(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	request := body(severe("KubePodCrashLooping", "warning", "cart-1"), severe("KubePodNotReady", "critical", "cart-1"))
	require.Equal(t, 207, post(t, g, request).code)
	require.Equal(t, 207, post(t, g, request).code)
	require.Len(t, joinings(t, w), 1)
}

func TestWhatJoinsAClaimThatCoolsDownIsOnlyCounted(t *testing.T) {
	w := newWorld(t)
	opened := post(t, w.gateway(t), body(firing("cart-1"))).answer.Results[0]
	require.NoError(t, w.redis.Ledger(t).Settle(t.Context(), ledger.Settlement{Fingerprint: opened.Fingerprint,
		Remediation: opened.RemediationID, Outcome: "healed", Cooldown: time.Hour}))
	got := post(t, w.gateway(t), body(severe("KubePodNotReady", "critical", "cart-1")))
	require.Equal(t, ReasonCoolingDown, got.answer.Results[0].Reason)
	require.Empty(t, joinings(t, w))
}

func TestARetryHealsATellingThatFailedAtAnyStep(t *testing.T) {
	for _, step := range []string{"join", "publish signal.joined", "told"} {
		for _, after := range []bool{false, true} {
			for _, same := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, after it took effect: %v, by the same instance: %v", step, after, same), func(t *testing.T) {
					w := newWorld(t)
					g := w.gateway(t)
					require.Equal(t, 201, post(t, g, body(firing("cart-1"))).code)
					w.breakAt(step, after)
					other := body(severe("KubePodNotReady", "critical", "cart-1"))
					require.Equal(t, 503, post(t, g, other).code)
					if !same {
						g = w.gateway(t)
					}
					require.Equal(t, 202, post(t, g, other).code)
					require.Equal(t, []string{"KubePodNotReady critical another_alert "}, joinings(t, w), "one event id, however often it was published")
				})
			}
		}
	}
}

func TestWhatCannotBeToldInThisMinuteIsToldLater(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	require.Equal(t, 201, post(t, g, body(firing("cart-1"))).code)
	for range suppressMost {
		g.suppressed.room(w.now())
	}
	other := body(severe("KubePodNotReady", "critical", "cart-1"))
	require.Equal(t, 202, post(t, g, other).code)
	require.Empty(t, joinings(t, w))
	w.elapse(suppressEvery)
	require.Equal(t, 202, post(t, g, other).code)
	require.Len(t, joinings(t, w), 1)
}

// silent is an alert whose sender may die: it expires unless it is posted
// again.
func silent(w *world, pod string) source.Batch {
	labels := map[string]string{"alertname": "KubePodCrashLooping", "severity": "warning", "namespace": "shop", "pod": pod}
	return source.Batch{Source: "alertmanager", Items: []source.Item{{Alert: signal.Alert{ID: signal.AlertID("", labels), Labels: labels,
		StartsAt: time.Date(2026, 11, 22, 3, 40, 0, 0, time.UTC), Expires: w.now().Add(4 * time.Minute)}}}}
}

func (w *world) posts(t testing.TB, b source.Batch) Answer {
	t.Helper()
	a := w.gateway(t).accept(t.Context(), b)
	require.NoError(t, a.failure())
	return a
}

func resolutions(t testing.TB, w *world) []event.Resolution {
	t.Helper()
	var out []event.Resolution
	for _, d := range w.broker.of(event.SignalResolved) {
		out = append(out, section[event.Resolution](t, d, event.SectionResolution))
	}
	return out
}

func TestAnAlertThatIsNotPostedAgainEndsWeakly(t *testing.T) {
	w := newWorld(t)
	expires := w.now().Add(4 * time.Minute)
	opened := w.posts(t, silent(w, "cart-1")).Results[0]
	require.NoError(t, w.gateway(t).round(t.Context()))
	require.Empty(t, resolutions(t, w), "its time is not over")
	w.elapse(5 * time.Minute)
	w.cluster.remove("shop/Pod/cart-1")
	for range 2 {
		require.NoError(t, w.gateway(t).round(t.Context()))
	}
	got := resolutions(t, w)
	require.Len(t, got, 1)
	require.True(t, got[0].Expired)
	require.True(t, got[0].Cancelled, "nothing had started")
	require.WithinDuration(t, expires, got[0].EndsAt, 0)
	d := w.broker.of(event.SignalResolved)[0]
	require.Equal(t, "shop/Deployment/cart", d.Target.String(), "as it was when the alert came")
	list, err := w.redis.Ledger(t).Alerts(t.Context(), opened.Fingerprint, opened.RemediationID)
	require.NoError(t, err)
	require.True(t, list.Alerts[0].Expired)
}

func TestAnAlertThatIsPostedAgainGoesOn(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	for range 5 {
		require.NoError(t, g.accept(t.Context(), silent(w, "cart-1")).failure())
		w.elapse(3 * time.Minute)
		require.NoError(t, w.gateway(t).round(t.Context()))
	}
	require.Empty(t, resolutions(t, w))
}

func TestAnAlertThatIsPostedWhileTheClusterIsDownGoesOn(t *testing.T) {
	for name, redis := range map[string]error{"alone": nil, "and Redis": errDied} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.posts(t, silent(w, "cart-1"))
			w.fault = func(step string, _ bool) error {
				if step == "owners" {
					return errDied
				}
				if step == "expect" {
					return redis
				}
				return nil
			}
			g := w.gateway(t)
			for range 3 {
				w.elapse(3 * time.Minute)
				a := g.accept(t.Context(), silent(w, "cart-1"))
				require.Equal(t, []string{StatusRetry, ReasonUnreadable}, []string{a.Results[0].Status, a.Results[0].Reason})
			}
			require.NoError(t, w.gateway(t).round(t.Context()))
			ends := resolutions(t, w)
			if redis != nil {
				require.Len(t, ends, 1, "nothing could be noted")
				return
			}
			require.Empty(t, ends, "it was posted, though nobody could say what it is about")
			w.fault = nil
			require.NoError(t, g.accept(t.Context(), silent(w, "cart-1")).failure())
			w.elapse(5 * time.Minute)
			w.cluster.remove("shop/Pod/cart-1")
			require.NoError(t, w.gateway(t).round(t.Context()))
			require.Equal(t, "shop/Deployment/cart", w.broker.of(event.SignalResolved)[0].Target.String(), "what it is about was noted at once")
		})
	}
}

func TestAnExpiryIsNotMovedAgainAtOnce(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	var moved int
	w.fault = func(step string, after bool) error {
		if step == "expect" && after {
			moved++
		}
		return nil
	}
	for range 4 {
		require.NoError(t, g.accept(t.Context(), silent(w, "cart-1")).failure())
		w.elapse(30 * time.Second)
	}
	require.Equal(t, 2, moved, "at first, and when a third of its time was over")
}

func TestAnAlertWhoseSenderSaysThatItEndedDoesNotExpire(t *testing.T) {
	w := newWorld(t)
	b := silent(w, "cart-1")
	w.posts(t, b)
	b.Items[0].Alert.Resolved, b.Items[0].Alert.EndsAt = true, w.now()
	w.posts(t, b)
	w.elapse(5 * time.Minute)
	require.NoError(t, w.gateway(t).round(t.Context()))
	got := resolutions(t, w)
	require.Len(t, got, 1)
	require.False(t, got[0].Expired)
}

func TestOnlyTheLastAlertThatExpiresCancels(t *testing.T) {
	w := newWorld(t)
	w.posts(t, silent(w, "cart-1"))
	w.elapse(3 * time.Minute)
	w.posts(t, silent(w, "cart-6d5f7c9b8d-x2x4q"))
	w.elapse(2 * time.Minute)
	require.NoError(t, w.gateway(t).round(t.Context()))
	require.Equal(t, 1, resolutions(t, w)[0].StillFiring)
	require.False(t, resolutions(t, w)[0].Cancelled)
	w.elapse(5 * time.Minute)
	require.NoError(t, w.gateway(t).round(t.Context()))
	require.True(t, resolutions(t, w)[1].Cancelled)
}

func TestAnotherRoundHealsAnEndThatFailedAtAnyStep(t *testing.T) {
	for _, step := range []string{"lease", "still leased", "expire", "cancel", "publish signal.resolved", "complete"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after it took effect: %v", step, after), func(t *testing.T) {
				w := newWorld(t)
				w.posts(t, silent(w, "cart-1"))
				w.elapse(5 * time.Minute)
				w.breakAt(step, after)
				_ = w.gateway(t).round(t.Context())
				w.elapse(expiryLease + time.Second)
				for range 2 {
					require.NoError(t, w.gateway(t).round(t.Context()))
				}
				got := resolutions(t, w)
				require.Len(t, got, 1, "one event id, however often it was published")
				require.True(t, got[0].Expired)
				require.True(t, got[0].Cancelled)
				items, err := w.redis.Ledger(t).LeaseExpired(t.Context(), 10, time.Minute)
				require.NoError(t, err)
				require.Empty(t, items)
			})
		}
	}
}

func TestARetryHealsAnExpiryThatCouldNotBeNoted(t *testing.T) {
	for _, after := range []bool{false, true} {
		w := newWorld(t)
		w.breakAt("expect", after)
		g := w.gateway(t)
		require.Error(t, g.accept(t.Context(), silent(w, "cart-1")).failure())
		require.NoError(t, g.accept(t.Context(), silent(w, "cart-1")).failure())
		w.elapse(5 * time.Minute)
		require.NoError(t, w.gateway(t).round(t.Context()))
		require.Len(t, resolutions(t, w), 1)
	}
}

func watchdog(labels ...string) string {
	return body(alert("firing", append([]string{"alertname", "Watchdog", "severity", "none"}, labels...)...))
}

// listening is a world whose heartbeat has to come every ten minutes.
func listening(t *testing.T) *world {
	w := newWorld(t)
	w.heartbeatWithin = 10 * time.Minute
	require.NoError(t, w.gateway(t).round(t.Context()))
	return w
}

func TestAHeartbeatThatIsLostReachesPeople(t *testing.T) {
	w := listening(t)
	w.elapse(9 * time.Minute)
	require.NoError(t, w.gateway(t).round(t.Context()))
	require.Empty(t, w.broker.sent)
	w.elapse(2 * time.Minute)
	for range 3 {
		require.NoError(t, w.gateway(t).round(t.Context()))
		w.elapse(5 * time.Minute)
	}
	received := w.broker.of(event.SignalReceived)
	require.Len(t, received, 1)
	require.Equal(t, "/Namespace/kubernaut-system", received[0].Target.String(), "nobody looks it up, and nobody asks whether it is managed")
	s := section[event.Signal](t, received[0], event.SectionSignal)
	require.Equal(t, []string{HeartbeatLost, signal.SeverityCritical, ownSource}, []string{s.Name, s.Severity, s.Source})
	require.Equal(t, 200, post(t, w.gateway(t), watchdog()).code)
	for range 2 {
		require.NoError(t, w.gateway(t).round(t.Context()))
	}
	got := resolutions(t, w)
	require.Len(t, got, 1)
	require.Equal(t, s.StartsAt, got[0].StartsAt)
	require.False(t, got[0].Expired)
	w.elapse(11 * time.Minute)
	require.NoError(t, w.gateway(t).round(t.Context()))
	require.NotEqual(t, s.StartsAt, section[event.Signal](t, w.broker.sent[len(w.broker.sent)-1], event.SectionSignal).StartsAt, "the next loss is another")
}

func TestWhoseHeartbeatCounts(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		lost bool
	}{
		"one without a cluster":           {watchdog(), false},
		"this cluster's":                  {watchdog("cluster", "east"), false},
		"another cluster's":               {watchdog("cluster", "west"), true},
		"another alert":                   {body(firing("cart-1")), true},
		"one that says that it has ended": {strings.Replace(watchdog(), `"firing"`, `"resolved"`, 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			w := listening(t)
			w.elapse(6 * time.Minute)
			post(t, w.gateway(t), c.body)
			w.elapse(6 * time.Minute)
			g := w.gateway(t)
			require.NoError(t, g.round(t.Context()))
			p, err := g.claims.Pulse(t.Context(), w.heartbeatWithin)
			require.NoError(t, err)
			require.Equal(t, c.lost, p.Lost)
		})
	}
}

func TestAStrangerCannotSayThatTheHeartbeatIsLost(t *testing.T) {
	w := listening(t)
	got := post(t, w.gateway(t), body(alert("firing", "alertname", HeartbeatLost, "severity", "critical", "namespace", "secret")))
	require.Equal(t, ReasonTargetGone, got.answer.Results[0].Reason, "its target is looked up like any other's")
}

func TestAHeartbeatIsNotedAtABoundedRate(t *testing.T) {
	w := listening(t)
	var noted int
	w.fault = func(step string, after bool) error {
		if step == "beat" && after {
			noted++
		}
		return nil
	}
	g := w.gateway(t)
	for range 60 {
		post(t, g, watchdog())
		w.elapse(time.Second)
	}
	require.Equal(t, 1, noted)
	w.elapse(time.Second)
	post(t, g, watchdog())
	require.Equal(t, 2, noted)
	quiet := newWorld(t)
	quiet.fault = func(step string, _ bool) error {
		require.NotEqual(t, "beat", step, "nobody listens")
		return nil
	}
	post(t, quiet.gateway(t), watchdog())
}

func TestAHeartbeatThatCannotBeNotedIsPostedAgain(t *testing.T) {
	w := listening(t)
	w.breakAt("beat", false)
	g := w.gateway(t)
	require.Equal(t, 503, post(t, g, watchdog()).code)
	require.Equal(t, 200, post(t, g, watchdog()).code)
}

func TestAnotherRoundHealsALossThatFailedAtAnyStep(t *testing.T) {
	for _, step := range []string{"pulse", "reserve", "publish signal.received", "confirm", "resolve", "cancel", "publish signal.resolved", "calm"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after it took effect: %v", step, after), func(t *testing.T) {
				w := listening(t)
				w.elapse(11 * time.Minute)
				w.breakAt(step, after)
				lost := func() {
					_ = w.gateway(t).round(t.Context())
					w.elapse(publishLease + time.Second)
				}
				lost()
				lost()
				require.Equal(t, 200, post(t, w.gateway(t), watchdog()).code)
				lost()
				lost()
				require.Len(t, w.broker.of(event.SignalReceived), 1)
				require.Len(t, resolutions(t, w), 1)
				p, err := w.gateway(t).claims.Pulse(t.Context(), w.heartbeatWithin)
				require.NoError(t, err)
				require.Equal(t, ledger.Pulse{}, p, "its end was told")
			})
		}
	}
}

func TestTheTargetOfALostHeartbeat(t *testing.T) {
	for setting, want := range map[string]string{
		"":                                  "/Namespace/ns",
		"/Namespace/monitoring":             "/Namespace/monitoring",
		"monitoring/StatefulSet/prometheus": "monitoring/StatefulSet/prometheus",
		"monitoring/Prometheus.monitoring.coreos.com/k8s": "monitoring/Prometheus.monitoring.coreos.com/k8s",
	} {
		h, err := openHeart(time.Minute, setting, "ns")
		require.NoError(t, err, setting)
		require.Equal(t, want, h.target.String())
	}
	for _, wrong := range []string{"monitoring", "monitoring/prometheus", "a/b/c/d", "//", "monitoring//x", "monitoring/StatefulSet/", "Mon/StatefulSet/x", "a/St ful/x"} {
		_, err := openHeart(time.Minute, wrong, "ns")
		require.ErrorContains(t, err, EnvHeartbeatTarget, wrong)
	}
}

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
	w.scans = []scan{{name: "fake", find: func(context.Context) ([]source.Batch, func(context.Context) error, error) {
		rounds++
		return nil, nil, nil
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
	w.scans = []scan{{name: "fake", find: func(context.Context) ([]source.Batch, func(context.Context) error, error) {
		b := silent(w, "cart-1")
		gone := silent(w, "gone")
		b.Source, gone.Source = "fake"+scanSuffix, "fake"+scanSuffix
		return []source.Batch{b, gone}, func(context.Context) error { done++; return nil }, nil
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
