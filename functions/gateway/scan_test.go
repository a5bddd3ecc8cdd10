package function

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
	"kubernaut.ai/shared/stage"
)

// fakeSource keeps what it is given to read, and makes one alert of it.
type fakeSource struct {
	source.Source
	path string
	read []map[string]any
}

func (f *fakeSource) Name() string    { return "fake" }
func (f *fakeSource) Paths() []string { return []string{f.path} }

func (f *fakeSource) Read(r source.Request) (source.Batch, error) {
	var in map[string]any
	if err := json.Unmarshal(r.Body, &in); err != nil {
		return source.Batch{}, err
	}
	if in["message"] == "unreadable" {
		return source.Batch{}, errors.New("unreadable")
	}
	f.read = append(f.read, in)
	return source.Batch{Items: []source.Item{{Alert: signal.Alert{ID: "a1", Labels: map[string]string{"alertname": "A"}, StartsAt: r.Now}}}}, nil
}

// scansWith opens the scans that settings turn on, over an API server that
// answers from a table.
func scansWith(t *testing.T, settings map[string]string, answers map[string]string, sources ...source.Source) (*world, []scan, error) {
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
	w := newWorld(t)
	scans, err := openScans(scanning{config: stage.NewConfig(settings), clients: clients, marks: w.redis.Ledger(t), sources: sources, now: w.now, drop: w.drop})
	return w, scans, err
}

func TestScansAreOffUnlessTheyAreTurnedOn(t *testing.T) {
	_, scans, err := scansWith(t, nil, nil)
	require.NoError(t, err)
	require.Empty(t, scans)
	_, _, err = scansWith(t, map[string]string{EnvScanEvents: "true", EnvScanFlux: "true", EnvScanAlertmanager: "kubernaut", EnvAlertmanager: "alertmanager:9093"}, nil)
	for _, setting := range []string{EnvScanEvents, EnvScanFlux, EnvAlertmanager} {
		require.ErrorContains(t, err, setting)
	}
	_, _, err = scansWith(t, map[string]string{EnvScanAlertmanager: "kubernaut"}, nil)
	require.ErrorContains(t, err, EnvAlertmanager)
	_, scans, err = scansWith(t, map[string]string{EnvAlertmanager: "http://alertmanager:9093"}, nil)
	require.NoError(t, err)
	require.Empty(t, scans, "assess may ask it; that does not open remediations for whatever fires")
}

func TestTheScanOfEventsGoesOnWhereItStopped(t *testing.T) {
	reads := &fakeSource{path: scannedEventsPath}
	answers := map[string]string{"/api/v1/events": `{"kind":"EventList","apiVersion":"v1","items":[
		{"metadata":{"name":"e0","namespace":"shop"},"message":"long ago","lastTimestamp":"2026-11-22T03:54:00Z"},
		{"metadata":{"name":"e1","namespace":"shop"},"message":"unreadable","lastTimestamp":"2026-11-22T03:59:00Z"},
		{"metadata":{"name":"e2","namespace":"shop"},"message":"seen","lastTimestamp":"2026-11-22T03:58:00Z","involvedObject":{"kind":"Pod"}}]}`}
	w, scans, err := scansWith(t, map[string]string{EnvScanEvents: "true"}, answers, reads)
	require.NoError(t, err)
	batches, done, err := scans[0].find(t.Context())
	require.NoError(t, err)
	require.Len(t, batches, 1)
	require.Equal(t, "fake-scan", batches[0].Source)
	require.Len(t, reads.read, 1)
	require.Equal(t, []any{"seen", "Event"}, []any{reads.read[0]["message"], reads.read[0]["kind"]})
	again, _, err := scans[0].find(t.Context())
	require.NoError(t, err)
	require.Len(t, again, 1, "what was not accepted is found again")
	require.NoError(t, done(t.Context()))
	none, _, err := scans[0].find(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)
	w.redis.SetError("LOADING")
	_, _, err = scans[0].find(t.Context())
	require.Error(t, err)
}

