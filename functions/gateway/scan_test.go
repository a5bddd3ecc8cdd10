package function

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"kubernaut.ai/functions/gateway/scan"
	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// scan has every gateway of the world make the scans that the options turn on,
// over an API server that answers from a table.
func (w *world) scan(t testing.TB, o scan.Options, answers map[string]string) {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			body = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(api.Close)
	clients, err := cluster.ForConfig(&rest.Config{Host: api.URL}, "gateway")
	require.NoError(t, err)
	l := w.claims(t)
	o.Cluster, o.Marks, o.Failures, o.Sources, o.Now, o.Drop = clients, l, l, sources(t), w.now, w.drop
	o.EventMaxAge = source.DefaultEventMaxAge
	w.scans, err = scan.Open(o)
	require.NoError(t, err)
}

func TestTheScanOfAlertmanagerFindsWhatFires(t *testing.T) {
	answer, status := `[{"fingerprint":"0ee8e5a2f8d3c7b1","startsAt":"2026-11-22T03:40:00Z","labels":{"alertname":"KubePodCrashLooping","namespace":"shop","pod":"cart-1"},"status":{"state":"active"}},
		{"fingerprint":"1ee8e5a2f8d3c7b1","startsAt":"2026-11-22T03:40:00Z","labels":{"alertname":"Watchdog"},"status":{"state":"active"}}]`, 200
	am := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/am/api/v2/alerts", r.URL.Path)
		require.Equal(t, "active=true&inhibited=false&receiver=%5Ekubernaut%5C.prod%24&silenced=false", r.URL.RawQuery, "other receivers' alerts are not ours")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(am.Close)
	w := newWorld(t)
	w.scan(t, scan.Options{Receiver: "kubernaut.prod", Alertmanager: am.URL + "/am"}, nil)
	w.heartbeatWithin = time.Minute
	for range 2 {
		g := w.gateway(t)
		require.NoError(t, g.round(t.Context()))
	}
	require.Equal(t, 202, post(t, w.gateway(t), body(firing("cart-1"))).code, "the webhook's is the same alert's claim")
	w.elapse(2 * time.Minute)
	p, err := w.gateway(t).claims.Pulse(t.Context(), w.heartbeatWithin)
	require.NoError(t, err)
	require.True(t, p.Lost, "that Alertmanager has the Watchdog does not say that it reaches us")
	for name, broken := range map[string]func(){
		"it fails": func() { status = 500 }, "it is no list": func() { status, answer = 200, `{"kind":"login"}` },
	} {
		broken()
		require.Error(t, w.gateway(t).round(t.Context()), name)
	}
	am.Close()
	err = w.gateway(t).round(t.Context())
	require.ErrorContains(t, err, "ask Alertmanager")
	require.NotContains(t, err.Error(), am.URL, "an address may hold a password")
}

func TestScansFindWhatTheSendersWouldHaveSent(t *testing.T) {
	const version = "helm.toolkit.fluxcd.io/v2"
	answers := map[string]string{
		"/api/v1/events": `{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"cart-1.17","namespace":"shop","uid":"u1"},"type":"Warning",
			"reason":"BackOff","message":"Back-off restarting failed container","count":3,"firstTimestamp":"2026-11-22T03:50:00Z","lastTimestamp":"2026-11-22T03:59:00Z",
			"involvedObject":{"kind":"Pod","apiVersion":"v1","namespace":"shop","name":"cart-1","fieldPath":"spec.containers{app}"}}]}`,
		"/api": `{"kind":"APIVersions","versions":[]}`,
		"/apis": `{"kind":"APIGroupList","groups":[{"name":"helm.toolkit.fluxcd.io","versions":[{"groupVersion":"` + version + `","version":"v2"}],
			"preferredVersion":{"groupVersion":"` + version + `","version":"v2"}}]}`,
		"/apis/" + version: `{"kind":"APIResourceList","groupVersion":"` + version + `","resources":[{"name":"helmreleases","kind":"HelmRelease","namespaced":true,"verbs":["list"]}]}`,
		"/apis/" + version + "/helmreleases": `{"items":[{"metadata":{"name":"apps","namespace":"shop"},"status":{"conditions":[
			{"type":"Ready","status":"False","reason":"UpgradeFailed","message":"no","lastTransitionTime":"2026-11-22T03:00:00Z"}]}}]}`,
	}
	w := newWorld(t)
	w.scan(t, scan.Options{Events: true, Flux: true}, answers)
	w.cluster.own("shop/HelmRelease.helm.toolkit.fluxcd.io/apps")
	for range 2 {
		require.NoError(t, w.gateway(t).round(t.Context()))
	}
	targets := map[string]string{}
	for _, d := range w.broker.of(event.SignalReceived) {
		s := section[event.Signal](t, d, event.SectionSignal)
		targets[d.Target.String()] = s.Name + " " + s.Source
	}
	require.Equal(t, map[string]string{"shop/Deployment/cart": "BackOff kubernetes-event-scan",
		"shop/HelmRelease.helm.toolkit.fluxcd.io/apps": "FluxHelmReleaseUpgradefailed flux-scan"}, targets)
}
