package function

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// Where senders other than an Alertmanager post to.
const (
	alertsPath      = "/api/v2/alerts"
	fluxPath        = "/api/v1/signals/flux"
	eventPath       = "/api/v1/signals/kubernetes-event"
	cloudEventsPath = "/api/v1/signals/cloudevents"
)

// postTo posts a body; headers are name, value, ...
func postTo(t testing.TB, g *gateway, path, body string, headers ...string) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return do(t, g, r)
}

// sent is what one of the sources' senders sends.
func sent(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("source/testdata/" + name + ".json")
	require.NoError(t, err)
	return string(text)
}

// sourcesWorld has what the sources' fixtures are about.
func sourcesWorld(t testing.TB) *world {
	w := newWorld(t)
	w.cluster.own("shop/Kustomization.kustomize.toolkit.fluxcd.io/apps")
	w.cluster.own("shop/HelmRelease.helm.toolkit.fluxcd.io/apps")
	return w
}

var binary = []string{"ce-specversion", "1.0", "ce-type", "dev.knative.apiserver.resource.add", "ce-id", "7d1c", "ce-source", "https://10.96.0.1:443"}

func TestWhatEverySenderMayNotSend(t *testing.T) {
	g := newWorld(t).gateway(t)
	for _, s := range sources(t) {
		for _, pattern := range s.Paths() {
			path := strings.NewReplacer("{$}", "", "{receiver}", "kubernaut", "{pod}", "cart-1").Replace(pattern)
			t.Run(path, func(t *testing.T) {
				for _, kind := range []string{"", "text/html", s.MediaTypes()[0] + "; charset=latin1", "*/*"} {
					require.Equal(t, 415, postTo(t, g, path, "{}", "Content-Type", kind).code, kind)
				}
				require.Equal(t, 415, postTo(t, g, path, "{}", "Content-Type", s.MediaTypes()[0], "Content-Encoding", "gzip").code)
				if s.MediaTypes()[0] == source.MediaJSON {
					got := postTo(t, g, path, `{"a":1,"a":2}`)
					require.Equal(t, 400, got.code, got.raw)
					require.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
				}
				got := do(t, g, httptest.NewRequestWithContext(t.Context(), http.MethodPut, path, nil))
				require.Equal(t, 405, got.code)
			})
		}
	}
}

func TestAnAlertOfPrometheusItself(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	for _, path := range []string{alertsPath, alertsPath + "/"} {
		got := postTo(t, g, path, sent(t, "alertmanager/firing_until_its_end"))
		require.Equal(t, 200, got.code, got.raw)
		require.Empty(t, got.raw, "as an Alertmanager answers")
	}
	received := w.broker.of(event.SignalReceived)
	require.Len(t, received, 1)
	s := section[event.Signal](t, received[0], event.SectionSignal)
	require.Equal(t, "alertmanager", s.Source)
	require.Equal(t, "shop/Deployment/cart", s.Target.String())

	require.Equal(t, 200, postTo(t, g, alertsPath, sent(t, "alertmanager/resolved_by_its_end")).code)
	resolved := w.broker.of(event.SignalResolved)
	require.Len(t, resolved, 1)
	require.True(t, section[event.Resolution](t, resolved[0], event.SectionResolution).Cancelled)
}

// TestAnAlertWithoutAStartIsOneEpisode posts one again and again, to new
// instances too: each time it is received at another time.
func TestAnAlertWithoutAStartIsOneEpisode(t *testing.T) {
	w := newWorld(t)
	first := w.gateway(t)
	for _, g := range []*gateway{first, w.gateway(t), first, first} {
		require.Equal(t, 200, postTo(t, g, alertsPath, sent(t, "alertmanager/firing_without_any_time")).code)
		w.elapse(20 * time.Second)
	}
	received := w.broker.of(event.SignalReceived)
	require.Len(t, received, 1)
	r := section[event.Remediation](t, received[0], event.SectionRemediation)
	list, err := w.redis.Ledger(t).Alerts(t.Context(), r.Fingerprint, r.ID)
	require.NoError(t, err)
	require.Len(t, list.Alerts, 1)
	require.WithinDuration(t, r.OpenedAt, list.Alerts[0].StartsAt, 0, "the episode began when the claim did")
	require.Equal(t, list.Alerts[0].StartsAt, section[event.Signal](t, received[0], event.SectionSignal).StartsAt)

	ended := `[{"labels":{"alertname":"KubePodCrashLooping","namespace":"shop","pod":"cart-6d5f7c9b8d-x2x4q","container":"cart","severity":"warning"},"endsAt":"` +
		w.now().Format(time.RFC3339) + `"}]`
	w.elapse(time.Second)
	for range 2 {
		require.Equal(t, 200, postTo(t, w.gateway(t), alertsPath, ended).code)
		w.elapse(time.Second)
	}
	resolved := w.broker.of(event.SignalResolved)
	require.Len(t, resolved, 1, "posted again, it is the same resolve")
	require.True(t, section[event.Resolution](t, resolved[0], event.SectionResolution).Cancelled)
}

func TestASenderThatHearsNothingOfSingleAlertsIsToldOfTheMalformed(t *testing.T) {
	w := newWorld(t)
	good := strings.Trim(strings.TrimSpace(sent(t, "alertmanager/firing_until_its_end")), "[]")
	got := postTo(t, w.gateway(t), alertsPath, "["+good+`,{"labels":{}}]`)
	require.Equal(t, 400, got.code)
	require.Contains(t, got.raw, "1 of 2 alerts")
	require.Contains(t, got.raw, source.ReasonNoLabels)
	require.Len(t, w.broker.of(event.SignalReceived), 1)
}

