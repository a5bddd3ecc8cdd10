package source

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/signal"
)

// now is when all fixtures are received.
var now = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

// settings are the gateway's, by name.
type settings map[string]string

func (s settings) String(name, otherwise string) string {
	if v := s[name]; v != "" {
		return v
	}
	return otherwise
}

func (s settings) Duration(name string, otherwise time.Duration) time.Duration {
	d, err := time.ParseDuration(s[name])
	if err != nil {
		return otherwise
	}
	return d
}

// opened is one of all registered sources.
func opened(t testing.TB, s settings, path string) Source {
	t.Helper()
	all, err := Open(s)
	require.NoError(t, err)
	for _, one := range all {
		for _, p := range one.Paths() {
			if p == path {
				return one
			}
		}
	}
	require.Fail(t, "no source at "+path)
	panic("unreachable")
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return string(text)
}

// request is a body as its sender posts it; headers are name, value, ...
func request(body string, headers ...string) Request {
	h := http.Header{"Content-Type": {MediaJSON}}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return Request{Header: h, PathValue: func(name string) string { return name + "-of-path" }, Body: []byte(body), Now: now}
}

// binary are the headers of a CloudEvent whose data is the body.
func binary(eventType string) []string {
	return []string{"ce-specversion", "1.0", "ce-type", eventType, "ce-id", "7d1c", "ce-source", "https://10.96.0.1:443"}
}

// structured is the header of a CloudEvent that is wholly in the body.
var structured = []string{"content-type", MediaCloudEvent + "; charset=UTF-8"}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

// Where each source is posted to.
const (
	atPrometheus   = "/api/v1/signals/prometheus"
	atKaro         = "/webhook/{receiver}"
	atAlertmanager = "/api/v2/alerts"
	atExporter     = "/api/v1/signals/kubernetes-event"
	atCloudEvents  = "/api/v1/signals/cloudevents"
	atFlux         = "/api/v1/signals/flux"
)

