package contract

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// function is what this test reads of a func.yaml.
type function struct {
	Run struct {
		Envs []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"envs"`
		Volumes []struct {
			ConfigMap string `json:"configMap"`
			Secret    string `json:"secret"`
			Path      string `json:"path"`
		} `json:"volumes"`
	} `json:"run"`
	Deploy struct {
		Annotations        map[string]string `json:"annotations"`
		ServiceAccountName string            `json:"serviceAccountName"`
		Labels             []struct {
			Key   string `json:"key"`
			Value string `json:"value"`
		} `json:"labels"`
	} `json:"deploy"`
}

// functionNames are the stages, by their folders.
func functionNames(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "functions", "*", "func.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = filepath.Base(filepath.Dir(path))
	}
	return names
}

func functionOf(t *testing.T, name string) function {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "functions", name, "func.yaml"))
	require.NoError(t, err)
	var f function
	require.NoError(t, yaml.Unmarshal(text, &f))
	return f
}

// envs are a function's settings, by name.
func (f function) envs() map[string]string {
	out := map[string]string{}
	for _, e := range f.Run.Envs {
		out[e.Name] = e.Value
	}
	return out
}

var reference = regexp.MustCompile(`^\{\{ (secret|configMap):([a-z-]+):([-._a-zA-Z0-9]+) \}\}$`)

// secrets are what the keys command makes, which its own test shows.
func secrets(stage string) map[string][]string {
	return map[string][]string{"seal-" + stage: {"private"}, "kubernaut-redis": {"url"}, "kubernaut-history": {"url", "reader-url"}, "kubernaut-callers": {"tokens"}}
}

func TestWhatAFunctionRefersToIsDeployed(t *testing.T) {
	for _, o := range overlays {
		b := overlay(t, o)
		maps := all[corev1.ConfigMap](b)
		for _, name := range functionNames(t) {
			f := functionOf(t, name)
			require.Contains(t, b, "ServiceAccount/"+f.Deploy.ServiceAccountName)
			for env, value := range f.envs() {
				if !strings.HasPrefix(value, "{{") {
					continue
				}
				parts := reference.FindStringSubmatch(value)
				require.NotNil(t, parts, "%s: %s: %s", name, env, value)
				kind, object, key := parts[1], parts[2], parts[3]
				switch {
				case kind == "secret":
					require.Contains(t, secrets(name)[object], key, "%s: %s: make secrets makes no %s %s", name, env, object, key)
				case object == "kubernaut-seals":
					require.Equal(t, "public", key)
				default:
					require.Contains(t, maps, object, "%s: %s", name, env)
					require.Contains(t, maps[object].Data, key, "%s: %s", name, env)
				}
			}
			for _, v := range f.Run.Volumes {
				if v.Secret != "" {
					require.Contains(t, secrets(name), v.Secret, "%s: make secrets makes no %s", name, v.Secret)
					require.Equal(t, maps["kubernaut"].Data["callers-dir"], v.Path, "%s: GATEWAY_AUTH_DIR names what is mounted", name)
					continue
				}
				require.Contains(t, maps, v.ConfigMap, name)
				require.Equal(t, maps["kubernaut"].Data["policy-dir"], v.Path, "%s: POLICY_DIR names what is mounted", name)
			}
		}
	}
}

// unset are settings that a stage may read and func.yaml leaves alone, with
// why the default is right in a cluster.
var unset = map[string]string{
	stage.EnvKubeconfig:  "the Pod's own ServiceAccount",
	stage.EnvKubeContext: "the Pod's own ServiceAccount",
	stage.EnvSealDir:     "keys come from Secrets, one a stage",
	stage.EnvSettings:    "for functions run by hand",
	stage.EnvLogOutput:   "standard error, which the platform collects",
	stage.EnvInboxLease:  "for tests, which kill stages and cannot wait for leases to end",
	"APPROVE_AUTH":       "unset is the cluster's own authentication",
	"APPROVER":           "only where APPROVE_AUTH is local",
	"K_SERVICE":          "Knative Serving sets it",
	stage.EnvStages:      "in a cluster a stage's Service has its name, and the subscriber's host name says which stage it is",
}

// settingName is how stages declare the name of a setting.
var settingName = regexp.MustCompile(`(?m)^\s*(?:Env|env)([A-Z]\w*)\s*=\s*"([A-Z][A-Z0-9_]+)"`)

// goFiles are a stage's code, without tests: its folder's and its own
// packages'.
func goFiles(t *testing.T, folder string) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*.go", "*/*.go"} {
		paths, err := filepath.Glob(filepath.Join(folder, pattern))
		require.NoError(t, err)
		out = append(out, paths...)
	}
	return slices.DeleteFunc(out, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
}

// stageSettings are the settings that a stage's code names.
func stageSettings(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, path := range goFiles(t, folder) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range settingName.FindAllStringSubmatch(string(text), -1) {
			out["env"+m[1]] = m[2]
		}
	}
	return out
}

// sharedUse is how a stage's code names a shared setting.
var sharedUse = regexp.MustCompile(`stage\.(Env\w+)`)

// reads are the settings that a stage reads, its own and shared ones.
func reads(t *testing.T, name string) []string {
	t.Helper()
	folder := filepath.Join(root, "functions", name)
	out := slices.Collect(maps.Values(stageSettings(t, folder)))
	shared := stageSettings(t, filepath.Join(root, "shared", "stage"))
	for _, path := range goFiles(t, folder) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range sharedUse.FindAllStringSubmatch(string(text), -1) {
			setting, known := shared["env"+strings.TrimPrefix(m[1], "Env")]
			require.True(t, known, "%s uses stage.%s", path, m[1])
			out = append(out, setting)
		}
	}
	// The harness reads these for every stage.
	out = append(out, stage.EnvNamespace, stage.EnvTurnWithin, stage.EnvCooldown, stage.EnvLogLevel, stage.EnvSealPrivate, stage.EnvSealPublic, "OTEL_EXPORTER_OTLP_ENDPOINT")
	slices.Sort(out)
	return slices.Compact(out)
}

func TestEverySettingThatAStageReadsIsSetOrLeftAloneForAReason(t *testing.T) {
	for _, name := range functionNames(t) {
		set := functionOf(t, name).envs()
		for _, setting := range reads(t, name) {
			if _, leftAlone := unset[setting]; !leftAlone {
				require.Contains(t, set, setting, "%s reads it: name it in functions/%s/func.yaml", name, name)
			}
		}
	}
}

func TestEverySettingInFuncYAMLIsRead(t *testing.T) {
	// What options of the harness make it read.
	wants := map[string][]string{"stage.WithInbox()": {stage.EnvRedis}, "stage.NeedsLedger()": {stage.EnvRedis}, "stage.NeedsSink()": {stage.EnvSink}}
	for _, name := range functionNames(t) {
		text, err := os.ReadFile(filepath.Join(root, "functions", name, "function.go"))
		require.NoError(t, err)
		set, read := functionOf(t, name).envs(), reads(t, name)
		for option, settings := range wants {
			if strings.Contains(string(text), option) {
				read = append(read, settings...)
				require.Contains(t, set, settings[0], "%s has %s", name, option)
			}
		}
		for setting := range set {
			require.Contains(t, read, setting, "functions/%s/func.yaml sets it, and nobody reads it", name)
		}
	}
}

func TestEverySettingOfTheFleetBelongsToAStage(t *testing.T) {
	for _, o := range overlays {
		for setting := range all[corev1.ConfigMap](overlay(t, o))["kubernaut-settings"].Data {
			used := slices.ContainsFunc(functionNames(t), func(name string) bool {
				return functionOf(t, name).envs()[setting] == "{{ configMap:kubernaut-settings:"+setting+" }}"
			})
			require.True(t, used, "no func.yaml refers to %s", setting)
		}
	}
}

func TestNoFunctionIsPublicAndAssessGoesToSleepBetweenPings(t *testing.T) {
	for _, name := range functionNames(t) {
		f := functionOf(t, name)
		local := false
		for _, l := range f.Deploy.Labels {
			local = local || l.Key == "networking.knative.dev/visibility" && l.Value == "cluster-local"
		}
		require.True(t, local, name)
	}
	require.Equal(t, "10s", autoscaling(t)[event.StageAssess]["window"])
}

// TestTheActivatorIsInTheWayOnlyOfWhomTheBrokerDoesNotCall: a Broker repeats what
// finds no place; senders and people need the activator's, and so do pings.
func TestTheActivatorIsInTheWayOnlyOfWhomTheBrokerDoesNotCall(t *testing.T) {
	called := map[string]bool{event.StageDeadletter: true}
	for _, tr := range triggers(t) {
		called[tr.Spec.Subscriber.Ref.Name] = true
	}
	called[event.StageAssess] = false
	settings := autoscaling(t)
	for _, name := range functionNames(t) {
		require.Equal(t, called[name], settings[name]["target-burst-capacity"] == "0", name)
	}
}

// autoscaling are the autoscaling annotations that deploy/services.yaml gives
// functions, by function and by their name without its domain.
func autoscaling(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "deploy", "services.yaml"))
	require.NoError(t, err)
	var services map[string]struct {
		Spec struct {
			Template struct {
				Metadata struct{ Annotations map[string]string }
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &services))
	settings := map[string]map[string]string{}
	for name, service := range services {
		settings[name] = map[string]string{}
		for key, value := range service.Spec.Template.Metadata.Annotations {
			settings[name][strings.TrimPrefix(key, "autoscaling.knative.dev/")] = value
		}
	}
	return settings
}

// TestNoFunctionHasAnAutoscalingAnnotation: func writes them on the Service too,
// and Knative's webhook refuses them there.
func TestNoFunctionHasAnAutoscalingAnnotation(t *testing.T) {
	for _, name := range functionNames(t) {
		for key := range functionOf(t, name).Deploy.Annotations {
			require.False(t, strings.HasPrefix(key, "autoscaling.knative.dev/"), "%s: %s belongs into deploy/services.yaml", name, key)
		}
	}
}
