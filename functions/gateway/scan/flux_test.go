package scan

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/source"
)

func TestTheScanOfFluxFindsWhatIsNotReady(t *testing.T) {
	reads := &fakeSource{path: fluxPath}
	const group = "kustomize.toolkit.fluxcd.io"
	ready := func(name, status, reason, message string) string {
		return `{"metadata":{"name":"` + name + `","namespace":"flux-system"},"status":{"conditions":[{"type":"Ready","status":"` + status + `","reason":"` + reason +
			`","message":"` + message + `","lastTransitionTime":"2026-11-22T03:00:00Z"}]}}`
	}
	answers := map[string]string{
		"/api": `{"kind":"APIVersions","versions":[]}`,
		"/apis": `{"kind":"APIGroupList","groups":[{"name":"` + group + `","versions":[{"groupVersion":"` + group + `/v1","version":"v1"}],
			"preferredVersion":{"groupVersion":"` + group + `/v1","version":"v1"}}]}`,
		"/apis/" + group + "/v1": `{"kind":"APIResourceList","groupVersion":"` + group + `/v1","resources":[{"name":"kustomizations","kind":"Kustomization","namespaced":true,"verbs":["list"]}]}`,
		"/apis/" + group + "/v1/kustomizations": `{"items":[` + ready("apps", "False", "BuildFailed", "no such file") + `,` +
			ready("busy", "False", "Progressing", "at work") + `,` + ready("well", "True", "ReconciliationSucceeded", "") + `,` + ready("odd", "False", "BuildFailed", "unreadable") + `]}`,
	}
	_, s := only(t, Options{Flux: true, Sources: []source.Source{reads}}, answers)
	found, err := s.Find(t.Context())
	require.NoError(t, err)
	require.Len(t, found.Batches[0].Items, 1)
	require.Equal(t, now.Add(scannedFor), found.Batches[0].Items[0].Alert.Expires, "it counts as ended when it is not found any more")
	got := reads.read[0]
	require.Equal(t, []any{"error", "BuildFailed", "no such file", "2026-11-22T03:00:00Z"}, []any{got["severity"], got["reason"], got["message"], got["timestamp"]})
	require.Equal(t, map[string]any{"apiVersion": group + "/v1", "kind": "Kustomization", "namespace": "flux-system", "name": "apps"}, got["involvedObject"])
}
