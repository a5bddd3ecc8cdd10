package function_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	function "kubernaut.ai/functions/gateway"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger/ledgertest"
)

// servicePath is where the API server has the gateway's own Knative Service.
const servicePath = "/apis/serving.knative.dev/v1/namespaces/" + eventtest.Namespace + "/services/gateway"

// knative lets the API server serve Knative's Services, and the gateway's own
// where it has labels.
func (a *apiServer) knative(labels string) {
	a.objects["/api"] = `{"kind":"APIVersions","versions":[]}`
	a.objects["/apis"] = `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"serving.knative.dev","versions":[{"groupVersion":"serving.knative.dev/v1","version":"v1"}],
		"preferredVersion":{"groupVersion":"serving.knative.dev/v1","version":"v1"}}]}`
	a.objects["/apis/serving.knative.dev/v1"] = `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"serving.knative.dev/v1",
		"resources":[{"name":"services","singularName":"service","kind":"Service","namespaced":true,"verbs":["get"]}]}`
	if labels != "" {
		a.objects[servicePath] = `{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":{"name":"gateway","namespace":"` + eventtest.Namespace + `","labels":` + labels + `}}`
	}
}

func TestRoundsNeedNoCredentialOnlyWhereTheClusterSaysThatTheGatewayIsItsOwn(t *testing.T) {
	const local = `{"networking.knative.dev/visibility":"cluster-local"}`
	for name, test := range map[string]struct {
		service, labels string
		code, reads     int
		says            string
	}{
		"a Service of the cluster's own, read once":   {"gateway", local, http.StatusNoContent, 1, ""},
		"a Service that is published":                 {"gateway", `{"a":"b"}`, http.StatusUnauthorized, 1, "no_credential"},
		"a Service with another visibility":           {"gateway", `{"networking.knative.dev/visibility":"public"}`, http.StatusUnauthorized, 1, "no_credential"},
		"a Service that cannot be read":               {"gateway", "", http.StatusServiceUnavailable, 1, "gateway_visibility_unknown"},
		"what is no Service of Knative, nobody knows": {"", local, http.StatusUnauthorized, 0, "no_credential"},
	} {
		t.Run(name, func(t *testing.T) {
			api := newAPIServer(t)
			api.knative(test.labels)
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "tokens"), []byte("one"), 0o600))
			f := start(t, ledgertest.Miniredis(t).URL(), newSink(t), api,
				map[string]string{function.EnvAuth: "token", function.EnvAuthDir: dir, "K_SERVICE": test.service})
			for range 3 {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/round", strings.NewReader("{}"))
				r.Host = "gateway." + eventtest.Namespace + ".svc.cluster.local"
				r.Header.Set("Ce-Type", event.Ping)
				w := httptest.NewRecorder()
				f.Handle(w, r)
				require.Equal(t, test.code, w.Code, w.Body)
				require.Contains(t, w.Body.String(), test.says)
				require.NotContains(t, w.Body.String(), "serving.knative.dev", "what the cluster said is for the log")
			}
			require.Equal(t, test.reads, api.reads(servicePath))
		})
	}
}
