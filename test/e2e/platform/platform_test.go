package platform

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kubernaut.ai/test/e2e/platform/manifest"
	"kubernaut.ai/test/e2e/toolchain"
)

// sources finds the modules as the bed does; without them the test says why it
// is skipped.
func sources(t *testing.T) map[string]string {
	t.Helper()
	found, err := Sources(t.Context())
	if err != nil {
		t.Skipf("the modules cannot be had here: %v", err)
	}
	return found
}

func image(importPath string) (string, bool) {
	for _, known := range Commands() {
		if known == importPath {
			return "registry.invalid/" + importPath, true
		}
	}
	return "", false
}

// onDemand are the commands that run in no Deployment of the manifests: beside
// each function, and for each ApiServerSource.
var onDemand = []string{"knative.dev/serving/cmd/queue", "knative.dev/eventing/cmd/apiserver_receive_adapter"}

func TestEveryImageOfThePlatformIsBuiltOrKnownNotToBe(t *testing.T) {
	objects, err := load(Options{Sources: sources(t), Image: image})
	require.NoError(t, err)
	deployments, _ := manifest.Split(objects, manifest.OfKind("Deployment"))
	used := map[string]bool{}
	for _, deployment := range deployments {
		containers, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
		require.NoError(t, err)
		for _, item := range containers {
			reference := item.(map[string]any)["image"].(string)
			require.True(t, strings.HasPrefix(reference, "registry.invalid/"), "%s runs %s", deployment.GetName(), reference)
			used[strings.TrimPrefix(reference, "registry.invalid/")] = true
		}
	}
	for _, command := range Commands() {
		require.NotEqual(t, slices.Contains(onDemand, command), used[command], "%s is built for nothing, or said to be started on demand and is not", command)
	}
}

func TestEveryCommandHasARecipe(t *testing.T) {
	for _, command := range Commands() {
		_, found := toolchain.Pinned().ByPackage(command)
		require.True(t, found, command)
	}
}

func TestTheSettingsFindTheirConfigMaps(t *testing.T) {
	objects, err := load(Options{Sources: sources(t), Image: image})
	require.NoError(t, err)
	require.NoError(t, configure(objects, "10.96.0.80"))
	seen := 0
	for _, object := range objects {
		for key, value := range settings[object.GetNamespace()+"/"+object.GetName()] {
			if object.GetKind() != "ConfigMap" {
				continue
			}
			got, _, err := unstructured.NestedString(object.Object, "data", key)
			require.NoError(t, err)
			require.Equal(t, value, got, key)
			seen++
		}
		if object.GetKind() == "Service" && object.GetNamespace() == traefikNamespace {
			address, _, err := unstructured.NestedString(object.Object, "spec", "clusterIP")
			require.NoError(t, err)
			require.Equal(t, object.GetName() == traefikService, address == "10.96.0.80", object.GetName())
		}
	}
	require.NotZero(t, seen)
	require.ErrorContains(t, configure(nil, ""), "the versions do not fit")
}

func TestWhatInstallNeedsIsAskedForFirst(t *testing.T) {
	_, err := Options{}.validate()
	require.ErrorContains(t, err, "Image is missing")
	_, err = Options{Image: image}.validate()
	require.ErrorContains(t, err, "Sources has no folder of")
}