// readings are what each source makes of what its senders send.
var readings = map[string]struct {
	path, fixture string
	headers       []string
	// want is compared where it is set.
	want             signal.Alert
	invalid, ignored string
	telling          Telling
	// fails is what the error of the whole body says.
	fails string
}{
	"an Alertmanager's firing alert": {path: atPrometheus, fixture: "prometheus/one_alert_firing",
		want: signal.Alert{ID: "3a47c610dde4c41f", StartsAt: at("2026-11-22T03:40:12.345Z"), Receiver: "kubernaut"}},
	"an Alertmanager's resolved alert": {path: atPrometheus, fixture: "prometheus/one_alert_resolved",
		want: signal.Alert{ID: "3a47c610dde4c41f", StartsAt: at("2026-11-22T03:40:12.345Z"), Resolved: true, EndsAt: at("2026-11-22T03:50:12.345Z")}},
	"an Alertmanager's alert without labels":                {path: atPrometheus, fixture: "prometheus/an_alert_without_labels", invalid: ReasonNoLabels},
	"Flux's error by an Alertmanager":                       {path: atPrometheus, fixture: "prometheus/flux_error", telling: Stands, want: signal.Alert{StartsAt: at("2026-11-22T03:58:00Z"), Expires: now.Add(MaxSilence), Object: kustomization}},
	"Flux's info by an Alertmanager, which calls it firing": {path: atPrometheus, fixture: "prometheus/flux_info_is_recovery", telling: Stands, want: signal.Alert{StartsAt: at("2026-11-22T03:59:30Z"), Resolved: true, EndsAt: at("2026-11-22T03:59:30Z"), Object: kustomization}},
	"an Alertmanager that heard no more of Flux's error":    {path: atPrometheus, fixture: "prometheus/flux_error_that_timed_out", ignored: ReasonFluxTimedOut},
	"an Alertmanager that heard no more of Flux's info":     {path: atPrometheus, fixture: "prometheus/flux_info_that_timed_out", ignored: ReasonFluxTimedOut},
	"Karo's users post the same webhook": {path: atKaro, fixture: "prometheus/one_alert_firing",
		want: signal.Alert{ID: "3a47c610dde4c41f", StartsAt: at("2026-11-22T03:40:12.345Z"), Receiver: "kubernaut"}},
	"Karo's users post resolves too": {path: atKaro, fixture: "prometheus/one_alert_resolved",
		want: signal.Alert{StartsAt: at("2026-11-22T03:40:12.345Z"), Resolved: true, EndsAt: at("2026-11-22T03:50:12.345Z")}},

	"Prometheus says until when an alert fires": {path: atAlertmanager, fixture: "alertmanager/firing_until_its_end",
		want: signal.Alert{StartsAt: at("2026-11-22T03:40:12.345Z"), Expires: at("2026-11-22T04:04:00Z")}},
	"without an end it fires for the resolve timeout": {path: atAlertmanager, fixture: "alertmanager/firing_without_an_end",
		want: signal.Alert{StartsAt: at("2026-11-22T03:40:12.345Z"), Expires: now.Add(DefaultResolveTimeout)}},
	"the zero time is no end": {path: atAlertmanager, fixture: "alertmanager/firing_with_the_zero_end",
		want: signal.Alert{StartsAt: at("2026-11-22T03:40:12.345Z"), Expires: now.Add(DefaultResolveTimeout)}},
	"without any time it starts now": {path: atAlertmanager, fixture: "alertmanager/firing_without_any_time",
		want: signal.Alert{StartsAt: now, Undated: true, Expires: now.Add(DefaultResolveTimeout)}},
	"an end that has come is a resolve": {path: atAlertmanager, fixture: "alertmanager/resolved_by_its_end",
		want: signal.Alert{StartsAt: at("2026-11-22T03:40:12.345Z"), Resolved: true, EndsAt: at("2026-11-22T03:59:00Z")}},
	"a resolve without a start is the same one each time": {path: atAlertmanager, fixture: "alertmanager/resolved_without_a_start",
		want: signal.Alert{StartsAt: at("2026-11-22T03:59:00Z"), Undated: true, Resolved: true, EndsAt: at("2026-11-22T03:59:00Z")}},
	"an end before the start is no time":       {path: atAlertmanager, fixture: "alertmanager/ends_before_it_starts", invalid: ReasonBadTime},
	"an alert of the API without labels":       {path: atAlertmanager, fixture: "alertmanager/an_alert_without_labels", invalid: ReasonNoLabels},
	"Flux's error by the Alertmanager's API":   {path: atAlertmanager, fixture: "alertmanager/flux_error", telling: Reported, want: signal.Alert{StartsAt: at("2026-11-22T03:58:00Z"), Expires: now.Add(MaxSilence), Object: kustomization}},
	"Flux's error again at another revision":   {path: atAlertmanager, fixture: "alertmanager/flux_error_at_another_revision", telling: Reported, want: signal.Alert{StartsAt: at("2026-11-22T03:59:00Z"), Expires: now.Add(MaxSilence), Object: kustomization}},
	"Flux's info by the Alertmanager's API":    {path: atAlertmanager, fixture: "alertmanager/flux_info_is_recovery", telling: Reported, want: signal.Alert{StartsAt: at("2026-11-22T03:59:30Z"), Resolved: true, EndsAt: at("2026-11-22T03:59:30Z"), Object: kustomization}},
	"Flux's info while it is at work":          {path: atAlertmanager, fixture: "alertmanager/flux_info_that_is_no_recovery", ignored: ReasonNotSettled},
	"a kind of Flux that is not known here":    {path: atAlertmanager, fixture: "alertmanager/flux_of_a_kind_unknown_here", telling: Reported, want: signal.Alert{StartsAt: at("2026-11-22T03:58:00Z"), Expires: now.Add(MaxSilence), Object: signal.Object{Kind: "FluxInstance", Namespace: "shop", Name: "apps"}}},
	"Flux's error":                             {path: atFlux, fixture: "flux/helm_release_error", telling: Reported, want: signal.Alert{StartsAt: at("2026-11-22T03:58:00Z"), Expires: now.Add(MaxSilence), Object: release}},
	"Flux's info is recovery":                  {path: atFlux, fixture: "flux/helm_release_info_is_recovery", telling: Reported, want: signal.Alert{StartsAt: at("2026-11-22T03:59:30Z"), Resolved: true, EndsAt: at("2026-11-22T03:59:30Z"), Object: release}},
	"a rollback is no recovery":                {path: atFlux, fixture: "flux/rollback_is_no_recovery", ignored: ReasonNotSettled},
	"a severity that Flux may have one day":    {path: atFlux, fixture: "flux/trace", ignored: ReasonFluxSeverity},
	"Flux's event without a time starts now":   {path: atFlux, fixture: "flux/without_a_time", telling: Reported, want: signal.Alert{StartsAt: now, Undated: true, Expires: now.Add(MaxSilence), Object: release}},
	"Flux's event without an object":           {path: atFlux, fixture: "flux/without_an_object", fails: "involvedObject"},
	"an event of Kubernetes is none of Flux":   {path: atFlux, fixture: "kubernetes-event/as_kubectl_writes_it", fails: "no severity"},
	"an event that containers are restarted":   {path: atExporter, fixture: "kubernetes-event/back_off", want: signal.Alert{StartsAt: at("2026-11-22T03:40:12Z"), Object: pod}},
	"the same event, as kubectl writes it":     {path: atExporter, fixture: "kubernetes-event/as_kubectl_writes_it", want: signal.Alert{StartsAt: at("2026-11-22T03:40:12Z"), Object: pod}},
	"the same event, counted again":            {path: atExporter, fixture: "kubernetes-event/counted_again", want: signal.Alert{StartsAt: at("2026-11-22T03:40:12Z"), Object: pod}},
	"an event of the scheduler":                {path: atExporter, fixture: "kubernetes-event/failed_scheduling_with_only_an_event_time", want: signal.Alert{StartsAt: at("2026-11-22T03:59:00.123456Z"), Object: pod}},
	"a normal event":                           {path: atExporter, fixture: "kubernetes-event/normal", ignored: ReasonNormalEvent},
	"an event of a reason that nobody wants":   {path: atExporter, fixture: "kubernetes-event/of_a_reason_nobody_wants", ignored: ReasonNotWanted},
	"an event that is over":                    {path: atExporter, fixture: "kubernetes-event/last_seen_an_hour_ago", ignored: ReasonOldEvent},
	"an event whose times are of the future":   {path: atExporter, fixture: "kubernetes-event/old_with_times_of_the_future", ignored: ReasonOldEvent},
	"an event that began in the future":        {path: atExporter, fixture: "kubernetes-event/started_in_the_future", want: signal.Alert{StartsAt: at("2026-11-22T03:40:12Z"), Object: pod}},
	"an event on a node":                       {path: atExporter, fixture: "kubernetes-event/on_a_node", want: signal.Alert{StartsAt: at("2026-11-22T03:40:12Z"), Object: signal.Object{APIVersion: "v1", Kind: "Node", Name: "worker-2.example.internal"}}},
	"an event without an object":               {path: atExporter, fixture: "kubernetes-event/without_an_object", fails: "involvedObject"},
	"an event without a reason":                {path: atExporter, fixture: "kubernetes-event/without_a_reason", fails: "no reason"},
	"an event without any time starts now":     {path: atExporter, fixture: "kubernetes-event/without_any_time", want: signal.Alert{StartsAt: now, Undated: true, Object: pod}},
	"an event with a count that is none":       {path: atExporter, fixture: "kubernetes-event/a_count_that_is_none", fails: "a count"},
	"an ApiServerSource's event":               {path: atCloudEvents, fixture: "apiserver/binary_back_off", headers: binary(typeAdd), want: signal.Alert{StartsAt: at("2026-11-22T03:40:12Z"), Object: pod}},
	"an ApiServerSource's update":              {path: atCloudEvents, fixture: "apiserver/structured_update", headers: structured, want: signal.Alert{StartsAt: at("2026-11-22T03:40:12Z"), Object: pod}},
	"an event of the newer API":                {path: atCloudEvents, fixture: "apiserver/binary_of_events_v1", headers: binary(typeUpdate), want: signal.Alert{StartsAt: at("2026-11-22T03:59:00.5Z"), Object: pod}},
	"an ApiServerSource's event, structured":   {path: atCloudEvents, fixture: "apiserver/structured_add", headers: structured, want: signal.Alert{StartsAt: at("2026-11-22T03:40:12Z"), Object: pod}},
	"an event that was deleted":                {path: atCloudEvents, fixture: "apiserver/structured_delete", headers: structured, ignored: ReasonEventGone},
	"an event that was deleted, binary":        {path: atCloudEvents, fixture: "apiserver/binary_back_off", headers: binary(typeDelete), ignored: ReasonEventGone},
	"a CloudEvent of another type":             {path: atCloudEvents, fixture: "apiserver/structured_of_another_type", headers: structured, fails: "filter the Trigger by type"},
	"a CloudEvent of another type, binary":     {path: atCloudEvents, fixture: "apiserver/binary_back_off", headers: binary("dev.knative.apiserver.ref.add"), fails: "filter the Trigger by type"},
	"a CloudEvent without data":                {path: atCloudEvents, fixture: "apiserver/structured_without_data", headers: structured, fails: "involvedObject"},
	"a CloudEvent of another version":          {path: atCloudEvents, fixture: "apiserver/structured_of_another_version", headers: structured, fails: "version 1.0"},
	"a CloudEvent with data that is no JSON":   {path: atCloudEvents, fixture: "apiserver/structured_with_data_that_is_no_json", headers: structured, fails: "not JSON"},
	"a Kubernetes event that is no CloudEvent": {path: atCloudEvents, fixture: "apiserver/binary_back_off", fails: "ce-specversion"},
}

