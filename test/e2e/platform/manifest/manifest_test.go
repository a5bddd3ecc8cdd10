package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func object(kind, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("v1")
	o.SetKind(kind)
	o.SetName(name)
	return o
}

func names(objects []*unstructured.Unstructured) []string {
	var all []string
	for _, o := range objects {
		all = append(all, o.GetName())
	}
	return all
}

func TestParseReadsEveryDocumentAndListItem(t *testing.T) {
	objects, err := Parse([]byte(`# a licence
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
---
# nothing here
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: two}}
- {apiVersion: v1, kind: Secret, metadata: {name: three}}
`))
	require.NoError(t, err)
	require.Equal(t, []string{"one", "two", "three"}, names(objects))
}

func TestParseRefusesWhatIsNoObject(t *testing.T) {
	for what, content := range map[string]string{
		"without a kind": "apiVersion: v1\nmetadata: {name: x}\n",
		"not YAML":       "kind: [unclosed\n",
	} {
		_, err := Parse([]byte(content))
		require.ErrorContains(t, err, "parse manifest", what)
	}
}

func TestLoadKeepsTheOrderOfFilesAndLeavesOutWhatItIsTold(t *testing.T) {
	dir := t.TempDir()
	for file, name := range map[string]string{"200-b.yaml": "b", "100-a.yaml": "a", "sub/300-c.yaml": "c", "sub/hpa.yaml": "left-out"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755))
		content := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "placeholder.go"), []byte("package config"), 0o600))
	objects, err := Load(dir, func(file string) bool { return filepath.Base(file) != "hpa.yaml" })
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c"}, names(objects))
}

func TestLoadNamesTheFileThatIsBroken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "broken.yaml")
	require.NoError(t, os.WriteFile(file, []byte("kind: [\n"), 0o600))
	_, err := Load(file, Everything)
	require.ErrorContains(t, err, "broken.yaml")
}

func TestImagesAreRewrittenWhereverTheyStand(t *testing.T) {
	objects, err := Parse([]byte(`apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  template:
    spec:
      containers:
      - image: ko://example.com/cmd/main
        env: [{name: HELPER_IMAGE, value: "ko://example.com/cmd/helper"}, {name: TEXT, value: not a ko://reference}]
`))
	require.NoError(t, err)
	require.NoError(t, Images(objects, func(path string) (string, bool) { return "registry/" + filepath.Base(path), true }))
	containers, _, err := unstructured.NestedSlice(objects[0].Object, "spec", "template", "spec", "containers")
	require.NoError(t, err)
	container := containers[0].(map[string]any)
	require.Equal(t, "registry/main", container["image"])
	env := container["env"].([]any)
	require.Equal(t, "registry/helper", env[0].(map[string]any)["value"])
	require.Equal(t, "not a ko://reference", env[1].(map[string]any)["value"])
}

func TestImagesThatNobodyBuiltAreNamedAllAtOnce(t *testing.T) {
	objects := []*unstructured.Unstructured{object("ConfigMap", "x")}
	objects[0].Object["data"] = map[string]any{"a": "ko://b.example/two", "b": "ko://a.example/one"}
	err := Images(objects, func(string) (string, bool) { return "", false })
	require.ErrorContains(t, err, "a.example/one, b.example/two")
}

func TestObjectsComeAfterWhatTheyNeed(t *testing.T) {
	objects := []*unstructured.Unstructured{
		object("Broker", "custom"), object("ValidatingWebhookConfiguration", "hook"), object("Deployment", "d"),
		object("ConfigMap", "c"), object("Namespace", "n"), object("CustomResourceDefinition", "crd"), object("ServiceAccount", "sa"),
		object("ConfigMap", "c2"),
	}
	Order(objects)
	require.Equal(t, []string{"crd", "n", "sa", "c", "c2", "d", "hook", "custom"}, names(objects))
}

func TestOnlyWhatAStartingClusterTakesBackIsTriedAgain(t *testing.T) {
	resource := schema.GroupResource{Resource: "things"}
	require.True(t, passing(&meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "Broker"}}), "a kind not served yet")
	require.True(t, passing(apierrors.NewNotFound(resource, "namespace")), "a namespace not there yet")
	require.True(t, passing(apierrors.NewInternalError(errors.New(`failed calling webhook "x": connection refused`))), "a webhook not up yet")
	require.True(t, passing(apierrors.NewInternalError(errors.New(
		`conversion webhook for a.example/v1, Kind=A failed: Post "https://a.b.svc:443/convert?timeout=30s": dial tcp 10.96.0.7:443: connect: connection refused`))),
		"one that converts, not up any more")
	require.False(t, passing(apierrors.NewInternalError(errors.New(`conversion webhook for a.example/v1, Kind=A failed: no such field`))), "its word is final")
	require.False(t, passing(apierrors.NewInternalError(errors.New("something else"))))
	require.False(t, passing(apierrors.NewForbidden(resource, "x", errors.New("denied the request"))), "a webhook that says no")
	require.False(t, passing(apierrors.NewBadRequest("bad")))
}

func TestAWebhookIsTrustedWhenEveryOneOfItsHooksIs(t *testing.T) {
	configuration := object("MutatingWebhookConfiguration", "hook")
	require.False(t, trusted(configuration), "one without hooks does nothing yet")
	configuration.Object["webhooks"] = []any{
		map[string]any{"clientConfig": map[string]any{"caBundle": "QQ=="}},
		map[string]any{"clientConfig": map[string]any{}},
	}
	require.False(t, trusted(configuration))
	configuration.Object["webhooks"] = []any{map[string]any{"clientConfig": map[string]any{"caBundle": "QQ=="}}}
	require.True(t, trusted(configuration))
}

func TestWhatAnObjectLacksIsToldInItsOwnWords(t *testing.T) {
	o := object("Service", "s")
	o.Object["status"] = map[string]any{"conditions": []any{
		map[string]any{"type": "Ready", "status": "False", "reason": "RevisionMissing", "message": "no image"},
		map[string]any{"type": "RoutesReady", "status": "True"},
	}}
	require.False(t, conditionTrue(o, "Ready"))
	require.True(t, conditionTrue(o, "RoutesReady"))
	require.Equal(t, "Ready: RevisionMissing no image", unmet(o))
}
