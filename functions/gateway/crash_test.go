package function

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

// way is one way through the gateway, which is broken at each of its steps.
type way struct {
	// before brings the world to where the way begins; it is not broken.
	before func(t *testing.T, w *world)
	// do goes it, and is told by an error to go it again: as a sender is by 503,
	// and a PingSource that comes again by its clock.
	do func(t *testing.T, w *world, g *gateway) error
	// steps are some that must be among those that are broken.
	steps []string
	// outcome is the same wherever it was broken, and however often.
	outcome func(t *testing.T, w *world)
	// rests is what must hold after two more rounds, or nil.
	rests func(t *testing.T, w *world)
}

var errAgain = errors.New("to be done again")

// posts is a way of a sender, who posts again what was not taken.
func posts(path, body string, headers ...string) func(*testing.T, *world, *gateway) error {
	return func(t *testing.T, _ *world, g *gateway) error {
		t.Helper()
		got := postTo(t, g, path, body, headers...)
		require.NotContains(t, got.raw, errDied.Error(), "what failed inside is logged, not told")
		if got.code == http.StatusServiceUnavailable {
			require.Equal(t, retryAfter, got.header.Get("Retry-After"))
			return errAgain
		}
		require.Less(t, got.code, 300, got.raw)
		return nil
	}
}

func rounds(t *testing.T, _ *world, g *gateway) error { return g.round(t.Context()) }

// opened has one remediation for each workload, whose claim is confirmed and
// whose alert has joined.
func opened(workloads int) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		received := w.broker.of(event.SignalReceived)
		require.Len(t, received, workloads, "one event id each, however often it was published")
		l := w.redis.Ledger(t)
		for _, d := range received {
			claim, err := l.Get(t.Context(), d.Fingerprint)
			require.NoError(t, err)
			require.Equal(t, []any{ledger.Confirmed, d.Correlation}, []any{claim.State, claim.Remediation})
			list, err := l.Alerts(t.Context(), d.Fingerprint, d.Correlation)
			require.NoError(t, err)
			require.NotEmpty(t, list.Alerts, "the alert joined")
			_, found, err := l.WouldResolve(t.Context(), list.Alerts[0].ID, anyEpisode)
			require.NoError(t, err)
			require.True(t, found, "a resolve finds its way")
		}
	}
}

// cancelled has told once that the one alert stopped, and stopped what it opened.
func cancelled(expired bool) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		got := resolutions(t, w)
		require.Len(t, got, 1, "one event id, however often it was published")
		require.Equal(t, []any{true, expired, 0}, []any{got[0].Cancelled, got[0].Expired, got[0].StillFiring})
	}
}

func fires(path, body string, headers ...string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		require.NoError(t, posts(path, body, headers...)(t, w, w.gateway(t)))
	}
}

// joined has told once of the alert that joined what was open.
func joinedOnce(t *testing.T, w *world) {
	t.Helper()
	require.Equal(t, []string{"KubePodNotReady critical another_alert "}, joinings(t, w))
	opened(1)(t, w)
}

