package function

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

func TestUsageIsTheHighestOverThePods(t *testing.T) {
	const two = `{"items": [
		{"containers": [{"name": "app", "usage": {"cpu": "100m", "memory": "90Mi"}}, {"name": "proxy", "usage": {"cpu": "5m"}}]},
		{"containers": [{"name": "app", "usage": {"cpu": "20m", "memory": "120Mi"}}]}]}`
	const one = `{"containers": [{"name": "app", "usage": {"cpu": "1", "memory": "1Gi"}}]}`
	tests := []struct {
		name   string
		query  podQuery
		status int
		body   string
		path   string
		want   map[string]map[string]string
		reason string
	}{
		{"of a workload's pods, by selector", podQuery{namespace: "shop", labels: labels.SelectorFromSet(labels.Set{"app": "cart"})}, 200, two,
			"/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods?app=cart",
			map[string]map[string]string{"app": {"cpu": "100m", "memory": "120Mi"}, "proxy": {"cpu": "5m"}}, ""},
		{"of one pod, by name", podQuery{namespace: "shop", name: "bare"}, 200, one,
			"/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods/bare?", map[string]map[string]string{"app": {"cpu": "1", "memory": "1Gi"}}, ""},
		{"not without metrics-server", podQuery{namespace: "shop", labels: labels.Everything()}, 404, "404 page not found",
			"", nil, ReasonNotInstalled},
		{"not of a pod that has none yet", podQuery{namespace: "shop", name: "bare"}, 404, `{"kind":"Status","apiVersion":"v1","reason":"NotFound","code":404}`,
			"", nil, ReasonNotFound},
		{"not from a metrics-server that is down", podQuery{namespace: "shop", name: "bare"}, 503, "", "", nil, ReasonUnreachable},
		{"not from an answer that is no JSON", podQuery{namespace: "shop", name: "bare"}, 200, "<html>", "", nil, ReasonMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var asked string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.Path + "?" + r.URL.Query().Get("labelSelector")
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			defer server.Close()
			clients, err := cluster.ForConfig(&rest.Config{Host: server.URL}, event.StageEnrich)
			require.NoError(t, err)
			used, err := newMeter(clients).measure(t.Context(), test.query)
			if test.reason != "" {
				require.Equal(t, test.reason, reasonOf(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.path, asked)
			got := map[string]map[string]string{}
			for name, list := range used {
				got[name] = quantities(list)
			}
			require.Equal(t, test.want, got)
		})
	}
}
