package function

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/scan"
	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

// TestWhatFluxSaysOfOneObject has an error come by one provider, again at
// another revision, and the recovery by either.
func TestWhatFluxSaysOfOneObject(t *testing.T) {
	for recovery, path := range map[string]string{"alertmanager/flux_info_is_recovery": alertsPath, "flux/kustomization_info": fluxPath,
		"prometheus/flux_info_is_recovery": prometheusPath} {
		t.Run(recovery, func(t *testing.T) {
			w := sourcesWorld(t)
			g := w.gateway(t)
			require.Equal(t, 200, postTo(t, g, alertsPath, sent(t, "alertmanager/flux_error")).code)
			require.Equal(t, 200, postTo(t, w.gateway(t), alertsPath, sent(t, "alertmanager/flux_error_at_another_revision")).code)
			require.Equal(t, 200, postTo(t, g, alertsPath, sent(t, "alertmanager/flux_info_that_is_no_recovery")).code)
			received := w.broker.of(event.SignalReceived)
			require.Len(t, received, 1)
			s := section[event.Signal](t, received[0], event.SectionSignal)
			require.Equal(t, "shop/Kustomization.kustomize.toolkit.fluxcd.io/apps", s.Target.String())
			require.Equal(t, signal.SeverityHigh, s.Severity)
			require.Empty(t, w.broker.of(event.SignalResolved))

			got := postTo(t, w.gateway(t), path, sent(t, recovery))
			require.Equal(t, 200, got.code, got.raw)
			resolved := w.broker.of(event.SignalResolved)
			require.Len(t, resolved, 1)
			require.True(t, section[event.Resolution](t, resolved[0], event.SectionResolution).Cancelled)
			require.Equal(t, received[0].Correlation, resolved[0].Correlation)
		})
	}
}

// fluxWays are the ways by which what Flux says of one object reaches a
// gateway, each with the time at which Flux said it.
var fluxWays = map[string]struct{ path, form string }{
	"by Flux's own provider": {fluxPath, `{"involvedObject":{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","namespace":"shop","name":"apps"},
		"severity":%[1]q,"reason":%[2]q,"timestamp":%[3]q,"message":"m","metadata":{"revision":%[4]q},"reportingController":"kustomize-controller"}`},
	"by its provider for Alertmanager, directly": {alertsPath, "[" + fluxAlert + "]"},
	"by a real Alertmanager":                     {prometheusPath, `{"version":"4","receiver":"kubernaut","alerts":[` + fluxAlert + `]}`},
}

const fluxAlert = `{"status":"firing","startsAt":%[3]q,"annotations":{"message":"m"},"labels":{"alertname":"FluxKustomization%[2]s","severity":%[1]q,"reason":%[2]q,
	"kind":"Kustomization","name":"apps","namespace":"shop","reportingcontroller":"kustomize-controller","revision":%[4]q}}`

// fluxSays has a new instance hear of an error or an info of Flux; it answers
// the reason, where the sender is told one.
type fluxSays func(severity string, at time.Time) string

func (w *world) flux(t testing.TB, way string) fluxSays {
	revision := 0
	return func(severity string, at time.Time) string {
		t.Helper()
		revision++
		reason := map[string]string{"error": "Buildfailed", "info": "Reconciliationsucceeded"}[severity]
		body := fmt.Sprintf(fluxWays[way].form, severity, reason, at.UTC().Format(time.RFC3339Nano), fmt.Sprintf("main@sha1:%d", revision))
		got := postTo(t, w.gateway(t), fluxWays[way].path, body)
		require.Less(t, got.code, 300, got.raw)
		if len(got.answer.Results) == 0 {
			return ""
		}
		return got.answer.Results[0].Reason
	}
}

// eachWay runs a test for each way of what Flux says.
func eachWay(t *testing.T, test func(t *testing.T, w *world, says fluxSays)) {
	for way := range fluxWays {
		t.Run(way, func(t *testing.T) {
			w := sourcesWorld(t)
			test(t, w, w.flux(t, way))
		})
	}
}

// fails is the one alert on the object, as its remediation lists it.
func (w *world) fails(t testing.TB) ledger.Alert {
	t.Helper()
	all := w.broker.of(event.SignalReceived)
	r := section[event.Remediation](t, all[len(all)-1], event.SectionRemediation)
	list, err := w.redis.Ledger(t).Alerts(t.Context(), r.Fingerprint, r.ID)
	require.NoError(t, err)
	require.Len(t, list.Alerts, 1)
	return list.Alerts[0]
}