// nothingWaits has no alert left that somebody still has to end.
func nothingWaits(t *testing.T, w *world) {
	t.Helper()
	items, err := w.redis.Ledger(t).LeaseExpired(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Empty(t, items)
}

func silentBatch(t *testing.T, w *world, g *gateway) error {
	return g.accept(t.Context(), silent(w, "cart-1")).failure()
}

var opening = []string{"owners", "scope", "reserve", "publish signal.received", "confirm"}

// fluxBody is an error or an info that Flux's own provider posts.
func fluxBody(severity, reason, at string) string {
	return fmt.Sprintf(fluxWays["by Flux's own provider"].form, severity, reason, at, "main@sha1:1")
}

// readyAnswers is an API server with one HelmRelease that says how it is.
func readyAnswers(ready, reason string) map[string]string {
	const version = "helm.toolkit.fluxcd.io/v2"
	return map[string]string{
		"/api": `{"kind":"APIVersions","versions":[]}`,
		"/apis": `{"kind":"APIGroupList","groups":[{"name":"helm.toolkit.fluxcd.io","versions":[{"groupVersion":"` + version + `","version":"v2"}],
			"preferredVersion":{"groupVersion":"` + version + `","version":"v2"}}]}`,
		"/apis/" + version: `{"kind":"APIResourceList","groupVersion":"` + version + `","resources":[{"name":"helmreleases","kind":"HelmRelease","namespaced":true,"verbs":["list"]}]}`,
		"/apis/" + version + "/helmreleases": `{"items":[{"metadata":{"name":"apps","namespace":"shop"},"status":{"conditions":[{"type":"Ready","status":"` + ready +
			`","reason":"` + reason + `","message":"m","lastTransitionTime":"2026-11-22T03:59:30Z"}]}}]}`,
		"/api/v1/events": `{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"cart-1.17","namespace":"shop","uid":"u1"},"type":"Warning",
			"reason":"BackOff","message":"Back-off restarting failed container","count":3,"firstTimestamp":"2026-11-22T03:50:00Z","lastTimestamp":"2026-11-22T03:59:00Z",
			"involvedObject":{"kind":"Pod","apiVersion":"v1","namespace":"shop","name":"cart-1","fieldPath":"spec.containers{app}"}}]}`,
	}
}

// modes are how a step is broken: the call alone fails, or the process dies
// with it and nothing after it is done; before or after the step took effect.
var modes = map[string]struct{ after, dies bool }{
	"fails":                  {false, false},
	"fails, and took effect": {true, false},
	"dies before it":         {false, true},
	"dies after it":          {true, true},
}

// breaking breaks the nth step that is taken from now on.
func (w *world) breaking(n int, mode struct{ after, dies bool }) {
	var mu sync.Mutex
	taken, broken := 0, false
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = func(_ string, late bool) error {
		mu.Lock()
		defer mu.Unlock()
		if broken && mode.dies {
			return errDied
		}
		if late != mode.after || broken {
			return nil
		}
		if taken++; taken != n {
			return nil
		}
		broken = true
		return errDied
	}
}

// noting notes the names of the steps that are taken from now on.
func (w *world) noting() *[]string {
	var mu sync.Mutex
	var taken []string
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = func(step string, late bool) error {
		mu.Lock()
		defer mu.Unlock()
		if !late {
			taken = append(taken, step)
		}
		return nil
	}
	return &taken
}

func (w *world) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = nil
}

func (y way) world(t *testing.T) *world {
	t.Helper()
	w := sourcesWorld(t)
	w.cluster.own("shop/Deployment/till", "shop/Pod/till-1")
	if y.before != nil {
		y.before(t, w)
	}
	return w
}

// TestEveryWayHasItsOutcomeWhereverItIsBroken is the table of crash points: each
// way is gone once unbroken to learn its steps, and then broken at each of them in
// each mode. Whoever is not told to come again must find the outcome reached;
// whoever is, reaches it by coming again, to an instance that remembers nothing.
func TestEveryWayHasItsOutcomeWhereverItIsBroken(t *testing.T) {
	for name, y := range ways() {
		t.Run(name, func(t *testing.T) {
			w := y.world(t)
			taken := w.noting()
			require.NoError(t, y.do(t, w, w.gateway(t)))
			w.mend()
			y.outcome(t, w)
			steps := *taken
			require.Subset(t, steps, y.steps)
			for n := range steps {
				for how, mode := range modes {
					t.Run(fmt.Sprintf("step %d, %s, %s", n+1, steps[n], how), func(t *testing.T) { y.broken(t, n+1, mode) })
				}
			}
		})
	}
}

func (y way) broken(t *testing.T, n int, mode struct{ after, dies bool }) {
	const tries = 4
	w := y.world(t)
	g := w.gateway(t)
	w.breaking(n, mode)
	err := y.do(t, w, g)
	w.mend()
	for range tries {
		if err == nil {
			break
		}
		w.elapse(expiryLease + time.Second)
		err = y.do(t, w, w.gateway(t))
	}
	require.NoError(t, err)
	if y.rests == nil {
		y.outcome(t, w)
		return
	}
	for range 2 {
		w.elapse(expiryLease + time.Second)
		require.NoError(t, w.gateway(t).round(t.Context()))
	}
	y.outcome(t, w)
	y.rests(t, w)
}

