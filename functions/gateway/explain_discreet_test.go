package function

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/stage"
)

func TestWhatAnAskerIsNotTold(t *testing.T) {
	for name, c := range map[string][2]string{
		"a probe's address":           {`Get "http://10.244.0.5:8080/healthz": dial tcp 10.244.0.5:8080: connect: refused`, `Get "[address]": dial tcp [address]: connect: refused`},
		"both ends of a connection":   {"read tcp 10.244.0.5:41234->10.96.0.1:443: reset", "read tcp [address]->[address]: reset"},
		"an address of version 6":     {"dial tcp [fd00::1]:443: refused; fe80::1%eth0, fd00::2.", "dial tcp [address]: refused; [address], [address]."},
		"a Service's name":            {"lookup redis.kubernaut-system.svc.cluster.local:6379 on 10.96.0.10", "lookup [address] on [address]"},
		"a password in an address":    {"pull https://robot:s3cr3t@registry.example/cart", "pull [address]"},
		"a bearer token":              {"Authorization: Bearer abcdef012345", "Authorization: [redacted]"},
		"a token by its name":         {"token=abcdef012345 was refused", "token=[redacted] was refused"},
		"an image stays":              {"registry.example/shop/checkout:2.4.0 of 2026-03-02 09:40:00", "registry.example/shop/checkout:2.4.0 of 2026-03-02 09:40:00"},
		"a node's name stays":         {"node ip-10-0-0-33.ec2.internal: ready false", "node ip-10-0-0-33.ec2.internal: ready false"},
		"objects stay, however long":  {"a-very-long-namespace-name/Deployment/a-very-long-deployment-name", "a-very-long-namespace-name/Deployment/a-very-long-deployment-name"},
		"numbers and fractions stay":  {"0/3 nodes, 1.5 cores, 3:2, 12:30:59", "0/3 nodes, 1.5 cores, 3:2, 12:30:59"},
		"a sentence of none of these": {"Revision 4 crash-loops; revision 3 ran.", "Revision 4 crash-loops; revision 3 ran."},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c[1], discreet(c[0]))
			require.Equal(t, c[1], discreet(c[1]), "what was taken out stays out")
		})
	}
}

// FuzzWhatAnAskerIsNotTold has an address stand anywhere between other words.
func FuzzWhatAnAskerIsNotTold(f *testing.F) {
	f.Add("dial tcp", ": refused")
	f.Add("[", "]")
	f.Fuzz(func(t *testing.T, before, after string) {
		require.NotContains(t, discreet(before+" 10.244.0.5:8080 "+after), "10.244.0.5")
	})
}

func TestAnExplanationKeepsErrorsForTheLog(t *testing.T) {
	for name, c := range map[string]struct {
		resolved bool
		given    func(w *world, f *backends)
		secret   string
	}{
		"an API server that is away": {false, func(w *world, _ *backends) { w.breakAt("owners", false) }, "died here"},
		"a Redis that is away":       {false, func(w *world, _ *backends) { w.redis.SetError("LOADING 10.1.2.3") }, "10.1.2.3"},
		"the same, of what stopped":  {true, func(w *world, _ *backends) { w.redis.SetError("LOADING 10.1.2.3") }, "10.1.2.3"},
		"a stage that is away":       {false, func(_ *world, f *backends) { f.urls[event.StageClassify] = "http://127.0.0.1:1" }, "127.0.0.1:1"},
		"a stage that tells of its errors": {false, func(_ *world, f *backends) {
			f.say[event.StageEnrich] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(503)
				_, _ = w.Write([]byte(`{"reason":"cluster_unreadable","message":"dial tcp 10.1.2.3:443"}`))
			}
		}, "10.1.2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			w, f := newWorld(t), newBackends(t)
			c.given(w, f)
			asked := firing("cart-1")
			if c.resolved {
				asked = alert("resolved", "namespace", "shop", "pod", "cart-1")
			}
			r := posted(t, strings.NewReader(body(asked)))
			r.URL.Path = explainPath
			got, said := ask(t, w.explaining(t, f), r)
			stopped := explanation(t, got).Alerts[0].Stopped
			require.Equal(t, detailLogged, stopped.Detail)
			require.NotEmpty(t, stopped.Reason)
			require.NotContains(t, got.Body.String(), c.secret)
			require.Contains(t, said, c.secret)
			require.Contains(t, said, stopped.Reason)
		})
	}
}

// TestAnExplanationTellsNoAddressesAndNoSecrets, whatever the stages' texts hold:
// events of the cluster's parts, models, and policies may say anything.
func TestAnExplanationTellsNoAddressesAndNoSecrets(t *testing.T) {
	const said = `Get "http://10.244.0.5:8080/healthz": dial tcp 10.244.0.5:8080: password=hunter22`
	evidence := []event.Evidence{{Source: "event", Detail: said}}
	for name, given := range map[string]func(f *backends){
		"a classification": func(f *backends) {
			c := eventtest.Classification
			c.Reasons = []string{said}
			f.saying(t, event.StageClassify, stage.Emit(event.SignalClassified, event.Section{Name: event.SectionClassification, Value: c}), event.SignalEnriched)
		},
		"a proposal": func(f *backends) {
			p := eventtest.Proposal
			p.Rationale, p.Evidence = said, evidence
			p.Next = []event.Rung{{Action: "notify_only", Target: p.Target, Rationale: said}}
			f.saying(t, event.StageAnalyze, stage.Emit(event.RemediationProposed, event.Section{Name: event.SectionProposal, Value: p}), event.SignalClassified)
		},
		"an end": func(f *backends) {
			f.saying(t, event.StageAnalyze, stage.Ended(event.RemediationEscalated,
				event.End{Outcome: event.OutcomeEscalated, Reason: "no_rung", Detail: said}), event.SignalClassified)
		},
		"a decision": func(f *backends) {
			d := eventtest.Decision(event.DecisionHeld)
			d.Detail = said
			f.saying(t, event.StageAuthorize, stage.Emit(event.RemediationHeld, event.Section{Name: event.SectionDecision, Value: d}), event.RemediationProposed)
		},
		"an execution": func(f *backends) {
			e := foreseen
			e.Outcome, e.Reason, e.Detail, e.Observed, e.Evidence = event.ExecutionRefused, "forbidden", said, said, evidence
			f.saying(t, event.StageExecute, stage.Emit(event.RemediationFailed, event.Section{Name: event.SectionExecution, Value: e}), event.RemediationApproved)
		},
		"a reason that names none": func(f *backends) {
			f.say[event.StageEnrich] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(stage.Refusal{Reason: said})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newBackends(t)
			given(f)
			h := newWorld(t).explaining(t, f)
			for _, accept := range []string{"application/json", "text/plain"} {
				got := wonder(t, h, explainPath, body(firing("cart-1")), "Accept", accept)
				require.Equal(t, http.StatusOK, got.Code)
				for _, secret := range []string{"10.244.0.5", "healthz", "hunter22"} {
					require.NotContains(t, got.Body.String(), secret)
				}
			}
		})
	}
}
