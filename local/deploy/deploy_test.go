package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"
)

const project = "../.."

// recorder is a func that writes down how it was called and what it was
// given, and fails for the stages that it is told to.
const recorder = `#!/bin/sh
set -eu
case "$1" in
deploy) name=$(basename "$3") ;;
delete) name=$2 ;;
esac
echo "$FUNC_GO $*" >"$RECORDS/$name.args"
echo "$KUBERNAUT_PLATFORM" >"$RECORDS/$name.platform"
echo "${KUBECONFIG-}" >"$RECORDS/$name.kubeconfig"
[ ! -f "${KUBECONFIG-}" ] || { stat -c %a "$KUBECONFIG" | tr '\n' ' '; cat "$KUBECONFIG"; } >"$RECORDS/$name.cluster"
[ "$1" = delete ] || cp func.yaml "$RECORDS/$name.yaml"
[ "$1" = delete ] || echo touched >>func.yaml
echo "did $name"
case " $FAIL " in *" $name "*) exit 3 ;; esac
`

// funcCLI installs the recorder and returns its path and its records.
func funcCLI(t *testing.T, fail string) (path, records string) {
	t.Helper()
	records = t.TempDir()
	path = filepath.Join(t.TempDir(), "func")
	require.NoError(t, os.WriteFile(path, []byte(recorder), 0o755))
	t.Setenv("RECORDS", records)
	t.Setenv("FAIL", fail)
	return path, records
}

// call runs the command.
func call(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), append([]string{"--root", project, "--finish=false"}, args...), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestEveryFunctionIsDeployedFromACopy(t *testing.T) {
	path, records := funcCLI(t, "")
	before, err := os.ReadFile(filepath.Join(project, "functions", "gateway", "func.yaml"))
	require.NoError(t, err)
	code, out, errs := call(t, "--func", path, "--registry", "registry.example/k")
	require.Zero(t, code, errs)
	o := options{root: project}
	stages, err := o.stages()
	require.NoError(t, err)
	for _, stage := range stages {
		args, err := os.ReadFile(filepath.Join(records, stage+".args"))
		require.NoError(t, err)
		require.Contains(t, string(args), "/deploy/func-go deploy --path ")
		require.Contains(t, string(args), "--namespace kubernaut-system --registry registry.example/k\n")
		require.Contains(t, out, "did "+stage)
	}
	after, err := os.ReadFile(filepath.Join(project, "functions", "gateway", "func.yaml"))
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "func writes into the copy")
}

func TestAnOverlayChangesFunctions(t *testing.T) {
	path, records := funcCLI(t, "")
	for overlay, want := range map[string]float64{"dev": 0, "production": 1} {
		t.Run(overlay, func(t *testing.T) {
			code, _, errs := call(t, "--func", path, "--registry", "r", "--overlay", overlay, "--function", "gateway,enrich")
			require.Zero(t, code, errs)
			require.Equal(t, want, minScale(t, filepath.Join(records, "gateway.yaml")))
			require.Zero(t, minScale(t, filepath.Join(records, "enrich.yaml")))
		})
	}
}

func minScale(t *testing.T, path string) float64 {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var f map[string]any
	require.NoError(t, yaml.Unmarshal(text, &f))
	require.Equal(t, "0.36.0", f["specVersion"], "the rest is as it was")
	least, found, err := unstructured.NestedFieldNoCopy(f, "deploy", "options", "scale", "min")
	require.NoError(t, err)
	require.True(t, found)
	return least.(float64)
}

func TestOneThatFailsStopsNoOther(t *testing.T) {
	path, records := funcCLI(t, "analyze")
	code, _, errs := call(t, "--func", path, "--registry", "r")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "analyze: exit status 3")
	require.FileExists(t, filepath.Join(records, "record.args"))
}

