package function

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
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