func TestAFailingFluxObjectIsOneAlertUntilItIsWell(t *testing.T) {
	eachWay(t, func(t *testing.T, w *world, says fluxSays) {
		first := w.now()
		for range 4 {
			says("error", w.now())
			w.elapse(20 * time.Minute)
			require.NoError(t, w.gateway(t).round(t.Context()))
		}
		require.Len(t, w.broker.of(event.SignalReceived), 1)
		require.Equal(t, first, section[event.Signal](t, w.broker.of(event.SignalReceived)[0], event.SectionSignal).StartsAt)
		a := w.fails(t)
		require.True(t, a.Firing())
		require.Equal(t, []any{first, int64(4)}, []any{a.StartsAt, a.Times}, "since its first report, and reported four times")
		require.Empty(t, resolutions(t, w), "between two tries it has not ended")

		recovered := w.now()
		for range 2 {
			says("info", recovered)
		}
		got := resolutions(t, w)
		require.Len(t, got, 1)
		require.Equal(t, []any{first, recovered, true, false}, []any{got[0].StartsAt, got[0].EndsAt, got[0].Cancelled, got[0].Expired})
		w.elapse(time.Minute)
		says("info", w.now())
		require.Len(t, resolutions(t, w), 1, "it was well before")
		require.NoError(t, w.gateway(t).round(t.Context()))
		require.Len(t, resolutions(t, w), 1)
	})
}

func TestAFailingFluxObjectEndsWeaklyAfterADayWithoutAReport(t *testing.T) {
	eachWay(t, func(t *testing.T, w *world, says fluxSays) {
		says("error", w.now())
		for range 3 {
			w.elapse(source.MaxSilence - time.Minute)
			require.NoError(t, w.gateway(t).round(t.Context()))
			says("error", w.now())
		}
		last := w.now()
		w.elapse(source.MaxSilence - time.Minute)
		require.NoError(t, w.gateway(t).round(t.Context()))
		require.Empty(t, resolutions(t, w), "each report begins the day anew")
		w.elapse(2 * time.Minute)
		require.NoError(t, w.gateway(t).round(t.Context()))
		got := resolutions(t, w)
		require.Len(t, got, 1)
		require.True(t, got[0].Expired)
		require.WithinDuration(t, last.Add(source.MaxSilence), got[0].EndsAt, 0)
		says("error", w.now())
		require.Equal(t, w.now(), w.fails(t).StartsAt, "the next report is of another failure")
	})
}

func TestWhatFluxSaysLateSaysNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, w *world, says fluxSays) {
		first := w.now()
		says("error", first)
		w.elapse(time.Minute)
		before := w.now()
		w.elapse(time.Minute)
		last := w.now()
		says("error", last)
		says("info", before)
		require.Empty(t, resolutions(t, w), "it failed since")
		require.True(t, w.fails(t).Firing())

		r := section[event.Remediation](t, w.broker.of(event.SignalReceived)[0], event.SectionRemediation)
		require.NoError(t, w.redis.Ledger(t).Settle(t.Context(), ledger.Settlement{Fingerprint: r.Fingerprint, Remediation: r.ID, Outcome: "healed"}))
		w.elapse(time.Minute)
		says("info", w.now())
		require.Len(t, resolutions(t, w), 1)
		says("error", last)
		require.Len(t, w.broker.of(event.SignalReceived), 1, "it is well since")
		w.elapse(time.Minute)
		says("error", w.now())
		require.Len(t, w.broker.of(event.SignalReceived), 2)
		require.Equal(t, w.now(), w.fails(t).StartsAt, "a failure after it was well is another")
	})
}

func TestARemediationThatDidNotHelpIsFollowedByOneOfTheSameFailure(t *testing.T) {
	eachWay(t, func(t *testing.T, w *world, says fluxSays) {
		first := w.now()
		says("error", first)
		r := section[event.Remediation](t, w.broker.of(event.SignalReceived)[0], event.SectionRemediation)
		require.NoError(t, w.redis.Ledger(t).Settle(t.Context(), ledger.Settlement{Fingerprint: r.Fingerprint, Remediation: r.ID, Outcome: "unhealed"}))
		w.elapse(time.Hour)
		says("error", w.now())
		require.Len(t, w.broker.of(event.SignalReceived), 2)
		require.Equal(t, first, w.fails(t).StartsAt)
	})
}

