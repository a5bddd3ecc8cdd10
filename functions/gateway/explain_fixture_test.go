package function

import (
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"knative.dev/pkg/logging"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger/ledgertest"
	"kubernaut.ai/shared/stage"
)

var updateGolden = flag.Bool("update-explanations", false, "write the golden explanations anew")

// backends are the stages behind the gateway: each answers with the sample's own
// sections, through the harness of real ones.
type backends struct {
	urls map[string]string
	// say replaces what a stage says.
	say map[string]func(w http.ResponseWriter, r *http.Request)
	// lose is what becomes of the first questions to a stage, one after the other.
	lose map[string][]http.HandlerFunc
}

// cut loses the connection that a question came on, as a pod that ends does.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// noBackend is what an ingress answers whose stage has no pod at the moment.
func noBackend(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "no available server", http.StatusServiceUnavailable)
}

func answering(t testing.TB, name string, reply stage.Reply, takes ...string) *stage.Function {
	t.Helper()
	f := stage.New(name, func(_ context.Context, rt *stage.Runtime) (stage.Routes, error) {
		routes := stage.Routes{}
		for _, one := range takes {
			routes[one] = func(context.Context, stage.Input[json.RawMessage]) (stage.Reply, error) { return reply, nil }
		}
		rt.Explain(routes)
		return routes, nil
	})
	require.NoError(t, f.Start(t.Context(), map[string]string{stage.EnvSealPrivate: eventtest.PrivateKey(name),
		stage.EnvSealPublic: eventtest.PublicKeys(), stage.EnvLogLevel: "fatal", stage.EnvNamespace: eventtest.Namespace}))
	t.Cleanup(func() { require.NoError(t, f.Stop(context.Background())) })
	return f
}

// foreseen is what the sample's execute would do.
var foreseen = func() event.Execution {
	e := eventtest.Execution
	e.Observed = "Its rollout replaces its pods (3 are wanted)."
	e.Disturbs = []event.Disturbed{{Target: eventtest.Deployment, Managed: true, Reason: cluster.ScopeNamespaceIn},
		{Target: checkoutPod, Managed: true, Reason: cluster.ScopeResourceIn, By: &eventtest.Deployment}}
	return e
}()

var checkoutPod = event.Target{Kind: "Pod", Namespace: "shop", Name: "checkout-x"}

// saying has a stage answer all with this, in place of what it says.
func (f *backends) saying(t testing.TB, name string, reply stage.Reply, takes ...string) {
	f.say[name] = answering(t, name, reply, takes...).Handle
}

func newBackends(t testing.TB) *backends {
	t.Helper()
	out := &backends{urls: map[string]string{}, say: map[string]func(http.ResponseWriter, *http.Request){}, lose: map[string][]http.HandlerFunc{}}
	for _, f := range []struct {
		name  string
		takes []string
		reply stage.Reply
	}{
		{event.StageEnrich, []string{event.SignalReceived}, stage.Emit(event.SignalEnriched, event.Section{Name: event.SectionContext, Value: eventtest.Context})},
		{event.StageClassify, []string{event.SignalEnriched}, stage.Emit(event.SignalClassified, event.Section{Name: event.SectionClassification, Value: eventtest.Classification})},
		{event.StageAnalyze, []string{event.SignalClassified}, stage.Emit(event.RemediationProposed, event.Section{Name: event.SectionProposal, Value: eventtest.Proposal})},
		{event.StageAuthorize, []string{event.RemediationProposed}, stage.Emit(event.RemediationApproved, event.Section{Name: event.SectionDecision, Value: eventtest.Decision(event.DecisionApproved)})},
		{event.StageExecute, []string{event.RemediationApproved, event.RemediationHeld}, stage.Emit(event.RemediationExecuted, event.Section{Name: event.SectionExecution, Value: foreseen})},
	} {
		function := answering(t, f.name, f.reply, f.takes...)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if lose := out.lose[f.name]; len(lose) > 0 {
				out.lose[f.name] = lose[1:]
				lose[0](w, r)
				return
			}
			if say := out.say[f.name]; say != nil {
				say(w, r)
				return
			}
			function.Handle(w, r)
		}))
		t.Cleanup(server.Close)
		out.urls[f.name] = server.URL
	}
	return out
}

// decides has authorize decide otherwise.
func (f *backends) decides(t testing.TB, eventType, outcome string) {
	f.saying(t, event.StageAuthorize, stage.Emit(eventType, event.Section{Name: event.SectionDecision, Value: eventtest.Decision(outcome)}), event.RemediationProposed)
}

// foretells has execute foretell something else.
func (f *backends) foretells(t testing.TB, outcome, reason string) {
	said := foreseen
	said.Outcome, said.Reason = outcome, reason
	eventType := event.RemediationExecuted
	if outcome == event.ExecutionRefused {
		eventType = event.RemediationFailed
		said.Changes, said.Undo, said.Observed, said.Detail = nil, nil, "", "shop/Pod/checkout-x: excluded_by_resource_label"
		said.Disturbs = []event.Disturbed{{Target: checkoutPod, Reason: cluster.ScopeResourceOut}, said.Disturbs[0]}
	}
	f.saying(t, event.StageExecute, stage.Emit(eventType, event.Section{Name: event.SectionExecution, Value: said}),
		event.RemediationApproved, event.RemediationHeld)
}

// explaining is a gateway of the world that explains.
func (w *world) explaining(t testing.TB, f *backends) *handler {
	t.Helper()
	w.outage = true // no round has been: Redis is empty
	g, key := w.gateway(t), eventtest.Key(event.StageGateway)
	seal := func(_ context.Context, d event.Draft) (cloudevents.Event, error) {
		d.Stage, d.Namespace = event.StageGateway, eventtest.Namespace
		e, err := event.New(d)
		if err != nil {
			return e, err
		}
		return e, key.Seal(&e)
	}
	a := &asker{seal: seal, verify: eventtest.Keyring().Verify, urls: f.urls, namespace: "nowhere", client: http.DefaultClient, now: w.now}
	// The test's own source understands everything.
	all := slices.DeleteFunc(sources(t), func(s source.Source) bool { return s.Name() == "pager" })
	h := newHandler(g, openGate(t), all)
	h.explain(newExplainer(g, w.redis.Ledger(t), a), all)
	return h
}

func wonder(t testing.TB, h *handler, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(logging.WithLogger(r.Context(), zap.NewNop().Sugar())))
	return w
}

func explanation(t testing.TB, w *httptest.ResponseRecorder) Explanation {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	var out Explanation
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out))
	return out
}

// contents is all that the world's Redis holds.
func (w *world) contents(t testing.TB) map[string]any {
	t.Helper()
	return ledgertest.ContentsOf(t, w.redis.URL())
}

func goldenFile(t testing.TB, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *updateGolden {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run with -update-explanations to write it")
	require.Equal(t, string(want), got)
}
