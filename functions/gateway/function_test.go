package function_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	function "kubernaut.ai/functions/gateway"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger/ledgertest"
	"kubernaut.ai/shared/stage"
)

// apiServer answers for metadata in JSON, as the real one does when it is
// asked for it, and keeps who asked.
type apiServer struct {
	*httptest.Server
	mu     sync.Mutex
	agents map[string]bool
	asked  map[string]int
	// objects are answered by path; none may be added once somebody asks.
	objects map[string]string
}

func (a *apiServer) reads(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked[path]
}

func newAPIServer(t testing.TB) *apiServer {
	meta := func(name, ns, labels, owners string) string {
		return `{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":{"name":"` + name + `","namespace":"` + ns +
			`","uid":"uid-` + name + `","labels":{` + labels + `},"ownerReferences":[` + owners + `]}}`
	}
	owner := func(kind, name string) string {
		return `{"apiVersion":"apps/v1","kind":"` + kind + `","name":"` + name + `","uid":"uid-` + name + `","controller":true}`
	}
	objects := map[string]string{
		"/api/v1/namespaces/shop":                              meta("shop", "", `"kubernaut.ai/managed":"true"`, ""),
		"/apis/apps/v1/namespaces/shop/deployments/cart":       meta("cart", "shop", "", ""),
		"/apis/apps/v1/namespaces/shop/replicasets/cart-6d5f7": meta("cart-6d5f7", "shop", "", owner("Deployment", "cart")),
	}
	for _, pod := range []string{"cart-6d5f7c9b8d-x2x4q", "cart-6d5f7c9b8d-p9k7m"} {
		objects["/api/v1/namespaces/shop/pods/"+pod] = meta(pod, "shop", "", owner("ReplicaSet", "cart-6d5f7"))
	}
	api := &apiServer{agents: map[string]bool{}, asked: map[string]int{}, objects: objects}
	api.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.mu.Lock()
		api.agents[r.UserAgent()] = true
		api.asked[r.URL.Path]++
		api.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if o, ok := objects[r.URL.Path]; ok {
			_, _ = io.WriteString(w, o)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"NotFound","code":404}`)
	}))
	t.Cleanup(api.Close)
	return api
}

func (a *apiServer) kubeconfig(t testing.TB) string {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := `{"apiVersion":"v1","kind":"Config","current-context":"x","clusters":[{"name":"x","cluster":{"server":"` + a.URL +
		`"}}],"contexts":[{"name":"x","context":{"cluster":"x","user":"x"}}],"users":[{"name":"x","user":{}}]}`
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// sink is a Broker that keeps what it takes.
type sink struct {
	*httptest.Server
	mu     sync.Mutex
	events []cloudevents.Event
}

func newSink(t testing.TB) *sink {
	s := &sink{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := cloudevents.NewEventFromHTTPRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.events = append(s.events, *e)
		s.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) of(eventType string) (out []cloudevents.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Type() == eventType {
			out = append(out, e)
		}
	}
	return out
}

// start starts a gateway that serves everybody, unless settings say otherwise.
func start(t testing.TB, redis string, broker *sink, api *apiServer, settings ...map[string]string) *stage.HTTPFunction {
	f := function.New()
	all := map[string]string{function.EnvAuth: "none",
		stage.EnvSealPrivate: eventtest.PrivateKey(event.StageGateway), stage.EnvSealPublic: eventtest.PublicKeys(),
		stage.EnvLogLevel: "fatal", stage.EnvNamespace: eventtest.Namespace, stage.EnvRedis: redis,
		stage.EnvSink: broker.URL, stage.EnvKubeconfig: api.kubeconfig(t), function.EnvClusterName: "east"}
	for _, s := range settings {
		maps.Copy(all, s)
	}
	require.NoError(t, f.Start(t.Context(), all))
	t.Cleanup(func() { require.NoError(t, f.Stop(t.Context())) })
	return f
}

func send(t testing.TB, f *stage.HTTPFunction, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/signals/prometheus", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+senderToken)
	w := httptest.NewRecorder()
	f.Handle(w, r)
	return w
}

func TestAGatewayThatWasNotToldWhoMayPostDoesNotStart(t *testing.T) {
	f := function.New()
	err := f.Start(t.Context(), map[string]string{
		stage.EnvSealPrivate: eventtest.PrivateKey(event.StageGateway), stage.EnvSealPublic: eventtest.PublicKeys(),
		stage.EnvRedis: ledgertest.Miniredis(t).URL(), stage.EnvSink: newSink(t).URL, stage.EnvKubeconfig: newAPIServer(t).kubeconfig(t)})
	require.ErrorContains(t, err, "GATEWAY_AUTH is missing")
	require.Equal(t, http.StatusServiceUnavailable, send(t, f, read(t, "watchdog")).Code)
}

func read(t testing.TB, name string) string {
	b, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	return string(b)
}

func TestAnAlertmanagersBodyBecomesASealedEvent(t *testing.T) {
	broker, api := newSink(t), newAPIServer(t)
	f := start(t, ledgertest.Miniredis(t).URL(), broker, api)
	got := send(t, f, read(t, "firing_two_pods_of_one_deployment"))
	require.Equal(t, http.StatusMultiStatus, got.Code, got.Body)

	received := broker.of(event.SignalReceived)
	require.Len(t, received, 1)
	e := received[0]
	keys, err := event.ParseKeyring(eventtest.PublicKeys())
	require.NoError(t, err)
	require.NoError(t, keys.Verify(e), "what crossed the wire still matches its seal")
	require.Equal(t, "shop/Deployment/cart", e.Subject())
	require.Equal(t, "KubePodCrashLooping", event.Extension(e, "alertname"))
	var data event.SignalReceivedData
	require.NoError(t, json.Unmarshal(e.Data(), &data))
	require.Equal(t, data.Remediation.ID, event.Extension(e, event.ExtCorrelation))
	require.Equal(t, event.ID(data.Remediation.ID, event.SignalReceived, 0), e.ID())
	require.Equal(t, "uid-cart", data.Signal.Target.UID)
	require.Equal(t, map[string]bool{"kubernaut-gateway": true}, api.agents)

	got = send(t, f, read(t, "all_resolved"))
	require.Equal(t, http.StatusMultiStatus, got.Code, got.Body)
	require.Len(t, broker.of(event.SignalResolved), 2)
	for _, e := range broker.of(event.SignalResolved) {
		require.NoError(t, keys.Verify(e))
	}
}

func TestAlertNamesThatNoHeaderCouldCarry(t *testing.T) {
	names := map[string]string{"a line break": `a\r\nce-id: forged`, "another script": "Ωμέγα 警報", "a null": `a\u0000b`, "a percent sign": "100%", "a quote": `a\"b`}
	for name, alertname := range names {
		t.Run(name, func(t *testing.T) {
			broker := newSink(t)
			f := start(t, ledgertest.Miniredis(t).URL(), broker, newAPIServer(t))
			body := strings.ReplaceAll(read(t, "firing_two_pods_of_one_deployment"), "KubePodCrashLooping", alertname)
			got := send(t, f, body)
			require.Equal(t, http.StatusMultiStatus, got.Code, got.Body)
			require.Len(t, broker.of(event.SignalReceived), 1)
		})
	}
}

func TestABrokerThatIsDownMakesTheSenderPostAgain(t *testing.T) {
	broker := newSink(t)
	broker.Close()
	f := start(t, ledgertest.Miniredis(t).URL(), broker, newAPIServer(t))
	require.Equal(t, http.StatusServiceUnavailable, send(t, f, read(t, "firing_two_pods_of_one_deployment")).Code)
}

func TestBeforeItHasStartedTheGatewayIsNotAvailable(t *testing.T) {
	require.Equal(t, http.StatusServiceUnavailable, send(t, function.New(), read(t, "watchdog")).Code)
}

func TestSettingsThatMakeNoSenseStopTheGateway(t *testing.T) {
	f := function.New()
	err := f.Start(t.Context(), map[string]string{
		stage.EnvSealPrivate: eventtest.PrivateKey(event.StageGateway), stage.EnvSealPublic: eventtest.PublicKeys(),
		stage.EnvLogLevel: "fatal", stage.EnvRedis: ledgertest.Miniredis(t).URL(), stage.EnvSink: newSink(t).URL,
		stage.EnvKubeconfig: newAPIServer(t).kubeconfig(t), function.EnvNeverTargets: "my label,-cluster,-unheard",
		function.EnvMonitoringServices: "*", function.EnvMonitoringPods: "a*b"})
	for _, want := range []string{"NEVER_TARGETS", `"my label" is not valid`, `"cluster" cannot be taken away`, `"-unheard" takes away what is no default`,
		"services of the monitoring", `"*" is not valid`, "pods of the monitoring", `"a*b" is not valid`} {
		require.ErrorContains(t, err, want)
	}
}