func TestTheScanOfEventsLooksNoFurtherBackThanTheyCount(t *testing.T) {
	reads := &fakeSource{path: scannedEventsPath}
	answers := map[string]string{"/api/v1/events": `{"kind":"EventList","apiVersion":"v1","items":[
		{"metadata":{"name":"e0","namespace":"shop"},"message":"too old","lastTimestamp":"2026-11-22T03:56:00Z"},
		{"metadata":{"name":"e1","namespace":"shop"},"message":"seen","lastTimestamp":"2026-11-22T03:58:00Z"}]}`}
	w, scans, err := scansWith(t, map[string]string{EnvScanEvents: "true", source.EnvEventMaxAge: "3m"}, answers, reads)
	require.NoError(t, err)
	require.NoError(t, w.redis.Ledger(t).SetMark(t.Context(), markEvents, w.now().Add(-time.Hour)))
	_, _, err = scans[0].find(t.Context())
	require.NoError(t, err)
	require.Len(t, reads.read, 1)
	require.Equal(t, "seen", reads.read[0]["message"])
	require.Empty(t, w.dropped)
}

func TestWhatAScanOfEventsLeavesOutIsCounted(t *testing.T) {
	one := `{"metadata":{"name":"e","namespace":"shop"},"message":"seen","lastTimestamp":"2026-11-22T03:58:00Z"}`
	answers := map[string]string{"/api/v1/events": `{"kind":"EventList","apiVersion":"v1","items":[` +
		strings.Repeat(one+",", cluster.MaxWarnings) + one + `]}`}
	w, scans, err := scansWith(t, map[string]string{EnvScanEvents: "true"}, answers, &fakeSource{path: scannedEventsPath})
	require.NoError(t, err)
	_, _, err = scans[0].find(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{ReasonScanCut}, w.dropped)
}

func TestTheScanOfFluxFindsWhatIsNotReady(t *testing.T) {
	reads := &fakeSource{path: scannedFluxPath}
	const group = "kustomize.toolkit.fluxcd.io"
	ready := func(name, status, reason, message string) string {
		return `{"metadata":{"name":"` + name + `","namespace":"flux-system"},"status":{"conditions":[{"type":"Ready","status":"` + status + `","reason":"` + reason +
			`","message":"` + message + `","lastTransitionTime":"2026-11-22T03:00:00Z"}]}}`
	}
	answers := map[string]string{
		"/api": `{"kind":"APIVersions","versions":[]}`,
		"/apis": `{"kind":"APIGroupList","groups":[{"name":"` + group + `","versions":[{"groupVersion":"` + group + `/v1","version":"v1"}],
			"preferredVersion":{"groupVersion":"` + group + `/v1","version":"v1"}}]}`,
		"/apis/" + group + "/v1": `{"kind":"APIResourceList","groupVersion":"` + group + `/v1","resources":[{"name":"kustomizations","kind":"Kustomization","namespaced":true,"verbs":["list"]}]}`,
		"/apis/" + group + "/v1/kustomizations": `{"items":[` + ready("apps", "False", "BuildFailed", "no such file") + `,` +
			ready("busy", "False", "Progressing", "at work") + `,` + ready("well", "True", "ReconciliationSucceeded", "") + `,` + ready("odd", "False", "BuildFailed", "unreadable") + `]}`,
	}
	w, scans, err := scansWith(t, map[string]string{EnvScanFlux: "true"}, answers, reads)
	require.NoError(t, err)
	batches, _, err := scans[0].find(t.Context())
	require.NoError(t, err)
	require.Len(t, batches[0].Items, 1)
	require.Equal(t, w.now().Add(scannedFor), batches[0].Items[0].Alert.Expires, "it counts as ended when it is not found any more")
	got := reads.read[0]
	require.Equal(t, []any{"error", "BuildFailed", "no such file", "2026-11-22T03:00:00Z"}, []any{got["severity"], got["reason"], got["message"], got["timestamp"]})
	require.Equal(t, map[string]any{"apiVersion": group + "/v1", "kind": "Kustomization", "namespace": "flux-system", "name": "apps"}, got["involvedObject"])
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
	w, scans, err := scansWith(t, map[string]string{EnvScanAlertmanager: "kubernaut.prod", EnvAlertmanager: am.URL + "/am"}, nil)
	require.NoError(t, err)
	w.scans = scans
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
	w, scans, err := scansWith(t, map[string]string{EnvScanEvents: "true", EnvScanFlux: "true"}, answers, sources(t)...)
	require.NoError(t, err)
	w.cluster.own("shop/HelmRelease.helm.toolkit.fluxcd.io/apps")
	w.scans = scans
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