var (
	pod           = signal.Object{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "cart-6d5f7c9b8d-x2x4q"}
	kustomization = signal.Object{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: "shop", Name: "apps"}
	release       = signal.Object{APIVersion: "helm.toolkit.fluxcd.io/v2", Kind: "HelmRelease", Namespace: "shop", Name: "apps"}
)

func TestWhatSourcesRead(t *testing.T) {
	for name, test := range readings {
		t.Run(name, func(t *testing.T) {
			b, err := opened(t, nil, test.path).Read(request(fixture(t, test.fixture), test.headers...))
			if test.fails != "" {
				require.ErrorContains(t, err, test.fails)
				require.Empty(t, b.Items)
				return
			}
			require.NoError(t, err)
			require.Len(t, b.Items, 1)
			got := b.Items[0]
			require.Equal(t, []string{test.invalid, test.ignored}, []string{got.Invalid, got.Ignored})
			if test.invalid != "" || test.ignored != "" {
				return
			}
			require.Equal(t, test.telling, got.Telling)
			want := test.want
			want.Labels, want.Annotations, want.Group, want.GeneratorURL = got.Alert.Labels, got.Alert.Annotations, got.Alert.Group, got.Alert.GeneratorURL
			if want.ID == "" {
				want.ID = got.Alert.ID
			}
			if want.Receiver == "" {
				want.Receiver = got.Alert.Receiver
			}
			require.Equal(t, want, got.Alert)
			require.NotEmpty(t, got.Alert.ID)
			require.NotEmpty(t, got.Alert.Name())
			require.NotEqual(t, signal.SeverityUnknown, signal.Severity(got.Alert.Labels[signal.LabelSeverity]))
		})
	}
}