func TestOneThatFailsLeavesNoOtherHalfDone(t *testing.T) {
	path, _ := funcCLI(t, "enrich")
	o, err := parse([]string{"--root", project, "--func", path, "--registry", "r", "--function", "enrich,gateway"}, io.Discard)
	require.NoError(t, err)
	kinds := lists()
	kinds[knativeServices], kinds[namespaces], kinds[coreSecrets] = "ServiceList", "NamespaceList", "SecretList"
	client := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, named("Namespace", "", o.namespace),
		named("Secret", o.namespace, "seal-gateway"), named("Secret", o.namespace, "seal-enrich"), service("gateway", false, "True"))
	err = o.deployTo(t.Context(), client, io.Discard)
	require.ErrorContains(t, err, "enrich: exit status 3")
	require.NotContains(t, err.Error(), "change service", "what was not deployed has no Service to change")
	found, err := client.Resource(knativeServices).Namespace(o.namespace).Get(t.Context(), "gateway", metav1.GetOptions{})
	require.NoError(t, err)
	containers, _, err := unstructured.NestedSlice(found.Object, containersPath...)
	require.NoError(t, err)
	require.Equal(t, true, containers[0].(map[string]any)["securityContext"].(map[string]any)["readOnlyRootFilesystem"])
}

// contexts is a kubectl that knows one context.
const contexts = `#!/bin/sh
set -eu
[ "$*" = "--context west-1 config view --minify --flatten --raw" ] || { echo "error: context was not found for specified context: $2" >&2; exit 1; }
echo "current-context: west-1"
`

func TestFuncWorksOnTheClusterThatKubectlIsToldToWorkOn(t *testing.T) {
	path, records := funcCLI(t, "")
	tool := filepath.Join(t.TempDir(), "kubectl")
	require.NoError(t, os.WriteFile(tool, []byte(contexts), 0o755))
	for _, job := range [][]string{{"--registry", "r"}, {"--undeploy"}} {
		t.Setenv("KUBECONFIG", "/the/users/own")
		code, _, errs := call(t, append(job, "--func", path, "--kubectl", tool+" --context west-1", "--function", "classify")...)
		require.Zero(t, code, errs)
		given, err := os.ReadFile(filepath.Join(records, "classify.cluster"))
		require.NoError(t, err)
		require.Equal(t, "600 current-context: west-1\n", string(given))
		where, err := os.ReadFile(filepath.Join(records, "classify.kubeconfig"))
		require.NoError(t, err)
		require.NoFileExists(t, strings.TrimSpace(string(where)), "it holds a credential")
		code, _, errs = call(t, append(job, "--func", path, "--kubectl", tool+" --context east-1", "--function", "classify")...)
		require.Equal(t, 1, code, "rather nowhere than somewhere else")
		require.Contains(t, errs, "context was not found")
	}
	code, _, errs := call(t, "--func", path, "--kubectl", "kubectl", "--undeploy", "--function", "classify")
	require.Zero(t, code, errs)
	where, err := os.ReadFile(filepath.Join(records, "classify.kubeconfig"))
	require.NoError(t, err)
	require.Equal(t, "/the/users/own\n", string(where))
}

func TestFunctionsAreDeleted(t *testing.T) {
	path, records := funcCLI(t, "")
	code, _, errs := call(t, "--func", path, "--undeploy", "--function", "classify")
	require.Zero(t, code, errs)
	args, err := os.ReadFile(filepath.Join(records, "classify.args"))
	require.NoError(t, err)
	require.Contains(t, string(args), "delete classify --namespace kubernaut-system --all=false")
	require.NoFileExists(t, filepath.Join(records, "enrich.args"))
}

func TestWordsBeforeAndAfterArePassedOn(t *testing.T) {
	path, records := funcCLI(t, "")
	shim := filepath.Join(t.TempDir(), "kn")
	require.NoError(t, os.WriteFile(shim, []byte("#!/bin/sh\nset -eu\n[ \"$1\" = func ]\nshift\nexec "+path+" \"$@\"\n"), 0o755))
	code, _, errs := call(t, "--func", shim+" func", "--registry", "r", "--function", "classify", "--", "--platform", "linux/arm64")
	require.Zero(t, code, errs)
	args, err := os.ReadFile(filepath.Join(records, "classify.args"))
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(args), " --platform linux/arm64\n"), string(args))
}