func TestNoSenderHearsThatWorkWasDoneWhichWasNot(t *testing.T) {
	tests := map[string]struct {
		path, fixture string
		headers       []string
	}{
		"Prometheus":      {alertsPath, "alertmanager/firing_until_its_end", nil},
		"Karo's users":    {"/webhook", "prometheus/one_alert_firing", nil},
		"Flux":            {fluxPath, "flux/helm_release_error", nil},
		"an exporter":     {eventPath, "kubernetes-event/back_off", nil},
		"an event source": {"/", "apiserver/binary_back_off", binary},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := sourcesWorld(t)
			w.breakAt("publish signal.received", false)
			got := postTo(t, w.gateway(t), test.path, sent(t, test.fixture), test.headers...)
			require.Equal(t, 503, got.code, got.raw)
			require.Equal(t, retryAfter, got.header.Get("Retry-After"))
			w.elapse(publishLease + time.Second)
			require.Less(t, postTo(t, w.gateway(t), test.path, sent(t, test.fixture), test.headers...).code, 300)
			require.Len(t, w.broker.of(event.SignalReceived), 1)
		})
	}
}

func TestKarosPaths(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/webhook", "/webhook/", "/webhook/karo"} {
		got := postTo(t, w.gateway(t), path, sent(t, "prometheus/one_alert_firing"))
		require.Less(t, got.code, 300, got.raw)
		require.Equal(t, "shop/Deployment/cart", got.answer.Results[0].Target)
	}
	require.Len(t, w.broker.of(event.SignalReceived), 1)
}

func TestAnEventIsAboutTheWorkloadOfItsPod(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	got := postTo(t, g, eventPath, sent(t, "kubernetes-event/back_off"))
	require.Equal(t, 201, got.code, got.raw)
	s := section[event.Signal](t, w.broker.of(event.SignalReceived)[0], event.SectionSignal)
	require.Equal(t, "BackOff", s.Name)
	require.Equal(t, "kubernetes-event", s.Source)
	require.Equal(t, "shop/Deployment/cart", s.Target.String())
	require.Equal(t, "shop/Pod/cart-6d5f7c9b8d-x2x4q", s.Resource.String())
	require.Equal(t, "cart", s.Container)

	require.Equal(t, 202, postTo(t, w.gateway(t), eventPath, sent(t, "kubernetes-event/counted_again")).code)
	for _, path := range []string{"/", cloudEventsPath} {
		got = postTo(t, g, path, sent(t, "apiserver/binary_back_off"), binary...)
		require.Equal(t, 200, got.code, got.raw)
		require.Empty(t, got.raw, "a Broker takes a body that is no event for a failure")
	}
	list, err := w.redis.Ledger(t).Alerts(t.Context(), w.broker.of(event.SignalReceived)[0].Fingerprint, w.broker.of(event.SignalReceived)[0].Correlation)
	require.NoError(t, err)
	require.Len(t, list.Alerts, 1, "whoever handed it over")
	require.Equal(t, "shop/Deployment/cart", postTo(t, g, prometheusPath, body(firing("cart-1"))).answer.Results[0].Target)
	require.Len(t, w.broker.of(event.SignalReceived), 1, "an alert on the same workload joins")
}

func TestEventsThatOpenNothingHaveAReason(t *testing.T) {
	for name, reason := range map[string]string{"normal": source.ReasonNormalEvent, "of_a_reason_nobody_wants": source.ReasonNotWanted,
		"last_seen_an_hour_ago": source.ReasonOldEvent, "of_another_cluster": signal.ReasonOtherCluster} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got := postTo(t, w.gateway(t), eventPath, sent(t, "kubernetes-event/"+name))
			require.Equal(t, 200, got.code, got.raw)
			require.Equal(t, reason, got.answer.Results[0].Reason)
			suppressed := w.broker.of(event.SignalSuppressed)
			require.Len(t, suppressed, 1)
			require.Equal(t, reason, section[event.Suppression](t, suppressed[0], event.SectionSuppression).Reason)
			require.Empty(t, w.broker.of(event.SignalReceived))
		})
	}
}

func TestAnEventOnAKindThatIsNotServedHasNoTarget(t *testing.T) {
	w := newWorld(t)
	w.fault = func(step string, after bool) error {
		if step == "owners" && !after {
			return cluster.ErrUnknownKind
		}
		return nil
	}
	got := postTo(t, w.gateway(t), eventPath, sent(t, "kubernetes-event/back_off"))
	require.Equal(t, 200, got.code, got.raw)
	require.Equal(t, signal.ReasonNoTarget, got.answer.Results[0].Reason)
}

// TestAnEventKeepsNoRemediationAliveWhoseAlertHasStopped holds the ids of
// events to what the ledger's scripts take for those of moments.
func TestAnEventKeepsNoRemediationAliveWhoseAlertHasStopped(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	require.Equal(t, 201, post(t, g, body(firing("cart-1"))).code)
	require.Equal(t, 202, postTo(t, g, eventPath, sent(t, "kubernetes-event/back_off")).code)
	got := post(t, g, body(alert("resolved", "namespace", "shop", "pod", "cart-1")))
	require.Equal(t, ReasonCancelled, got.answer.Results[0].Reason)

	again := post(t, g, body(firing("cart-1")))
	require.Equal(t, 503, again.code, "nothing comes of what was cancelled")
	require.Contains(t, again.raw, ReasonCancelling)
}
