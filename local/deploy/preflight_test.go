package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

// named is an object that is there.
func named(kind, namespace, name string) *unstructured.Unstructured {
	metadata := map[string]any{"name": name}
	if namespace != "" {
		metadata["namespace"] = namespace
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind, "metadata": metadata}}
}

func TestWhatAnEarlierStepLeftOutIsSaidBeforeAnythingIsBuilt(t *testing.T) {
	const ns = "kubernaut-system"
	ready := []runtime.Object{named("Namespace", "", ns), named("Secret", ns, "seal-gateway"), named("Secret", ns, "seal-enrich")}
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no"))
	for name, c := range map[string]struct {
		objects []runtime.Object
		fail    map[string]error // by resource
		says    string           // empty where nothing is in the way
	}{
		"all is there":                   {objects: ready},
		"no namespace":                   {says: "namespace kubernaut-system is not there: kubectl apply --server-side -k deploy/overlays/dev makes it"},
		"no cluster":                     {fail: map[string]error{"namespaces": errors.New("connection refused")}, says: `the cluster does not answer: connection refused`},
		"no Knative":                     {objects: ready, fail: map[string]error{"services": apierrors.NewNotFound(knativeServices.GroupResource(), "")}, says: "install Knative Serving and Eventing first"},
		"no secrets":                     {objects: ready[:1], says: "the Secrets seal-gateway, seal-enrich are missing in namespace kubernaut-system: make secrets OVERLAY=dev | kubectl apply --server-side -f - makes them"},
		"a stage that was added":         {objects: ready[:2], says: "the Secrets seal-enrich are missing"},
		"one who may not look":           {objects: ready, fail: map[string]error{"namespaces": forbidden, "services": forbidden, "secrets": forbidden}},
		"who may not look at namespaces": {objects: ready[1:2], fail: map[string]error{"namespaces": forbidden}, says: "seal-enrich"},
	} {
		t.Run(name, func(t *testing.T) {
			client := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
				map[schema.GroupVersionResource]string{knativeServices: "ServiceList", namespaces: "NamespaceList", coreSecrets: "SecretList"}, c.objects...)
			client.PrependReactor("*", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
				err := c.fail[a.GetResource().Resource]
				return err != nil, nil, err
			})
			o := options{namespace: ns, overlay: "dev", functions: []string{"gateway", "enrich"}}
			err := o.preflight(t.Context(), client)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestWithoutAClusterNothingIsBuilt(t *testing.T) {
	path, records := funcCLI(t, "")
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	var out, errs bytes.Buffer
	require.Equal(t, 1, run(t.Context(), []string{"--root", project, "--func", path, "--registry", "r", "--function", "classify"}, &out, &errs))
	require.Contains(t, errs.String(), `"kubectl config get-contexts" shows it`)
	made, err := os.ReadDir(records)
	require.NoError(t, err)
	require.Empty(t, made)
}