func TestAClusterOfOnePlatformIsBuiltForAlone(t *testing.T) {
	for platform, told := range map[string]string{"linux/arm64": "linux/arm64\n", "": "\n"} {
		path, records := funcCLI(t, "")
		code, _, errs := call(t, "--func", path, "--registry", "r", "--function", "classify", "--platform", platform)
		require.Zero(t, code, errs)
		text, err := os.ReadFile(filepath.Join(records, "classify.platform"))
		require.NoError(t, err)
		require.Equal(t, told, string(text))
	}
}

// TestTheWrapperBuildsForOnePlatformOnly runs deploy/func-go as func's host
// builder does, with a go that writes what it is called with.
func TestTheWrapperBuildsForOnePlatformOnly(t *testing.T) {
	wrapper, err := filepath.Abs(filepath.Join(project, "deploy", "func-go"))
	require.NoError(t, err)
	tools := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(tools, "go"), []byte("#!/bin/sh\necho \"built for $GOOS/$GOARCH\" >\"$3\"\n"), 0o755))
	for _, test := range []struct{ name, only, architecture, made string }{
		{"all, when none is named", "", "arm", "built for linux/arm\n"},
		{"the one that is named", "linux/amd64", "amd64", "built for linux/amd64\n"},
		{"another", "linux/amd64", "arm64", "not built for linux/arm64: KUBERNAUT_PLATFORM was linux/amd64\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "f")
			cmd := exec.CommandContext(t.Context(), wrapper, "build", "-o", binary)
			cmd.Dir = t.TempDir()
			cmd.Env = []string{"PATH=" + tools + ":" + os.Getenv("PATH"), "GOOS=linux", "GOARCH=" + test.architecture, "KUBERNAUT_PLATFORM=" + test.only}
			said, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", said)
			text, err := os.ReadFile(binary)
			require.NoError(t, err)
			require.Equal(t, test.made, string(text))
		})
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no registry":                         {nil, "as in make deploy REGISTRY=registry.example/kubernaut, or set FUNC_REGISTRY"},
		"a function that is not there":        {[]string{"--registry", "r", "--function", "gatewy"}, "there are analyze,"},
		"an overlay that is not there":        {[]string{"--registry", "r", "--overlay", "staging"}, `there is no overlay "staging" in deploy/overlays; there are dev, external, production`},
		"a func that is not installed":        {[]string{"--registry", "r", "--func", "no-such-func", "--function", "record"}, `install Knative's func (https://knative.dev/docs/functions/install-func), or name it, as in make deploy FUNC="kn func"`},
		"a platform that func does not know":  {[]string{"--registry", "r", "--platform", "linux/x86"}, "linux/amd64, linux/arm64"},
		"nothing at a time":                   {[]string{"--registry", "r", "--parallel", "0"}, "at least 1"},
		"a folder that is no project of ours": {[]string{"--root", "/nonexistent"}, "list functions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("FUNC_REGISTRY", "")
			code, _, errs := call(t, c.args...)
			require.Equal(t, 1, code)
			require.Contains(t, errs, c.says)
		})
	}
}

// service is a Knative Service as func makes it.
func service(name string, readOnly bool, ready string) *unstructured.Unstructured {
	security := map[string]any{"runAsNonRoot": true}
	if readOnly {
		security["readOnlyRootFilesystem"] = true
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "serving.knative.dev/v1", "kind": "Service",
		"metadata": map[string]any{"name": name, "namespace": "kubernaut-system", "generation": int64(1)},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{
			map[string]any{"image": "i", "securityContext": security}}}}},
		"status": map[string]any{"observedGeneration": int64(1), "conditions": []any{
			map[string]any{"type": "Ready", "status": ready, "message": "no image"}}},
	}}
}