func TestWhatFluxSaysOfTheFutureOutlivesNoRecovery(t *testing.T) {
	eachWay(t, func(t *testing.T, w *world, says fluxSays) {
		says("error", w.now().Add(time.Hour))
		w.elapse(time.Minute)
		says("info", w.now())
		require.Len(t, resolutions(t, w), 1)
	})
}

// TestAnAlertmanagerKeepsTheTimeOfTheFirstOfManyErrors has Flux fail, recover
// and fail again within the time for which an Alertmanager takes two notices
// that are alike for one.
func TestAnAlertmanagerKeepsTheTimeOfTheFirstOfManyErrors(t *testing.T) {
	w := sourcesWorld(t)
	says := w.flux(t, "by a real Alertmanager")
	first := w.now()
	says("error", first)
	r := section[event.Remediation](t, w.broker.of(event.SignalReceived)[0], event.SectionRemediation)
	require.NoError(t, w.redis.Ledger(t).Settle(t.Context(), ledger.Settlement{Fingerprint: r.Fingerprint, Remediation: r.ID, Outcome: "healed"}))
	w.elapse(time.Minute)
	says("info", w.now())
	require.Len(t, resolutions(t, w), 1)
	w.elapse(time.Minute)
	require.Equal(t, source.ReasonFluxRecovered, says("error", first), "it may be the one from before")
	w.elapse(outweighs)
	says("error", first)
	require.Len(t, w.broker.of(event.SignalReceived), 2, "an Alertmanager would have forgotten that one by now")
	require.Len(t, resolutions(t, w), 1)
	require.Equal(t, source.ReasonFluxTimedOut, postTo(t, w.gateway(t), prometheusPath, sent(t, "prometheus/flux_error_that_timed_out")).answer.Results[0].Reason)
	require.True(t, w.fails(t).Firing(), "that an Alertmanager heard no more of it says nothing")
}

func TestAFluxObjectThatIsScannedFailsUntilItIsReady(t *testing.T) {
	const version = "helm.toolkit.fluxcd.io/v2"
	const list = "/apis/" + version + "/helmreleases"
	w := sourcesWorld(t)
	answers := map[string]string{
		"/api": `{"kind":"APIVersions","versions":[]}`,
		"/apis": `{"kind":"APIGroupList","groups":[{"name":"helm.toolkit.fluxcd.io","versions":[{"groupVersion":"` + version + `","version":"v2"}],
			"preferredVersion":{"groupVersion":"` + version + `","version":"v2"}}]}`,
		"/apis/" + version: `{"kind":"APIResourceList","groupVersion":"` + version + `","resources":[{"name":"helmreleases","kind":"HelmRelease","namespaced":true,"verbs":["list"]}]}`,
	}
	first := w.now()
	rounds := func(n int, ready, reason string) {
		t.Helper()
		since := w.now().Format(time.RFC3339)
		for range n {
			answers[list] = `{"items":[{"metadata":{"name":"apps","namespace":"shop"},"status":{"conditions":[{"type":"Ready","status":"` + ready +
				`","reason":"` + reason + `","message":"m","lastTransitionTime":"` + since + `"}]}}]}`
			require.NoError(t, w.gateway(t).round(t.Context()))
			w.elapse(5 * time.Minute)
		}
	}
	w.scan(t, scan.Options{Flux: true}, answers)
	for range 3 {
		rounds(2, "False", "UpgradeFailed")
		rounds(12, "Unknown", "Progressing")
	}
	require.Len(t, w.broker.of(event.SignalReceived), 1)
	require.Empty(t, resolutions(t, w), "an hour at work is no recovery")
	require.Equal(t, first, w.fails(t).StartsAt)
	told := len(w.broker.of(event.SignalSuppressed))
	ready := w.now()
	rounds(3, "True", "UpgradeSucceeded")
	got := resolutions(t, w)
	require.Len(t, got, 1)
	require.Equal(t, []any{first, ready, true, false}, []any{got[0].StartsAt, got[0].EndsAt, got[0].Cancelled, got[0].Expired})
	require.Len(t, w.broker.of(event.SignalSuppressed), told, "what is well is nobody's business")
}
