package function

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

// assessed is the data of a first step that did not help.
func assessed(t *testing.T, next ...event.Rung) event.EffectivenessAssessedData {
	t.Helper()
	var d event.EffectivenessAssessedData
	d.Signal = event.Signal{Name: "KubePodOOMKilled", Target: deployment}
	d.Proposal = event.Proposal{Rung: rungOf("increase_resources", map[string]any{"memory": "192Mi"}), Step: 1, Analyst: analystRules,
		Confidence: 0.9, Risk: "medium", Evidence: []event.Evidence{{Source: "alert", Detail: "it fires"}}, Next: next}
	d.Execution = event.Execution{Outcome: event.ExecutionApplied, Action: "increase_resources",
		Undo: &event.Undo{Possible: true, Summary: "Sets the memory back to 128Mi."}}
	d.Assessment = event.Assessment{Verdict: event.VerdictIneffective, Reasons: []string{"0 of 1 pods are ready"}}
	return d
}

func rungOf(action string, parameters map[string]any) event.Rung {
	return event.Rung{Action: action, Target: deployment, Parameters: parameters, Rationale: "because"}
}

func TestAnIneffectiveStepLeadsToTheNextRung(t *testing.T) {
	d := assessed(t, rungOf("increase_resources", map[string]any{"memory": "288Mi"}), rungOf("notify_only", nil))
	p, ok := climb(d)
	require.True(t, ok)
	require.Equal(t, 2, p.Step)
	require.Equal(t, "288Mi", p.Parameters["memory"])
	require.Equal(t, "medium", p.Risk)
	require.Equal(t, []event.Rung{rungOf("notify_only", nil)}, p.Next)
	require.InDelta(t, 0.81, p.Confidence, 0.001, "a diagnosis whose cure failed is trusted less")
	require.Contains(t, p.Evidence[0].Detail, "step 1, increase_resources, did not help: 0 of 1 pods are ready")
}

func TestARungThatTheCatalogueNoLongerAllowsIsPassedOver(t *testing.T) {
	p, ok := climb(assessed(t, rungOf("drain_the_swamp", nil), rungOf("notify_only", nil)))
	require.True(t, ok)
	require.Equal(t, "notify_only", p.Action)
	require.Contains(t, p.Evidence[len(p.Evidence)-1].Detail, "left out drain_the_swamp")
}

func TestSpentRungsAreHandedToAPerson(t *testing.T) {
	d := assessed(t)
	_, ok := climb(d)
	require.False(t, ok)
	text := spent(d)
	for _, part := range []string{"KubePodOOMKilled", "shop/Deployment/cart", "1. increase_resources (ineffective): 0 of 1 pods are ready", "Sets the memory back"} {
		require.Contains(t, text, part)
	}
	d.Context.GitOps = &event.GitOps{Tool: "argocd", Name: "shop"}
	require.Contains(t, spent(d), "argocd")
}

func TestNoLadderIsLongerThanItsBound(t *testing.T) {
	d := assessed(t, rungOf("notify_only", nil))
	d.Proposal.Step = event.MaxRungs
	_, ok := climb(d)
	require.False(t, ok)
}

func TestAttemptsAreKeptOnceEach(t *testing.T) {
	d := assessed(t)
	d.Attempts = attempts(d)
	require.Len(t, attempts(d), 1, "a turn that runs twice records its attempt once")
	d.Proposal.Step = 2
	require.Len(t, attempts(d), 2)
	for step := range 30 {
		d.Proposal.Step = step + 3
		d.Attempts = attempts(d)
	}
	require.Len(t, d.Attempts, event.MaxAttempts)
}