// TestEverySourceHasItsReadings keeps the table complete.
func TestEverySourceHasItsReadings(t *testing.T) {
	all, err := Open(settings(nil))
	require.NoError(t, err)
	for _, s := range all {
		read, failed := 0, 0
		for _, r := range readings {
			for _, path := range s.Paths() {
				if r.path == path && r.fails == "" && r.invalid == "" {
					read++
				} else if r.path == path {
					failed++
				}
			}
		}
		require.Positive(t, read, "no fixture that %s %v understands", s.Name(), s.Paths())
		if s.Paths()[0] != "/webhook" { // the same reader as prometheus has
			require.Positive(t, failed, "no fixture that %s %v refuses", s.Name(), s.Paths())
		}
	}
}

// TestNoSourceReadsWhatIsNotStrictJSON spoils every fixture in every way that
// encoding/json forgives, or that parsers disagree about.
func TestNoSourceReadsWhatIsNotStrictJSON(t *testing.T) {
	spoilers := map[string]struct {
		spoil func(string) string
		want  error
	}{
		"cut off":           {func(s string) string { return s[:len(s)/2] }, nil},
		"empty":             {func(string) string { return "" }, errSyntax},
		"a key named twice": {func(s string) string { return strings.Replace(s, "{", `{"x-1":1,"x-1":2,`, 1) }, errDuplicateKey},
		"nested too deep": {func(s string) string {
			return strings.Replace(s, "{", `{"x-1":`+strings.Repeat("[", MaxDepth)+strings.Repeat("]", MaxDepth)+`,`, 1)
		}, errTooDeep},
		"bytes that are not UTF-8": {func(s string) string { return strings.Replace(s, "{", "{\"x-1\":\"\xff\",", 1) }, errEncoding},
		"half of a surrogate pair": {func(s string) string { return strings.Replace(s, "{", `{"x-1":"\ud800",`, 1) }, errEncoding},
		"a second document":        {func(s string) string { return s + "{}" }, errSyntax},
		"a number where text is": {func(s string) string {
			return strings.NewReplacer(`"Warning"`, "1", `"error"`, "1", `"info"`, "1", `"KubePodCrashLooping"`, "1", `"1.0"`, "1").Replace(s)
		}, errWrongType},
		"an array where objects are": {func(string) string { return "[[]]" }, errWrongType},
	}
	for name, test := range readings {
		if test.fails != "" || test.invalid != "" || test.ignored != "" {
			continue
		}
		for how, s := range spoilers {
			t.Run(name+", "+how, func(t *testing.T) {
				b, err := opened(t, nil, test.path).Read(request(s.spoil(fixture(t, test.fixture)), test.headers...))
				require.Error(t, err)
				require.Empty(t, b.Items)
				if s.want != nil {
					require.ErrorIs(t, err, s.want)
				}
			})
		}
	}
}

