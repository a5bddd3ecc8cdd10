package function

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/policy"
	"kubernaut.ai/shared/stage"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func sample() event.SignalEnrichedData {
	target := event.Target{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "cart", UID: "u-1"}
	pod := event.Target{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "cart-6d4-x2", UID: "u-2"}
	return event.SignalEnrichedData{
		SignalReceivedData: event.SignalReceivedData{Signal: event.Signal{
			Name: "KubePodCrashLooping", Source: "prometheus", Severity: "critical", SenderSeverity: "page",
			Target: target, Resource: pod, Container: "app", StartsAt: now(),
			Labels: map[string]string{"alertname": "KubePodCrashLooping"}, Annotations: map[string]string{"summary": "loops"},
			GeneratorURL: "http://prometheus/graph?g0.expr=up",
		}},
		Context: event.Context{Target: target, Owners: []event.Target{pod, target},
			Labels: map[string]string{"app": "cart"}, NamespaceLabels: map[string]string{"kubernaut.ai/environment": "production"},
			Workload:    &event.Workload{Desired: 3, Ready: 1, Updated: 3, Available: 1},
			GitOps:      &event.GitOps{Tool: "flux-kustomize", Name: "apps"},
			Unavailable: []event.Unavailable{{Part: "usage", Reason: "not_found"}},
		},
	}
}

func opened(t testing.TB, dir string) classifier {
	t.Helper()
	engine, err := openPolicy(dir, now)
	require.NoError(t, err)
	return classifier{policy: engine}
}

func userPolicy(t testing.TB, name, body string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600))
	return dir
}

func TestTheDefaultPolicyClassifiesWhatTheEventSays(t *testing.T) {
	tests := []struct {
		name   string
		change func(*event.SignalEnrichedData)
		want   [4]string // severity, priority, environment, signal mode
	}{
		{"a critical alert in production is P0", func(*event.SignalEnrichedData) {}, [4]string{"critical", "P0", "production", "reactive"}},
		{"a sender's word counts where the signal's severity is unknown", func(d *event.SignalEnrichedData) {
			d.Signal.Severity, d.Signal.SenderSeverity = "unknown", "error"
		}, [4]string{"high", "P1", "production", "reactive"}},
		{"a namespace without labels is read by its name", func(d *event.SignalEnrichedData) {
			d.Context.NamespaceLabels, d.Signal.Target.Namespace = nil, "shop-staging"
		}, [4]string{"critical", "P1", "staging", "reactive"}},
		{"namespace labels that enrich could not read leave the environment unknown", func(d *event.SignalEnrichedData) {
			d.Context.NamespaceLabels, d.Signal.Target.Namespace = nil, "shop-dev"
			d.Context.Unavailable = []event.Unavailable{{Part: "namespaceLabels", Reason: "forbidden"}}
		}, [4]string{"critical", "P0", "unknown", "reactive"}},
		{"a namespace that enrich could not read is not judged by its name", func(d *event.SignalEnrichedData) {
			d.Signal.Target = event.Target{APIVersion: "v1", Kind: "Namespace", Name: "shop-dev"}
			d.Context = event.Context{Target: d.Signal.Target, Unavailable: []event.Unavailable{{Part: "target", Reason: "forbidden"}}}
		}, [4]string{"critical", "P0", "unknown", "reactive"}},
		{"an empty signal is classified all the same", func(d *event.SignalEnrichedData) {
			*d = event.SignalEnrichedData{}
		}, [4]string{"unknown", "P3", "unknown", "reactive"}},
		{"an alert that foretells is proactive", func(d *event.SignalEnrichedData) {
			d.Signal.GeneratorURL = "http://prometheus/graph?g0.expr=predict_linear%28x%29"
		}, [4]string{"critical", "P0", "production", "proactive"}},
	}
	c := opened(t, "")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := sample()
			test.change(&in)
			got, err := c.classify(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, test.want, [4]string{got.Severity, got.Priority, got.Environment, got.SignalMode})
			require.Len(t, got.Reasons, 4)
			require.Len(t, got.Policy, 12)
		})
	}
}