func TestWhatAnAnalystSelectsIsCheckedAgainstTheCatalogue(t *testing.T) {
	elsewhere := rungOf("scale_statefulset", map[string]any{"replicas": 1})
	cases := []struct {
		name string
		rung event.Rung
		says string
	}{
		{"an action that is not in the catalogue", rungOf("kubectl delete ns shop", nil), "not an action"},
		{"a target of a kind that the action does not take", elsewhere, "does not act on a Deployment"},
		{"parameters that the schema refuses", rungOf("scale_deployment", map[string]any{"replicas": -1}), "/replicas"},
		{"a target without a name", event.Rung{Action: "notify_only", Target: event.Target{Kind: "Pod"}}, "no target"},
		{"parameters beyond any use", rungOf("increase_resources", map[string]any{"container": strings.Repeat("x", maxParameters)}), "parameters"},
		{"parameters that are not JSON", rungOf("increase_resources", map[string]any{"factor": math.NaN()}), "parameters"},
	}
	for _, c := range cases {
		t.Run(c.name+" is left out", func(t *testing.T) {
			p, err := propose(Finding{Analyst: "model", Rungs: []event.Rung{c.rung, rungOf("notify_only", nil)}, Confidence: 7}, 1)
			require.NoError(t, err)
			require.Equal(t, "notify_only", p.Action)
			require.InDelta(t, 1, p.Confidence, 0)
			require.Contains(t, p.Evidence[0].Detail, c.says)
			_, err = propose(Finding{Rungs: []event.Rung{c.rung}}, 1)
			require.ErrorIs(t, err, errNoRung)
		})
	}
}

func TestConfidenceIsANumberBetweenNoneAndFull(t *testing.T) {
	require.Zero(t, confidence(math.NaN()))
	require.Zero(t, confidence(math.Inf(-1)))
	require.InDelta(t, 1, confidence(math.Inf(1)), 0)
}

func TestQuantitiesAreRaisedToRoundValues(t *testing.T) {
	c := offline(t).caps
	cases := []struct {
		name  string
		raise func(string, int) (string, bool)
		limit string
		times int
		want  string
	}{
		{"half more memory", c.raiseMemory, "128Mi", 1, "192Mi"},
		{"half more memory, twice over", c.raiseMemory, "128Mi", 2, "288Mi"},
		{"memory is rounded up to 8Mi", c.raiseMemory, "100Mi", 1, "152Mi"},
		{"memory in bytes", c.raiseMemory, "100000000", 1, "144Mi"},
		{"memory in decimal units", c.raiseMemory, "1G", 1, "1432Mi"},
		{"memory beyond the cap is not proposed", c.raiseMemory, "6Gi", 1, ""},
		{"memory beyond all counting is not proposed", c.raiseMemory, "9E", 2, ""},
		{"no limit", c.raiseMemory, "", 1, ""},
		{"a limit of nothing", c.raiseMemory, "0", 1, ""},
		{"what is no quantity", c.raiseMemory, "lots", 1, ""},
		{"an exponent beyond all reason", c.raiseMemory, "1e999999999", 1, ""},
		{"half more CPU", c.raiseCPU, "200m", 1, "300m"},
		{"whole CPUs", c.raiseCPU, "1", 1, "1500m"},
		{"CPU is rounded up to 10m", c.raiseCPU, "25m", 1, "40m"},
		{"CPU beyond the cap is not proposed", c.raiseCPU, "3", 1, ""},
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			got, ok := x.raise(x.limit, x.times)
			require.Equal(t, x.want != "", ok)
			require.Equal(t, x.want, got)
		})
	}
}

func TestEveryRuleOfTheTableIsReached(t *testing.T) {
	reached := map[string]bool{}
	for _, c := range slices.Concat(ladders, eventLadders, rolloutLadders) {
		reached[c.rule] = true
	}
	names := map[string]bool{}
	for _, r := range ruleBase {
		require.False(t, names[r.name], "two rules are called %q", r.name)
		names[r.name] = true
		require.True(t, reached[r.name], "no case reaches the rule %q", r.name)
	}
}

func BenchmarkRules(b *testing.B) {
	c := alert("KubePodCrashLooping", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", crashLoop))
	r := offline(b)
	b.ReportAllocs()
	for b.Loop() {
		f, err := r.Analyze(b.Context(), c)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := propose(f, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzQuantities(f *testing.F) {
	for _, s := range []string{"128Mi", "1e3", "9223372036854775807", "-1", "0.5", "1Ei", "1u"} {
		f.Add(s)
	}
	c := offline(f).caps
	f.Fuzz(func(t *testing.T, limit string) {
		for _, raise := range []func(string, int) (string, bool){c.raiseMemory, c.raiseCPU} {
			if got, ok := raise(limit, 2); ok {
				body, err := json.Marshal(map[string]any{"memory": got})
				require.NoError(t, err)
				var p map[string]any
				require.NoError(t, json.Unmarshal(body, &p))
				require.NoError(t, check(rungOf("increase_resources", p)))
			}
		}
	})
}
