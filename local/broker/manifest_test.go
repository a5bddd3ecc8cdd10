package broker

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"knative.dev/eventing/pkg/apis/feature"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

const (
	projectTriggers = "../../triggers"
	projectBrokers  = "../../brokers"
	minHorizon      = 10 * time.Minute
)

// projectManifests loads what is deployed, with the feature flags of a fresh Knative.
func projectManifests(t *testing.T) *Manifests {
	t.Helper()
	flags, err := feature.NewFlagsConfigFromMap(map[string]string{})
	require.NoError(t, err)
	m, err := LoadManifests(feature.ToContext(context.Background(), flags), []string{projectBrokers, projectTriggers})
	require.NoError(t, err)
	return m
}

// stages are the folders of functions/.
func stages(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("../../functions")
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestTheProjectsManifestsStartABroker(t *testing.T) {
	known := stages(t)
	b, err := New(context.Background(), Options{
		Manifests: []string{projectBrokers, projectTriggers},
		Resolve: func(ref duckv1.KReference) (string, bool) {
			return "http://127.0.0.1:1/", slices.Contains(known, ref.Name) && ref.Namespace == "kubernaut-system"
		},
	})
	require.NoError(t, err)
	require.NoError(t, b.Stop(context.Background()))
	require.Len(t, b.plan.hubs, 1)
}

func TestEveryTriggerNamesAStageAndOneTypeAndWaitsLongEnough(t *testing.T) {
	m, known := projectManifests(t), stages(t)
	require.NotEmpty(t, m.Triggers)
	for _, trigger := range m.Triggers {
		t.Run(trigger.Name, func(t *testing.T) {
			require.FileExists(t, filepath.Join(projectTriggers, trigger.Name+".yaml"))
			require.Equal(t, "kubernaut-system", trigger.Namespace)
			require.Equal(t, "kubernaut", trigger.Spec.Broker)
			ref := trigger.Spec.Subscriber.Ref
			require.Equal(t, "serving.knative.dev/v1 Service", ref.APIVersion+" "+ref.Kind)
			require.Contains(t, known, ref.Name)
			require.True(t, strings.HasPrefix(trigger.Name, ref.Name+"-"))
			require.NotEqual(t, "deadletter", ref.Name, "deadletter is fed by dead letters alone")
			first := trigger.Spec.Filters[0]
			if ref.Name == "record" {
				require.Equal(t, map[string]string{"type": "ai.kubernaut."}, first.Prefix)
			} else {
				require.Regexp(t, `^ai\.kubernaut\.[a-z]+\.[a-z]+\.v1$`, first.Exact["type"])
			}
			d := trigger.Spec.Delivery
			require.Equal(t, "PT60S", *d.Timeout)
			require.Equal(t, "exponential", string(*d.BackoffPolicy))
			require.Equal(t, "deadletter", d.DeadLetterSink.Ref.Name)
			horizon, err := Horizon(d)
			require.NoError(t, err)
			require.GreaterOrEqual(t, horizon, minHorizon)
		})
	}
}

func TestTheSubscriptionsAreTheDesigns(t *testing.T) {
	got := map[string][]string{}
	for _, trigger := range projectManifests(t).Triggers {
		f := trigger.Spec.Filters[0]
		typ := strings.TrimSuffix(strings.TrimPrefix(f.Exact["type"]+f.Prefix["type"], "ai.kubernaut."), ".v1")
		if len(trigger.Spec.Filters) > 1 {
			typ += "+" + trigger.Spec.Filters[1].Exact["outcome"]
		}
		got[trigger.Spec.Subscriber.Ref.Name] = append(got[trigger.Spec.Subscriber.Ref.Name], typ)
	}
	for _, types := range got {
		slices.Sort(types)
	}
	require.Equal(t, map[string][]string{
		"enrich":    {"signal.received"},
		"classify":  {"signal.enriched"},
		"analyze":   {"analysis.continued", "effectiveness.assessed+ineffective", "signal.classified"},
		"authorize": {"approval.granted", "approval.refused", "remediation.proposed", "undo.requested"},
		"execute":   {"execution.continued", "remediation.approved"},
		"assess":    {"remediation.executed", "signal.resolved"},
		"record":    {""},
	}, got)
}

// The Kafka variant is a patch of this one Broker in deploy/components/kafka,
// which test/contract builds.
func TestTheBrokerAndThePingAreAsDesigned(t *testing.T) {
	m := projectManifests(t)
	require.Len(t, m.Brokers, 1)
	b := m.Brokers[0]
	require.Equal(t, "kubernaut-system/kubernaut", key(b).String())
	require.Equal(t, DefaultClass, brokerClass(b))
	horizon, err := Horizon(b.Spec.Delivery)
	require.NoError(t, err)
	require.GreaterOrEqual(t, horizon, minHorizon)
	require.Equal(t, "deadletter", b.Spec.Delivery.DeadLetterSink.Ref.Name)
	require.Equal(t, "true", b.Annotations["messaging.knative.dev/async-handler"])
	sinks := map[string]string{}
	for _, p := range m.PingSources {
		require.Equal(t, "*/5 * * * *", p.Spec.Schedule, "a stage that is woken more often never scales to zero")
		sinks[p.Name] = p.Spec.Sink.Ref.Name + p.Spec.Sink.URI.String()
	}
	require.Equal(t, map[string]string{"assess": "assess", "gateway": "gateway/api/v1/round"}, sinks)
}

func TestWhatABrokerRefusesToStartWith(t *testing.T) {
	trigger := func(spec string) string {
		return docs(brokerYAML, "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: t, namespace: kubernaut-system}\nspec: "+spec)
	}
	const to = ", subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: enrich}}}"
	tests := []struct{ name, manifest, reason string }{
		{"a Trigger without a filter", trigger("{broker: kubernaut" + to), "no filter"},
		{"an empty list of filters", trigger("{broker: kubernaut, filters: []" + to), "no filter"},
		{"a legacy filter without attributes", trigger("{broker: kubernaut, filter: {attributes: {}}" + to), "no filter"},
		{"an empty filter", trigger("{broker: kubernaut, filters: [{}]" + to), "filters[0]: empty filter"},
		{"an empty filter inside another", trigger("{broker: kubernaut, filters: [{not: {any: [{exact: {type: x}}, {}]}}]" + to), "filters[0].not.any[1]: empty filter"},
		{"a filter on an empty value", trigger(`{broker: kubernaut, filters: [{prefix: {type: ""}}]` + to), "filters[0]: empty filter"},
		{"an unknown dialect", trigger("{broker: kubernaut, filters: [{regex: {type: x}}]" + to), `unknown field "regex"`},
		{"two dialects in one filter", trigger("{broker: kubernaut, filters: [{exact: {type: x}, prefix: {type: y}}]" + to), "multiple dialects"},
		{"an attribute that cannot exist", trigger("{broker: kubernaut, filters: [{exact: {Type: x}}]" + to), "invalid key name"},
		{"an expression that does not parse", trigger("{broker: kubernaut, filters: [{cesql: \"type = \"}]" + to), "cesql"},
		{"an expression that is no condition", trigger("{broker: kubernaut, filters: [{cesql: subject}]" + to), "evaluate filter"},
		{"a Broker that is not declared", trigger("{broker: other, filters: [{exact: {type: x}}]" + to), "no Broker kubernaut-system/other"},
		{"a subscriber that resolves to nothing", trigger("{broker: kubernaut, filters: [{exact: {type: x}}], subscriber: {ref: {apiVersion: v1, kind: Service, name: none}}}"), "nothing plays v1 Service kubernaut-system/none"},
		{"a subscriber of another scheme", trigger("{broker: kubernaut, filters: [{exact: {type: x}}], subscriber: {uri: \"ftp://a/\"}}"), "no absolute HTTP URL"},
		{"a dead letter sink that resolves to nothing", docs(brokerYAML, triggerYAML("enrich", takesReceived, "{deadLetterSink: {ref: {apiVersion: v1, kind: Service, name: none}}}")), "resolve dead letter sink"},
		{"a timeout that is no duration", docs(brokerYAML, triggerYAML("enrich", takesReceived, "{timeout: 60s}")), "timeout"},
		{"an unknown backoff policy", docs(brokerYAML, triggerYAML("enrich", takesReceived, "{backoffPolicy: random}")), "backoffPolicy"},
		{"retryAfterMax while its feature is off", docs(brokerYAML, triggerYAML("enrich", takesReceived, "{retryAfterMax: PT5S}")), "retryAfterMax"},
		{"the structured format", docs(brokerYAML, triggerYAML("enrich", takesReceived, "{format: json}")), "delivery.format"},
		{"another kind", docs(brokerYAML, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}"), `unknown kind "v1 ConfigMap"`},
		{"a Broker without a class", "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: b, namespace: n}", "broker.class"},
		{"no namespace", "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: b}", "metadata.namespace"},
		{"one object twice", docs(brokerYAML, brokerYAML), "already declared"},
		{"what is no YAML", "{", "yaml"},
		{"a ping without a possible time", "apiVersion: sources.knative.dev/v1\nkind: PingSource\nmetadata: {name: p, namespace: n}\nspec: {schedule: never, sink: {uri: \"http://a/\"}}", "schedule"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := writeManifest(t, tt.manifest)
			_, err := New(context.Background(), Options{
				Manifests: []string{dir},
				Resolve:   func(ref duckv1.KReference) (string, bool) { return "http://127.0.0.1:1/", ref.Name == "enrich" },
			})
			require.ErrorContains(t, err, tt.reason)
		})
	}
}

func TestARefusalNamesTheFile(t *testing.T) {
	dir := writeManifest(t, "kind: Nothing")
	_, err := LoadManifests(context.Background(), []string{dir})
	require.ErrorContains(t, err, filepath.Join(dir, "manifest.yaml"))
	_, err = LoadManifests(context.Background(), []string{filepath.Join(dir, "missing")})
	require.ErrorContains(t, err, "missing")
}

func TestFiltersSelectAsKnativeDoes(t *testing.T) {
	tests := []struct {
		name, filters string
		header        map[string]string
		want          int
	}{
		{"all filters of the list must pass", "[{exact: {type: " + testType + "}}, {exact: {outcome: ineffective}}]", map[string]string{"Ce-Outcome": "ineffective"}, 1},
		{"one that fails is enough", "[{exact: {type: " + testType + "}}, {exact: {outcome: ineffective}}]", map[string]string{"Ce-Outcome": "effective"}, 0},
		{"an attribute that is not there fails", "[{exact: {outcome: ineffective}}]", nil, 0},
		{"a prefix", "[{prefix: {type: ai.kubernaut.}}]", nil, 1},
		{"another prefix", "[{prefix: {type: dev.knative.}}]", nil, 0},
		{"a suffix", "[{suffix: {type: .v1}}]", nil, 1},
		{"any of several", "[{any: [{exact: {type: x}}, {suffix: {type: .v1}}]}]", nil, 1},
		{"not", "[{not: {prefix: {type: ai.kubernaut.}}}]", nil, 0},
		{"cesql", "[{cesql: \"type LIKE 'ai.kubernaut.%' AND severity = 'high'\"}]", map[string]string{"Ce-Severity": "high"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, docs(brokerYAML, triggerYAML("enrich", tt.filters, "")), nil, "enrich")
			b.send(tt.header, "{}")
			b.settle()
			require.Len(t, b.stages["enrich"].all(), tt.want)
		})
	}
}

func TestTheLegacyFilterWorksToo(t *testing.T) {
	manifest := strings.Replace(triggerYAML("enrich", takesReceived, ""), "filters: "+takesReceived, "filter: {attributes: {type: "+testType+", risk: low}}", 1)
	b := newBed(t, docs(brokerYAML, manifest), nil, "enrich")
	b.send(map[string]string{"Ce-Risk": "low"}, "{}")
	b.send(map[string]string{"Ce-Risk": "high"}, "{}")
	b.settle()
	require.Len(t, b.stages["enrich"].all(), 1)
}