func TestNoSourceReadsMoreAlertsThanTheBound(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("{},", MaxAlerts+1), ",")
	for path, body := range map[string]string{atPrometheus: `{"alerts":[` + many + `]}`, atKaro: `{"alerts":[` + many + `]}`, atAlertmanager: "[" + many + "]"} {
		_, err := opened(t, nil, path).Read(request(body))
		require.ErrorIs(t, err, ErrTooMany, path)
	}
}

// ids reads the alert's id of each fixture.
func ids(t *testing.T, path string, fixtures ...string) []string {
	t.Helper()
	var out []string
	for _, name := range fixtures {
		b, err := opened(t, nil, path).Read(request(fixture(t, name)))
		require.NoError(t, err)
		out = append(out, b.Items[0].Alert.ID)
	}
	return out
}

func TestAnAlertHasOneIDHoweverItComes(t *testing.T) {
	t.Run("an object of Flux, whatever the revision, the reason and the provider", func(t *testing.T) {
		got := append(ids(t, atAlertmanager, "alertmanager/flux_error", "alertmanager/flux_error_at_another_revision", "alertmanager/flux_info_is_recovery"),
			ids(t, atFlux, "flux/kustomization_error")...)
		for _, id := range got {
			require.Equal(t, got[0], id)
		}
		require.NotEqual(t, got[0], ids(t, atFlux, "flux/helm_release_error")[0], "another kind of that name is another object")
	})
	t.Run("an event, however often it is counted and whoever hands it over", func(t *testing.T) {
		got := ids(t, atExporter, "kubernetes-event/back_off", "kubernetes-event/counted_again")
		b, err := opened(t, nil, atCloudEvents).Read(request(fixture(t, "apiserver/binary_back_off"), binary(typeAdd)...))
		require.NoError(t, err)
		require.Equal(t, []string{b.Items[0].Alert.ID, b.Items[0].Alert.ID}, got)
		require.NotEqual(t, got[0], ids(t, atExporter, "kubernetes-event/on_a_node")[0])
	})
	t.Run("an alert, directly or by an Alertmanager", func(t *testing.T) {
		// What Prometheus' own library makes of these labels.
		require.Equal(t, "2ba9a515427aeb6d", fingerprint(map[string]string{"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "cart-1", "empty": ""}))
	})
}

func TestWhatLabelsSayOfAnEvent(t *testing.T) {
	b, err := opened(t, nil, atExporter).Read(request(fixture(t, "kubernetes-event/back_off")))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"alertname": "BackOff", "severity": "high", "namespace": "shop", "kind": "Pod",
		"name": "cart-6d5f7c9b8d-x2x4q", "container": "cart"}, b.Items[0].Alert.Labels)
	require.Equal(t, "7", b.Items[0].Alert.Annotations["count"])
	require.Contains(t, b.Items[0].Alert.Annotations["message"], "Back-off")
}

func TestWhatLabelsSayOfFluxIsTheSameByBothProviders(t *testing.T) {
	b, err := opened(t, nil, atFlux).Read(request(fixture(t, "flux/kustomization_error"), "Gotk-Component", "kustomize-controller"))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"alertname": "FluxKustomizationReconciliationfailed", "severity": "error", "reason": "ReconciliationFailed",
		"kind": "Kustomization", "name": "apps", "namespace": "shop", "reportingcontroller": "helm-controller"}, b.Items[0].Alert.Labels)
	require.Contains(t, b.Items[0].Alert.Annotations["message"], "timed out")
}

