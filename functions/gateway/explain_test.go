package function

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/stage"
)

func TestAnExplanationAsItIsWritten(t *testing.T) {
	in := body(alert("firing", "namespace", "shop", "pod", "cart-1", "statefulset", "gone", "certificate", "cart-tls", "queue2", "x"))
	for name, given := range map[string]func(f *backends){
		"explanation": func(*backends) {},
		"explanation-held": func(f *backends) {
			f.decides(t, event.RemediationHeld, event.DecisionHeld)
		},
		"explanation-refused": func(f *backends) { f.foretells(t, event.ExecutionRefused, "not_managed") },
		"explanation-dry-run": func(f *backends) { f.foretells(t, event.ExecutionDryRun, "") },
	} {
		t.Run(name, func(t *testing.T) {
			w, f := newWorld(t), newBackends(t)
			given(f)
			h := w.explaining(t, f)
			got := wonder(t, h, explainPath+prometheusPath, in)
			require.Equal(t, http.StatusOK, got.Code, got.Body.String())
			pretty := &strings.Builder{}
			enc := json.NewEncoder(pretty)
			enc.SetIndent("", "  ")
			require.NoError(t, enc.Encode(json.RawMessage(got.Body.Bytes())))
			goldenFile(t, name+".json", pretty.String())
			text := wonder(t, h, explainPath, in, "Accept", "text/plain")
			require.Equal(t, "text/plain; charset=utf-8", text.Header().Get("Content-Type"))
			goldenFile(t, name+".txt", text.Body.String())
			require.Empty(t, w.broker.sent)
			require.Empty(t, w.dropped)
			require.Empty(t, w.contents(t))
		})
	}
}

