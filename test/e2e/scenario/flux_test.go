package scenario

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/signal"
	"kubernaut.ai/test/e2e/platform/manifest"
	"kubernaut.ai/test/e2e/product"
)

// fluxManifests are as much of Flux as a signal can be about.
const fluxManifests = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kustomizations.kustomize.toolkit.fluxcd.io}
spec:
  group: kustomize.toolkit.fluxcd.io
  names: {kind: Kustomization, listKind: KustomizationList, plural: kustomizations, singular: kustomization}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: %s}
spec: {path: ./apps}
`

// TestASignedNoticeOfFluxIsTakenOnce posts what Flux's provider generic-hmac
// does, and what somebody does who has heard it.
func TestASignedNoticeOfFluxIsTakenOnce(t *testing.T) {
	w := enterBeside(t)
	w.onBed(t, "it would install a kind of Flux's")
	namespace := w.namespace(t, managed)
	w.installs(t, fmt.Sprintf(fluxManifests, namespace))

	var taken []byte
	until(t, "a remediation of the Kustomization", func(ctx context.Context) (bool, any) {
		taken = notice(namespace, "error", "ReconciliationFailed")
		status, said := w.postNotice(ctx, taken, sign(taken))
		return status == http.StatusCreated, said
	})
	forged := []byte(strings.Replace(string(taken), namespace, "kube-system", 1))
	for _, test := range []struct {
		name, signature string
		body            []byte
		status          int
	}{
		{"the same once more", sign(taken), taken, http.StatusForbidden},
		{"another body under that signature", sign(taken), forged, http.StatusUnauthorized},
		{"no signature", "", taken, http.StatusUnauthorized},
	} {
		status, said := w.postNotice(t.Context(), test.body, test.signature)
		require.Equal(t, test.status, status, "%s: %s", test.name, said)
	}
	about := signal.Workload{Namespace: namespace, Kind: "Kustomization.kustomize.toolkit.fluxcd.io", Name: "apps"}
	w.opened(t, about)
	require.Len(t, w.remediations(t, about), 1)

	recovered := notice(namespace, "info", "ReconciliationSucceeded")
	status, said := w.postNotice(t.Context(), recovered, sign(recovered))
	require.Equal(t, http.StatusOK, status, said)
	require.Contains(t, said, `"resolved"`)
}

// installs applies manifests until the test ends; kinds are served before their
// objects are made.
func (w *world) installs(t testing.TB, text string) {
	t.Helper()
	objects, err := manifest.Parse([]byte(text))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.cluster.Delete(context.WithoutCancel(t.Context()), objects...)) })
	kinds, rest := manifest.Split(objects, manifest.OfKind("CustomResourceDefinition"))
	ctx, stop := during(t)
	defer stop()
	require.NoError(t, w.cluster.Apply(ctx, kinds...))
	require.NoError(t, w.cluster.AwaitEstablished(ctx, kinds))
	require.NoError(t, w.cluster.Apply(ctx, rest...))
}

// notice is what notification-controller sends of a Kustomization.
func notice(namespace, severity, reason string) []byte {
	body, err := json.Marshal(map[string]any{
		"involvedObject": map[string]any{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "namespace": namespace, "name": "apps"},
		"severity":       severity, "reason": reason, "message": reason + " of apps", "timestamp": time.Now().UTC(),
		"metadata": map[string]string{"revision": "main@sha1:0123abcd"}, "reportingController": "kustomize-controller"})
	if err != nil {
		panic(err) // of values that are all above
	}
	return body
}

func sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte(product.SigningKey))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// postNotice posts as Flux does: its signature is its only credential.
func (w *world) postNotice(ctx context.Context, body []byte, signature string) (int, string) {
	headers := map[string]string{"Gotk-Component": "kustomize-controller"}
	if signature != "" {
		headers["X-Signature"] = signature
	}
	status, said, err := w.postAlone(ctx, fluxURL, body, headers)
	if err != nil {
		return 0, err.Error()
	}
	return status, said
}