func ways() map[string]way {
	resolve := body(alert("resolved", "namespace", "shop", "pod", "cart-1"))
	all := map[string]way{
		"an alert that opens, beside others": {do: posts(prometheusPath, body(firing("cart-1"), firing("till-1"), firing("gone"))), steps: opening, outcome: opened(2)},
		"an alert that joins": {before: fires(prometheusPath, body(firing("cart-1"))), steps: []string{"reserve", "join", "publish signal.joined", "told"},
			do: posts(prometheusPath, body(severe("KubePodNotReady", "critical", "cart-1"))), outcome: joinedOnce},
		"an alert of another pod that joins": {before: fires(prometheusPath, body(firing("cart-6d5f7c9b8d-p9k7m"))), steps: []string{"join"},
			do: posts(prometheusPath, body(firing("cart-6d5f7c9b8d-x2x4q"))), outcome: func(t *testing.T, w *world) {
				opened(1)(t, w)
				d := w.broker.of(event.SignalReceived)[0]
				list, err := w.redis.Ledger(t).Alerts(t.Context(), d.Fingerprint, d.Correlation)
				require.NoError(t, err)
				require.Len(t, list.Alerts, 2)
			}},
		"an alert that stops": {before: fires(prometheusPath, body(firing("cart-1"))), steps: []string{"resolve", "cancel", "publish signal.resolved"},
			do: posts(prometheusPath, resolve), outcome: cancelled(false)},
		"one of two alerts that stops": {before: fires(prometheusPath, body(firing("cart-1"), firing("cart-6d5f7c9b8d-x2x4q"))),
			steps: []string{"resolve", "get", "publish signal.resolved"}, do: posts(prometheusPath, resolve), outcome: func(t *testing.T, w *world) {
				require.Len(t, resolutions(t, w), 1)
				require.Equal(t, []any{1, false}, []any{resolutions(t, w)[0].StillFiring, resolutions(t, w)[0].Cancelled})
			}},
		"an alert that will end unless it is posted again": {do: silentBatch, steps: append([]string{"expect"}, opening...), outcome: opened(1)},
		"an alert that nobody posts again": {before: func(t *testing.T, w *world) {
			w.posts(t, silent(w, "cart-1"))
			w.elapse(5 * time.Minute)
		}, do: rounds, steps: []string{"mark round", "lease", "still leased", "expire", "cancel", "publish signal.resolved", "complete", "set mark round"},
			outcome: func(*testing.T, *world) {}, rests: func(t *testing.T, w *world) { cancelled(true)(t, w); nothingWaits(t, w) }},
		"an error of Flux": {do: posts(fluxPath, fluxBody("error", "Buildfailed", "2026-11-22T03:58:00Z")),
			steps: append([]string{"report", "expect"}, opening...), outcome: opened(1)},
		"an info of Flux": {before: fires(fluxPath, fluxBody("error", "Buildfailed", "2026-11-22T03:58:00Z")), do: posts(fluxPath, fluxBody("info", "Succeeded", "2026-11-22T03:59:00Z")),
			steps: []string{"report", "resolve", "cancel", "publish signal.resolved", "report told"}, outcome: cancelled(false)},
		"what scans find": {before: func(t *testing.T, w *world) {
			w.scan(t, scanAll, readyAnswers("False", "UpgradeFailed"))
		}, do: rounds, steps: append([]string{"mark events", "report", "expect", "set mark events", "failing"}, opening...), outcome: opened(2)},
		"a Flux object that a scan sees ready": {before: func(t *testing.T, w *world) {
			w.scan(t, scanFlux, readyAnswers("True", "UpgradeSucceeded"))
			fires(fluxPath, strings.NewReplacer("Kustomization", "HelmRelease", "kustomize.toolkit.fluxcd.io/v1", "helm.toolkit.fluxcd.io/v2").Replace(
				fluxBody("error", "UpgradeFailed", "2026-11-22T03:50:00Z")))(t, w)
		}, do: rounds, steps: []string{"failing", "report", "resolve", "cancel", "publish signal.resolved", "report told"},
			outcome: func(*testing.T, *world) {}, rests: func(t *testing.T, w *world) { cancelled(false)(t, w) }},
		"a heartbeat": {before: func(t *testing.T, w *world) { w.listens(t) }, do: posts(prometheusPath, watchdog()), steps: []string{"beat"},
			outcome: func(t *testing.T, w *world) {
				p, err := w.redis.Ledger(t).Pulse(t.Context(), w.heartbeatWithin)
				require.NoError(t, err)
				require.False(t, p.Lost)
			}},
		"a heartbeat that is lost": {before: func(t *testing.T, w *world) { w.listens(t); w.elapse(11 * time.Minute) }, do: rounds,
			steps: []string{"pulse", "reserve", "publish signal.received", "confirm"}, outcome: func(t *testing.T, w *world) {
				opened(1)(t, w)
				require.Equal(t, HeartbeatLost, section[event.Signal](t, w.broker.of(event.SignalReceived)[0], event.SectionSignal).Name)
			}},
		"a heartbeat that comes back": {before: func(t *testing.T, w *world) {
			w.listens(t)
			w.elapse(11 * time.Minute)
			require.NoError(t, w.gateway(t).round(t.Context()))
			fires(prometheusPath, watchdog())(t, w)
		}, do: rounds, steps: []string{"pulse", "resolve", "cancel", "publish signal.resolved", "calm"}, outcome: cancelled(false)},
	}
	for name, s := range senders {
		all["what opens, by "+name] = way{do: posts(s.path, s.body, s.headers...), steps: opening, outcome: opened(1)}
		if s.ended != "" {
			all["what stops, by "+name] = way{before: fires(s.path, s.body, s.headers...), do: posts(s.path, s.ended, s.headers...),
				steps: []string{"resolve", "cancel", "publish signal.resolved"}, outcome: cancelled(false)}
		}
	}
	return all
}