func TestServicesGetWhatFuncCannotSayOnce(t *testing.T) {
	client := dynamicfake.NewSimpleDynamicClient(runtime.NewScheme(), service("gateway", false, "True"), service("enrich", true, "True"), service("assess", true, "True"))
	window := json.RawMessage(`{"spec":{"template":{"metadata":{"annotations":{"autoscaling.knative.dev/window":"10s"}}}}}`)
	s := services{client: client.Resource(knativeServices).Namespace("kubernaut-system"), names: []string{"gateway", "enrich", "assess"},
		patches: patches{"assess": window}}
	var out bytes.Buffer
	require.NoError(t, hardenAll(t.Context(), &out, s))
	require.Contains(t, out.String(), "set on 2 of 3")
	for _, name := range s.names {
		found, err := s.client.Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		containers, _, err := unstructured.NestedSlice(found.Object, containersPath...)
		require.NoError(t, err)
		require.Equal(t, true, containers[0].(map[string]any)["securityContext"].(map[string]any)["readOnlyRootFilesystem"], name)
		annotations, _, err := unstructured.NestedStringMap(found.Object, "spec", "template", "metadata", "annotations")
		require.NoError(t, err)
		require.Equal(t, name == "assess", annotations["autoscaling.knative.dev/window"] == "10s", name)
	}
	out.Reset()
	require.NoError(t, hardenAll(t.Context(), &out, s))
	require.Empty(t, out.String(), "nothing is left to do")
}

func TestAServiceThatDoesNotGetReadyIsNamedWithItsReason(t *testing.T) {
	client := dynamicfake.NewSimpleDynamicClient(runtime.NewScheme(), service("gateway", false, "False"))
	s := services{client: client.Resource(knativeServices).Namespace("kubernaut-system"), names: []string{"gateway"}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*readyEvery)
	defer cancel()
	require.ErrorContains(t, hardenAll(ctx, &bytes.Buffer{}, s), "wait for gateway to be ready: context deadline exceeded: no image")
}

// trigger is one for a function, as ready as said.
func trigger(name, function, ready string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger",
		"metadata": map[string]any{"name": name, "namespace": "kubernaut-system"},
		"spec":     map[string]any{"subscriber": map[string]any{"ref": map[string]any{"name": function}}},
		"status": map[string]any{"conditions": []any{map[string]any{
			"type": "Ready", "status": ready, "message": function + " not found"}}},
	}}
}

func lists() map[schema.GroupVersionResource]string {
	kinds := map[schema.GroupVersionResource]string{}
	for i, kind := range []string{"BrokerList", "TriggerList", "PingSourceList"} {
		kinds[callers[i].resource] = kind
	}
	return kinds
}

func TestOnlyTriggersOfWhatWasDeployedAreWaitedForAndNudged(t *testing.T) {
	client := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists(),
		trigger("enrich-signal-received", "enrich", "False"), trigger("classify-signal-enriched", "classify", "False"))
	client.PrependReactor("patch", "triggers", func(a clienttesting.Action) (bool, runtime.Object, error) {
		// Knative looks again, and finds the function.
		found := trigger(a.(clienttesting.PatchAction).GetName(), "enrich", "True")
		return true, found, client.Tracker().Update(callers[1].resource, found, a.GetNamespace())
	})
	var out bytes.Buffer
	c := connections{client: client, namespace: "kubernaut-system", functions: []string{"enrich"}}
	require.NoError(t, c.await(t.Context(), &out))
	require.Contains(t, out.String(), "ready: 1 ")
}

func TestATriggerThatStaysUnreadyIsNamedWithItsReason(t *testing.T) {
	client := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists(), trigger("enrich-signal-received", "enrich", "False"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*readyEvery)
	defer cancel()
	c := connections{client: client, namespace: "kubernaut-system", functions: []string{"enrich"}}
	require.ErrorContains(t, c.await(ctx, &bytes.Buffer{}), "enrich-signal-received: enrich not found")
}
