package function

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

// TestARetryHealsAFailureAtAnyStep fails each step of the way, before and
// after it took effect, and lets a new instance take the retry. Joining the
// alert is part of confirming the claim that it opened.
func TestARetryHealsAFailureAtAnyStep(t *testing.T) {
	for _, step := range []string{"owners", "scope", "reserve", "publish signal.received", "confirm"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after it took effect: %v", step, after), func(t *testing.T) {
				w := newWorld(t)
				w.breakAt(step, after)
				failed := post(t, w.gateway(t), body(firing("cart-1")))
				require.Equal(t, 503, failed.code, failed.raw)
				require.Equal(t, retryAfter, failed.header.Get("Retry-After"))
				require.NotContains(t, failed.raw, errDied.Error(), "what failed inside is logged, not told")

				w.elapse(publishLease + time.Second)
				healed := post(t, w.gateway(t), body(firing("cart-1")))
				require.Contains(t, []int{201, 202}, healed.code, healed.raw)
				received := w.broker.of(event.SignalReceived)
				require.Len(t, received, 1, "one event id, however often it was published")
				r := healed.answer.Results[0]
				require.Equal(t, r.RemediationID, received[0].Correlation)
				l := w.redis.Ledger(t)
				claim, err := l.Get(t.Context(), r.Fingerprint)
				require.NoError(t, err)
				require.Equal(t, ledger.Confirmed, claim.State)
				resolved, found, err := l.ResolveAlert(t.Context(), section[event.Signal](t, received[0], event.SectionSignal).AlertID,
					time.Date(2026, 11, 22, 3, 40, 12, 345e6, time.UTC), w.now())
				require.NoError(t, err)
				require.True(t, found, "the alert joined")
				require.Equal(t, r.RemediationID, resolved.Remediation)
			})
		}
	}
}

func TestARetryHealsAnAlertThatCouldNotJoin(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after it took effect: %v", after), func(t *testing.T) {
			w := newWorld(t)
			opened := post(t, w.gateway(t), body(firing("cart-6d5f7c9b8d-p9k7m"))).answer.Results[0]
			w.breakAt("join", after)
			require.Equal(t, 503, post(t, w.gateway(t), body(firing("cart-6d5f7c9b8d-x2x4q"))).code)
			healed := post(t, w.gateway(t), body(firing("cart-6d5f7c9b8d-x2x4q")))
			require.Equal(t, 202, healed.code, healed.raw)
			list, err := w.redis.Ledger(t).Alerts(t.Context(), opened.Fingerprint, opened.RemediationID)
			require.NoError(t, err)
			require.Len(t, list.Alerts, 2)
		})
	}
}

func TestARetryHealsAResolveThatFailedAtAnyStep(t *testing.T) {
	for _, step := range []string{"resolve", "cancel", "publish signal.resolved"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after it took effect: %v", step, after), func(t *testing.T) {
				w := newWorld(t)
				require.Equal(t, 201, post(t, w.gateway(t), body(firing("cart-1"))).code)
				w.breakAt(step, after)
				resolve := body(alert("resolved", "namespace", "shop", "pod", "cart-1"))
				require.Equal(t, 503, post(t, w.gateway(t), resolve).code)
				healed := post(t, w.gateway(t), resolve)
				require.Equal(t, 200, healed.code, healed.raw)
				resolved := w.broker.of(event.SignalResolved)
				require.Len(t, resolved, 1)
				require.True(t, section[event.Resolution](t, resolved[0], event.SectionResolution).Cancelled)
			})
		}
	}
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
