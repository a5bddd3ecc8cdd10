package function

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"knative.dev/pkg/logging"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
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

// filled is how many alerts one call has wait to end: few enough that the
// embedded Redis answers in time, whatever else the machine does.
const filled = 50

// fill has as many alerts wait to end as may.
func (w *world) fill(t *testing.T) {
	t.Helper()
	for part := range 2 * ledger.MaxExpiries / filled {
		expiries := make([]ledger.Expiry, filled)
		for i := range expiries {
			expiries[i] = ledger.Expiry{Alert: fmt.Sprintf("other-%d-%d", part, i), In: time.Hour}
		}
		_, err := w.redis.Ledger(t).ExpectMany(t.Context(), expiries)
		require.NoError(t, err)
	}
}

func TestAnAlertWhoseExpiryFindsNoRoomIsToBePostedAgain(t *testing.T) {
	w := newWorld(t)
	w.fill(t)
	core, logs := observer.New(zapcore.InfoLevel)
	ctx := logging.WithLogger(t.Context(), zap.New(core).Sugar())
	b := silent(w, "cart-1")
	lasting := silent(w, "cart-6d5f7c9b8d-x2x4q")
	lasting.Items[0].Alert.Expires = time.Time{}
	b.Items = append(b.Items, lasting.Items...)
	g := w.gateway(t)
	for range 3 {
		a := g.accept(ctx, b)
		require.Equal(t, http.StatusServiceUnavailable, a.Code())
		require.Equal(t, []string{StatusRetry, ReasonExpiriesFull}, []string{a.Results[0].Status, a.Results[0].Reason})
		require.NotEqual(t, StatusRetry, a.Results[1].Status, "one that says itself that it ended needs none")
		require.ErrorIs(t, a.failure(), errExpiriesFull)
	}
	opened := w.broker.of(event.SignalReceived)
	require.Len(t, opened, 1)
	list, err := w.redis.Ledger(t).Alerts(t.Context(), opened[0].Fingerprint, opened[0].Correlation)
	require.NoError(t, err)
	require.Len(t, list.Alerts, 1, "what nobody would end has not joined")
	full := logs.FilterField(zap.String("reason", ReasonExpiriesFull)).All()
	require.Len(t, full, 1, "at a bounded rate")

	w.elapse(2 * time.Hour)
	l := w.redis.Ledger(t)
	items, err := l.LeaseExpired(t.Context(), 100, time.Minute)
	require.NoError(t, err)
	for _, item := range items {
		require.NoError(t, l.Complete(t.Context(), item))
	}
	b.Items[0].Alert.Expires = w.now().Add(4 * time.Minute)
	require.NoError(t, g.accept(ctx, b).failure(), "others have ended: there is room")
	list, err = l.Alerts(t.Context(), opened[0].Fingerprint, opened[0].Correlation)
	require.NoError(t, err)
	require.Len(t, list.Alerts, 2)
}

func TestAnAlertThatWaitsToEndIsMovedThoughThereIsNoRoomForOthers(t *testing.T) {
	w := newWorld(t)
	w.posts(t, silent(w, "cart-1"))
	w.fill(t)
	for range 5 {
		w.elapse(3 * time.Minute)
		w.posts(t, silent(w, "cart-1"))
	}
	items, err := w.redis.Ledger(t).LeaseExpired(t.Context(), 1, time.Minute)
	require.NoError(t, err)
	require.Empty(t, items)
}

func TestWhatWaitsForAnExpiryIsBoundedWhateverItsLabels(t *testing.T) {
	labels := map[string]string{"alertname": "A"}
	for i := range source.MaxLabels - 1 {
		name := fmt.Sprintf("l%03d", i)
		labels[name+strings.Repeat("<", source.MaxLabelName-len(name))] = strings.Repeat("<", source.MaxLabelValue)
	}
	long := strings.Repeat("<", 4096)
	w := &work{alert: signal.Alert{ID: strings.Repeat("a", signal.MaxSentID), Labels: labels, Receiver: long, Group: long}}
	payload, err := w.parked()
	require.NoError(t, err)
	require.LessOrEqual(t, len(payload), ledger.MaxExpiryPayload)
	require.Contains(t, string(payload), `"alertname":"A"`)
	w.alert.Labels = map[string]string{"alertname": "A", "pod": "cart-1"}
	payload, err = w.parked()
	require.NoError(t, err)
	require.Contains(t, string(payload), `"pod":"cart-1"`)
}