func TestWhereAnAlertsWayEnds(t *testing.T) {
	type want struct{ would, at, reason string }
	cases := []struct {
		name  string
		alert string
		given func(w *world, f *backends, open func(body string))
		want  want
	}{
		{"approved", firing("cart-1"), nil, want{WouldExecute, event.StageExecute, event.ExecutionApplied}},
		{"approved as a dry run", firing("cart-1"), func(_ *world, f *backends, _ func(string)) { f.foretells(t, event.ExecutionDryRun, "") },
			want{WouldDryRun, event.StageExecute, event.ExecutionDryRun}},
		{"approved, with nothing to change", firing("cart-1"), func(_ *world, f *backends, _ func(string)) { f.foretells(t, event.ExecutionNothing, "") },
			want{WouldExecute, event.StageExecute, event.ExecutionNothing}},
		{"approved, and refused by execute", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.foretells(t, event.ExecutionRefused, "gitops_owned")
		}, want{WouldFail, event.StageExecute, "gitops_owned"}},
		{"approved, and told of in words that are not known", firing("cart-1"), func(_ *world, f *backends, _ func(string)) { f.foretells(t, "levitated", "") },
			want{WouldUnknown, event.StageExecute, ReasonUnexpected}},
		{"held", firing("cart-1"), func(_ *world, f *backends, _ func(string)) { f.decides(t, event.RemediationHeld, event.DecisionHeld) },
			want{WouldHold, event.StageAuthorize, "policy"}},
		{"held, of what execute would refuse", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.decides(t, event.RemediationHeld, event.DecisionHeld)
			f.foretells(t, event.ExecutionRefused, "over_cap")
		}, want{WouldHold, event.StageAuthorize, "policy"}},
		{"held, while execute is away", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.decides(t, event.RemediationHeld, event.DecisionHeld)
			f.urls[event.StageExecute] = "http://127.0.0.1:1"
		}, want{WouldHold, event.StageAuthorize, "policy"}},
		{"rejected", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.decides(t, event.RemediationRejected, event.DecisionRejected)
		}, want{WouldReject, event.StageAuthorize, "policy"}},
		{"escalated", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.saying(t, event.StageAnalyze, stage.Ended(event.RemediationEscalated, event.End{Outcome: event.OutcomeEscalated, Reason: "no_rung"}), event.SignalClassified)
		}, want{WouldEscalate, event.StageAnalyze, "no_rung"}},
		{"approved, while execute is away", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.urls[event.StageExecute] = "http://127.0.0.1:1"
		}, want{WouldUnknown, event.StageExecute, ReasonUnreachable}},
		{"approved, while execute is of a version that does not explain", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.saying(t, event.StageExecute, stage.Reply{}, event.ExecutionContinued)
		}, want{WouldUnknown, event.StageExecute, stage.ReasonCannotExplain}},
		{"an investigation without an end", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.saying(t, event.StageAnalyze, stage.Emit(event.AnalysisContinued, event.Section{Name: event.SectionAnalysis, Value: event.Analysis{Turn: 1}}),
				event.SignalClassified, event.AnalysisContinued)
		}, want{WouldUnknown, event.StageAnalyze, ReasonTooLong}},
		{"a heartbeat", alert("firing", "alertname", "Watchdog"), nil, want{WouldIgnore, stepAlert, "heartbeat"}},
		{"another cluster's", alert("firing", "cluster", "west", "namespace", "shop", "pod", "cart-1"), nil, want{WouldIgnore, stepAlert, "other_cluster"}},
		{"malformed", alert("firing", "alertname", ""), nil, want{WouldInvalid, stepAlert, source.ReasonNoAlertName}},
		{"without a target", alert("firing"), nil, want{WouldIgnore, stepTarget, "no_target"}},
		{"of the monitoring itself", alert("firing", "namespace", "monitoring", "service", "prometheus-x"), nil, want{WouldIgnore, stepTarget, "monitoring"}},
		{"about a pod that is gone", firing("cart-gone"), nil, want{WouldIgnore, stepTarget, ReasonTargetGone}},
		{"about what may not be read", firing("cart-1"), func(w *world, _ *backends, _ func(string)) {
			w.cluster.denied = map[string]bool{"shop/Pod/cart-1": true}
		}, want{WouldIgnore, stepTarget, ReasonForbidden}},
		{"while the API server is away", firing("cart-1"), func(w *world, _ *backends, _ func(string)) { w.breakAt("owners", false) },
			want{WouldUnknown, stepTarget, ReasonUnreadable}},
		{"not managed", firing("cart-1"), func(w *world, _ *backends, _ func(string)) {
			w.cluster.scopes["shop/Deployment/cart"] = cluster.Scope{Reason: cluster.ScopeUnlabelled}
		}, want{WouldIgnore, stepScope, ReasonNotManaged}},
		{"of a remediation under way", firing("cart-1"), func(_ *world, _ *backends, open func(string)) { open(firing("cart-1")) },
			want{WouldJoin, stepClaim, ReasonDuplicate}},
		{"stopped, the last of its remediation", alert("resolved", "namespace", "shop", "pod", "cart-1"), func(_ *world, _ *backends, open func(string)) { open(firing("cart-1")) },
			want{WouldResolve, stepClaim, ReasonCancelled}},
		{"stopped while others fire", alert("resolved", "namespace", "shop", "pod", "cart-1"), func(_ *world, _ *backends, open func(string)) {
			open(firing("cart-1") + "," + firing("cart-6d5f7c9b8d-x2x4q"))
		}, want{WouldResolve, stepClaim, ReasonStillFiring}},
		{"stopped, and never joined", alert("resolved", "namespace", "shop", "pod", "cart-1"), nil, want{WouldIgnore, stepClaim, ReasonNotJoined}},
		{"while Redis is away", firing("cart-1"), func(w *world, _ *backends, _ func(string)) { w.redis.Close() },
			want{WouldUnknown, stepClaim, ReasonLedgerDown}},
		{"while a stage is absent", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.say[event.StageAnalyze] = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such host", 404) }
		}, want{WouldUnknown, event.StageAnalyze, ReasonUnexpected}},
		{"while a stage cannot be reached", firing("cart-1"), func(_ *world, f *backends, _ func(string)) { f.urls[event.StageClassify] = "http://127.0.0.1:1" },
			want{WouldUnknown, event.StageClassify, ReasonUnreachable}},
		{"while a stage's pod is replaced", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.lose[event.StageAnalyze] = []http.HandlerFunc{cut, noBackend}
		}, want{WouldExecute, event.StageExecute, event.ExecutionApplied}},
		{"while a stage has no pod for long", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.say[event.StageAnalyze] = noBackend
		}, want{WouldUnknown, event.StageAnalyze, ReasonUnreachable}},
		{"while a stage fails", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.say[event.StageEnrich] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(503)
				_, _ = w.Write([]byte(`{"reason":"cluster_unreadable","message":"try again"}`))
			}
		}, want{WouldUnknown, event.StageEnrich, "cluster_unreadable"}},
		{"while a stage would answer with nothing", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.say[event.StageAuthorize] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"reason":"too_old"}`))
			}
		}, want{WouldUnknown, event.StageAuthorize, "too_old"}},
		{"while a stage is of a version that knows no explanations", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.say[event.StageEnrich] = stale
		}, want{WouldUnknown, event.StageEnrich, stage.ReasonSealBroken}},
		{"while somebody else answers for a stage", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.urls[event.StageClassify] = f.urls[event.StageAnalyze]
		}, want{WouldUnknown, event.StageClassify, stage.ReasonCannotExplain}},
		{"while a real event is given for an answer", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.say[event.StageEnrich] = func(w http.ResponseWriter, _ *http.Request) {
				b, _ := stage.Encode(eventtest.Sample(event.SignalEnriched))
				w.Header().Set("Content-Type", cloudevents.ApplicationCloudEventsJSON)
				_, _ = w.Write(b)
			}
		}, want{WouldUnknown, event.StageEnrich, ReasonUnbelieved}},
		{"while a stage sends without an end", firing("cart-1"), func(_ *world, f *backends, _ func(string)) {
			f.say[event.StageEnrich] = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxSaid+1)) }
		}, want{WouldUnknown, event.StageEnrich, ReasonUnexpected}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w, f := newWorld(t), newBackends(t)
			h := w.explaining(t, f)
			if c.given != nil {
				c.given(w, f, func(alerts string) { require.Less(t, post(t, h.gateway, body(alerts)).code, 300) })
			}
			sent := len(w.broker.sent)
			a := explanation(t, wonder(t, h, explainPath+prometheusPath, body(c.alert))).Alerts[0]
			require.Equal(t, c.want, want{a.Would, a.Stopped.At, a.Stopped.Reason}, "%+v", a)
			require.Len(t, w.broker.sent, sent)
		})
	}
}

// stale is a stage that verifies as it did before there were explanations: the
// seal without the mark.
func stale(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	r.Header.Del("Ce-Explain")
	e, err := cloudevents.NewEventFromHTTPRequest(r)
	if err == nil {
		err = eventtest.Keyring().Verify(*e)
	}
	w.WriteHeader(422)
	_, _ = fmt.Fprintf(w, `{"reason":%q,"message":%q}`, map[bool]string{true: stage.ReasonSealBroken, false: "took_it"}[err != nil], fmt.Sprint(err))
}

func TestAnExplanationForetellsWhatThePostThenDoes(t *testing.T) {
	w := newWorld(t)
	h := w.explaining(t, newBackends(t))
	in := body(firing("cart-1"), firing("cart-6d5f7c9b8d-x2x4q"), firing("cart-1"))
	before := w.contents(t)
	said := explanation(t, wonder(t, h, explainPath, in))
	require.Equal(t, before, w.contents(t))
	require.Empty(t, w.broker.sent)
	require.Equal(t, "prometheus", said.Source)
	did := post(t, h.gateway, in)
	require.Equal(t, 207, did.code, did.raw)
	for i, r := range did.answer.Results {
		a := said.Alerts[i]
		require.Equal(t, r.Alert, a.Alert)
		require.Equal(t, r.Status == StatusCreated, a.Would == WouldExecute, "%+v", a)
		if i < 2 {
			require.Equal(t, r.RemediationID, a.Claim.Remediation)
			require.Equal(t, r.Fingerprint, a.Fingerprint)
			require.Equal(t, r.Target, a.Owners[len(a.Owners)-1].String())
		}
	}
	// And what would come now, with the remediation under way.
	said = explanation(t, wonder(t, h, explainPath, in))
	require.Equal(t, "join", said.Alerts[0].Claim.Would)
	require.Equal(t, did.answer.Results[0].RemediationID, said.Alerts[0].Claim.Remediation)
	// The holder is lost: the alert takes over, under the same id.
	w.elapse(11 * time.Minute)
	said = explanation(t, wonder(t, h, explainPath, in))
	require.Equal(t, "take_over", said.Alerts[0].Claim.Would)
	require.Equal(t, did.answer.Results[0].RemediationID, said.Alerts[0].Claim.Remediation)
}

func TestAnExplanationIsBounded(t *testing.T) {
	w := newWorld(t)
	h := w.explaining(t, newBackends(t))
	said := explanation(t, wonder(t, h, explainPath, body(strings.Split(strings.Repeat(firing("cart-1")+";", maxExplained+4)+firing("cart-1"), ";")...)))
	require.Len(t, said.Alerts, maxExplained)
	require.Equal(t, 5, said.LeftOut)

	f := newBackends(t)
	asked, leave := make(chan struct{}, 1), make(chan struct{})
	t.Cleanup(func() { close(leave) })
	f.say[event.StageEnrich] = func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-leave }
	h = newWorld(t).explaining(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, explainPath, strings.NewReader(body(firing("cart-1"))))
	r.Header.Set("Content-Type", "application/json")
	out := httptest.NewRecorder()
	h.ServeHTTP(out, r)
	a := explanation(t, out).Alerts[0]
	require.Equal(t, event.StageEnrich, a.Stopped.At, "a stage that does not answer ends the explanation, and the rest is given")
	require.NotEmpty(t, a.Candidates)
}

func TestRequestsThatAreNotExplained(t *testing.T) {
	for name, c := range map[string]struct {
		path, body string
		code       int
	}{
		"no source's path":        {explainPath + "/api/v1/other", body(firing("cart-1")), 404},
		"what nobody understands": {explainPath, "hello", 400},
		"nothing":                 {explainPath, "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			got := wonder(t, newWorld(t).explaining(t, newBackends(t)), c.path, c.body)
			require.Equal(t, c.code, got.Code, got.Body.String())
			require.Equal(t, "application/problem+json", got.Header().Get("Content-Type"))
		})
	}
	t.Run("more at a time than there is room for", func(t *testing.T) {
		f := newBackends(t)
		h := newWorld(t).explaining(t, f)
		inside, leave := make(chan struct{}), make(chan struct{})
		f.say[event.StageEnrich] = func(w http.ResponseWriter, _ *http.Request) { inside <- struct{}{}; <-leave; w.WriteHeader(500) }
		codes := make(chan int)
		for range maxExplaining {
			go func() { codes <- wonder(t, h, explainPath, body(firing("cart-1"))).Code }()
			<-inside
		}
		got := wonder(t, h, explainPath, body(firing("cart-1")))
		require.Equal(t, 503, got.Code)
		require.NotEmpty(t, got.Header().Get("Retry-After"))
		close(leave)
		for range maxExplaining {
			require.Equal(t, 200, <-codes)
		}
	})
}

// TestAnExplanationFindsOutWhoseRequestItIs gives explanations what people have
// at hand, without the path that tells whose it is.
func TestAnExplanationFindsOutWhoseRequestItIs(t *testing.T) {
	for name, c := range map[string]struct {
		fixture, source, would, reason string
	}{
		"an Alertmanager's webhook":                      {"prometheus/one_alert_firing", "prometheus", WouldExecute, event.ExecutionApplied},
		"an event of Kubernetes, as its exporter has it": {"kubernetes-event/back_off", "kubernetes-event", WouldExecute, event.ExecutionApplied},
		"an event of Kubernetes, as kubectl writes it":   {"kubernetes-event/as_kubectl_writes_it", "kubernetes-event", WouldExecute, event.ExecutionApplied},
		"a normal event, as kubectl writes it":           {"kubernetes-event/normal_as_kubectl_writes_it", "kubernetes-event", WouldIgnore, source.ReasonNormalEvent},
		"an error of Flux":                               {"flux/helm_release_error", "flux", WouldExecute, event.ExecutionApplied},
		"a severity that Flux may have one day":          {"flux/trace", "flux", WouldIgnore, source.ReasonFluxSeverity},
	} {
		t.Run(name, func(t *testing.T) {
			h := sourcesWorld(t).explaining(t, newBackends(t))
			said := explanation(t, wonder(t, h, explainPath, sent(t, c.fixture)))
			require.Equal(t, c.source, said.Source)
			require.Equal(t, []string{c.would, c.reason}, []string{said.Alerts[0].Would, said.Alerts[0].Stopped.Reason})
		})
	}
}

func TestStageAddresses(t *testing.T) {
	a := asker{namespace: "kubernaut-system", urls: map[string]string{"enrich": "http://127.0.0.1:1"}}
	require.Equal(t, "http://127.0.0.1:1/explain", a.address("enrich"))
	require.Equal(t, "http://classify.kubernaut-system.svc.cluster.local/explain", a.address("classify"))
}

// FuzzAnExplanation posts whatever comes: nothing is written, nothing is sent,
// and the text for people holds nothing that a terminal obeys.
func FuzzAnExplanation(f *testing.F) {
	f.Add(body(firing("cart-1")))
	f.Add(body(alert("resolved", "pod", "\x1b[2J")))
	f.Add(body(alert("firing", "alertname", "a\nb", "namespace", "shop", "pod", "cart-1")))
	w := newWorld(f)
	h := w.explaining(f, &backends{urls: map[string]string{event.StageEnrich: "http://127.0.0.1:1"}})
	f.Fuzz(func(t *testing.T, in string) {
		got := wonder(t, h, explainPath, in, "Accept", "text/plain")
		require.Contains(t, []int{200, 400, 413}, got.Code)
		if got.Code == 200 {
			require.Equal(t, -1, strings.IndexFunc(got.Body.String(), func(c rune) bool { return unicode.IsControl(c) && c != '\n' }))
		}
		require.Empty(t, w.broker.sent)
		require.Empty(t, w.contents(t))
	})
}

// FuzzAStagesAnswer has a stage say anything: none of it goes further.
func FuzzAStagesAnswer(f *testing.F) {
	f.Add("application/json", `{"reason":"x"}`, 200)
	f.Add("application/cloudevents+json", `{"specversion":"1.0","id":"1","type":"ai.kubernaut.signal.enriched.v1","source":"/namespaces/x/functions/enrich"}`, 200)
	var kind, said string
	var code int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(code)
		_, _ = w.Write([]byte(said))
	}))
	f.Cleanup(server.Close)
	a := &asker{verify: eventtest.Keyring().Verify, urls: map[string]string{"enrich": server.URL}, client: http.DefaultClient, now: time.Now}
	f.Fuzz(func(t *testing.T, contentType, text string, status int) {
		kind, said, code = strings.Map(printableOnly, contentType), text, 200+max(status, -status)%300
		out, reply := a.ask(t.Context(), "enrich", eventtest.Sample(event.SignalReceived))
		require.Nil(t, reply)
		require.NotEmpty(t, out.Reason)
	})
}

func printableOnly(c rune) rune {
	if c < ' ' || c > '~' {
		return -1
	}
	return c
}

func TestAnExplanationSaysThatACancelledRemediationTakesNobodyIn(t *testing.T) {
	w := newWorld(t)
	h := w.explaining(t, newBackends(t))
	require.Equal(t, 201, post(t, h.gateway, body(firing("cart-1"))).code)
	require.Equal(t, 200, post(t, h.gateway, body(alert("resolved", "namespace", "shop", "pod", "cart-1"))).code)
	said := explanation(t, wonder(t, h, explainPath, body(firing("cart-1"))))
	require.Equal(t, WouldWait, said.Alerts[0].Would)
	require.Equal(t, ReasonCancelling, said.Alerts[0].Stopped.Reason)
}