func TestAUsersTableChangesTheAnswerAndTheDigest(t *testing.T) {
	before, err := opened(t, "").classify(t.Context(), sample())
	require.NoError(t, err)
	dir := userPolicy(t, "priorities.yaml", "priorities:\n  production: {critical: P2}\n")
	after, err := opened(t, dir).classify(t.Context(), sample())
	require.NoError(t, err)
	require.Equal(t, "P0", before.Priority)
	require.Equal(t, "P2", after.Priority)
	require.NotEqual(t, before.Policy, after.Policy)
}

func TestATableOfTheUserKeepsWhatItDoesNotName(t *testing.T) {
	tests := []struct {
		name, data string
		change     func(*event.SignalEnrichedData)
		want       [3]string // severity, priority, environment
	}{
		{"a sender's new word leaves the others", "severities: {sev1: critical}", func(d *event.SignalEnrichedData) {
			d.Signal.Severity, d.Signal.SenderSeverity = "unknown", "page"
		}, [3]string{"critical", "P0", "production"}},
		{"a new word for an environment leaves those of riskier ones", "environments: {canary: test}", func(d *event.SignalEnrichedData) {
			d.Context.NamespaceLabels, d.Signal.Target.Namespace = nil, "prod-canary"
		}, [3]string{"critical", "P0", "production"}},
		{"a priority of one environment leaves the others", "priorities: {staging: {critical: P3}}", func(*event.SignalEnrichedData) {},
			[3]string{"critical", "P0", "production"}},
		{"a priority of one severity leaves the others", "priorities: {production: {high: P0}}", func(*event.SignalEnrichedData) {},
			[3]string{"critical", "P0", "production"}},
		{"a priority that is taken away is the one for all else", "priorities: {production: {critical: null}}", func(*event.SignalEnrichedData) {},
			[3]string{"critical", "P3", "production"}},
		{"labels are replaced as a list", "environment_labels: [tier]", func(d *event.SignalEnrichedData) {
			d.Context.NamespaceLabels["tier"] = "staging"
		}, [3]string{"critical", "P1", "staging"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := sample()
			test.change(&in)
			got, err := opened(t, userPolicy(t, "tables.yaml", test.data)).classify(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, test.want, [3]string{got.Severity, got.Priority, got.Environment})
		})
	}
}

func TestTablesThatWouldMisleadAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ data, says string }{
		"a misspelt table":                         {"priority: {staging: {critical: P3}}", `sets "priority"`},
		"an environment that nobody knows":         {"environments: {blue: prodution}", `environments.blue: "prodution" is none of`},
		"a priority of a misspelt environment":     {"priorities: {prodution: {critical: P0}}", `priorities: "prodution" is none of`},
		"an unknown environment counted as a word": {"unknown_environment_counts_as: prod", `unknown_environment_counts_as: "prod" is none of`},
		"a table that is taken away":               {"priorities: null", "priorities is not a table"},
		"labels that are taken away":               {"environment_labels: null", "environment_labels is not a list"},
		"unknown environments that count nowhere":  {"unknown_environment_counts_as: null", "unknown_environment_counts_as: null is none of"},
		"no priority for all else":                 {"priority_otherwise: null", "priority_otherwise: null is none of"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openPolicy(userPolicy(t, "tables.yaml", c.data), now)
			require.ErrorIs(t, err, policy.ErrInvalid)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestAnAnswerThatIsNoClassificationIsRefused(t *testing.T) {
	decision := func(fields string) string {
		return "package kubernaut.classify\n\ndecision := object.union({\"severity\": \"low\", \"priority\": \"P3\", " +
			"\"environment\": \"test\", \"signalMode\": \"reactive\", \"reasons\": []}, " + fields + ")\n"
	}
	tests := []struct {
		name   string
		policy string
		reason string
	}{
		{"a severity that nobody knows", decision(`{"severity": "apocalyptic"}`), ReasonPolicyAnswer},
		{"a priority that nobody knows", decision(`{"priority": "P9"}`), ReasonPolicyAnswer},
		{"an environment that nobody knows", decision(`{"environment": ""}`), ReasonPolicyAnswer},
		{"a signal mode that nobody knows", decision(`{"signalMode": "maybe"}`), ReasonPolicyAnswer},
		{"a field that nobody knows", decision(`{"prio": "P0"}`), ReasonPolicyAnswer},
		{"no answer for this signal", "package kubernaut.classify\n\ndecision := 1 if input.signal.name == \"Other\"\n", ReasonPolicyUndefined},
		{"two answers for this signal", "package kubernaut.classify\n\ndecision := 1 if input.signal\n\ndecision := 2 if input.context\n", ReasonPolicyFailed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := opened(t, userPolicy(t, "own.rego", test.policy))
			_, err := c.classify(t.Context(), sample())
			require.Error(t, err)
			require.Equal(t, test.reason, reasonOf(err))
			_, err = routes(c)[event.SignalEnriched](t.Context(), stage.Input[json.RawMessage]{Data: encode(t, sample())})
			var failure *stage.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, test.reason, failure.Reason)
			require.False(t, failure.Permanent, "a policy that is mended meanwhile answers the retry")
		})
	}
}

