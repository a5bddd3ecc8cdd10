package function

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

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
	for _, wrong := range []string{"monitoring", "monitoring/prometheus", "a/b/c/d", "//", "monitoring//x", "monitoring/StatefulSet/", "Mon/StatefulSet/x", "a/St ful/x", "a/statefulset/x", "a/Stateful-Set/x", "a/StatefulSet./x", "a/StatefulSet.Apps/x"} {
		_, err := openHeart(time.Minute, wrong, "ns")
		require.ErrorContains(t, err, EnvHeartbeatTarget, wrong)
	}
}
