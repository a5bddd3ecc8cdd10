package function

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

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