// listens has the heartbeat watched over from now on.
func (w *world) listens(t *testing.T) {
	t.Helper()
	w.heartbeatWithin = 10 * time.Minute
	require.NoError(t, w.gateway(t).round(t.Context()))
}

func TestWhoMeetsAReservationOfTheDeadIsToldToComeAgain(t *testing.T) {
	w := newWorld(t)
	w.breakAt("publish signal.received", false)
	require.Equal(t, 503, post(t, w.gateway(t), body(firing("cart-1"))).code)
	got := post(t, w.gateway(t), body(firing("cart-1")))
	require.Equal(t, 503, got.code)
	require.Contains(t, got.raw, ReasonPublishing)
	require.Empty(t, w.broker.of(event.SignalReceived))
}

func TestOneAlertThatMayYetSucceedDecidesForTheRequest(t *testing.T) {
	w := newWorld(t)
	w.cluster.own("shop/Deployment/till", "shop/Pod/till-1")
	w.breakAt("publish signal.received", false)
	request := body(firing("cart-1"), firing("till-1"), firing("gone"))
	require.Equal(t, 503, post(t, w.gateway(t), request).code)
	w.elapse(publishLease + time.Second)
	healed := post(t, w.gateway(t), request)
	require.Equal(t, 207, healed.code)
	require.Equal(t, Summary{Received: 3, Created: 1, Duplicate: 1, Ignored: 1}, healed.answer.Summary)
	require.Len(t, w.broker.of(event.SignalReceived), 2)
}

func TestRedisThatIsDownIsNoReasonToLoseAlerts(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	w.redis.SetError("LOADING Redis is loading the dataset in memory")
	got := post(t, g, body(firing("cart-1")))
	require.Equal(t, 503, got.code)
	require.Contains(t, got.raw, ReasonLedgerDown)
	require.Empty(t, w.broker.of(event.SignalReceived))
	w.redis.SetError("")
	require.Equal(t, 201, post(t, g, body(firing("cart-1"))).code)
}

func TestASuppressionThatCannotBePublishedFailsNoAlert(t *testing.T) {
	w := newWorld(t)
	w.fault = func(step string, _ bool) error {
		if step == "publish signal.suppressed" {
			return errDied
		}
		return nil
	}
	require.Equal(t, 200, post(t, w.gateway(t), body(firing("gone"))).code)
}