func TestAnotherClusterIsToldByTheClusterLabel(t *testing.T) {
	for path, name := range map[string]string{atFlux: "flux/of_another_cluster", atExporter: "kubernetes-event/of_another_cluster"} {
		b, err := opened(t, nil, path).Read(request(fixture(t, name)))
		require.NoError(t, err)
		require.Equal(t, signal.ReasonOtherCluster, signal.Ignored(b.Items[0].Alert, "east"), name)
	}
}

func TestTheReceiverIsInKarosPath(t *testing.T) {
	body := strings.Replace(fixture(t, "prometheus/one_alert_firing"), `"receiver": "kubernaut",`, "", 1)
	b, err := opened(t, nil, atKaro).Read(request(body))
	require.NoError(t, err)
	require.Equal(t, "receiver-of-path", b.Items[0].Alert.Receiver)
}

func TestSettingsOfSources(t *testing.T) {
	read := func(t *testing.T, s settings, path, name string) Item {
		t.Helper()
		b, err := opened(t, s, path).Read(request(fixture(t, name)))
		require.NoError(t, err)
		return b.Items[0]
	}
	t.Run("other reasons", func(t *testing.T) {
		s := settings{EnvEventReasons: "DNSConfigForming=low, Unhealthy"}
		require.Equal(t, ReasonNotWanted, read(t, s, atExporter, "kubernetes-event/back_off").Ignored)
		got := read(t, s, atExporter, "kubernetes-event/of_a_reason_nobody_wants")
		require.Empty(t, got.Ignored)
		require.Equal(t, "low", got.Alert.Labels["severity"])
	})
	t.Run("another age", func(t *testing.T) {
		require.Empty(t, read(t, settings{EnvEventMaxAge: "2h"}, atExporter, "kubernetes-event/last_seen_an_hour_ago").Ignored)
	})
	t.Run("another resolve timeout", func(t *testing.T) {
		require.Equal(t, now.Add(time.Hour), read(t, settings{EnvResolveTimeout: "1h"}, atAlertmanager, "alertmanager/firing_without_an_end").Alert.Expires)
	})
	for _, wrong := range []string{"BackOff=urgent", "=high", "BackOff=", "BackOff=unknown"} {
		_, err := Open(settings{EnvEventReasons: wrong})
		require.ErrorContains(t, err, EnvEventReasons, wrong)
	}
}

func TestContainersOfFieldPaths(t *testing.T) {
	for path, want := range map[string]string{"spec.containers{cart}": "cart", "spec.initContainers{migrate}": "migrate",
		"": "", "spec.containers": "", "spec.containers{cart": "", "spec.volumes{data}": "", "spec.containers{cart}.image": ""} {
		require.Equal(t, want, container(path), path)
	}
}