func TestEveryFailureHasItsReason(t *testing.T) {
	for err, want := range map[error]string{
		policy.ErrUnreadable: ReasonPolicyUnreadable, policy.ErrInvalid: ReasonPolicyInvalid, policy.ErrInput: ReasonPolicyInput,
		policy.ErrUndefined: ReasonPolicyUndefined, policy.ErrTimeout: ReasonPolicyTimeout, policy.ErrShape: ReasonPolicyAnswer,
		ErrAnswer: ReasonPolicyAnswer, policy.ErrEvaluation: ReasonPolicyFailed, errors.New("?"): ReasonPolicyFailed,
	} {
		require.Equal(t, want, reasonOf(fmt.Errorf("ask: %w", err)))
	}
}

func TestReasonsOfAUsersPolicyAreBounded(t *testing.T) {
	long := strings.Repeat("x", 2*event.MaxText)
	c := classifier{policy: fakeDecider{decide: func(out *answer) {
		*out = answer{Severity: "low", Priority: "P3", Environment: "test", SignalMode: "reactive"}
		for range 2 * event.MaxEvidence {
			out.Reasons = append(out.Reasons, long)
		}
	}}}
	got, err := c.classify(t.Context(), sample())
	require.NoError(t, err)
	require.Len(t, got.Reasons, event.MaxEvidence)
	require.LessOrEqual(t, len(got.Reasons[0]), event.MaxText)
}

func TestTheStageRepliesWithAClassifiedSignal(t *testing.T) {
	route := routes(opened(t, ""))[event.SignalEnriched]
	reply, err := route(t.Context(), stage.Input[json.RawMessage]{Data: encode(t, sample())})
	require.NoError(t, err)
	require.Equal(t, event.SignalClassified, reply.Type)
	require.Len(t, reply.Sections, 1)
	require.Equal(t, event.SectionClassification, reply.Sections[0].Name)
	got := reply.Sections[0].Value.(event.Classification)
	require.Equal(t, map[string]string{"severity": "critical", "priority": "P0", "environment": "production",
		"signalmode": "reactive"}, got.Attributes())
}

func TestABrokenPolicyDirectoryKeepsTheStageFromStarting(t *testing.T) {
	_, err := openPolicy(userPolicy(t, "own.rego", "package {"), now)
	require.ErrorIs(t, err, policy.ErrInvalid)
	_, err = openPolicy(filepath.Join(t.TempDir(), "missing"), now)
	require.ErrorIs(t, err, policy.ErrUnreadable)
}

// What a policy sees is a contract with people's policies.
func TestTheInputIsAsItsGoldenFileSays(t *testing.T) {
	got, err := json.MarshalIndent(input(sample()), "", "  ")
	require.NoError(t, err)
	got = append(got, '\n')
	const golden = "testdata/input.json"
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func BenchmarkClassify(b *testing.B) {
	c, in := opened(b, ""), sample()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.classify(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

type fakeDecider struct{ decide func(*answer) }

func (f fakeDecider) Decide(_ context.Context, _, out any) (string, error) {
	f.decide(out.(*answer))
	return "0123456789ab", nil
}

func encode(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}
