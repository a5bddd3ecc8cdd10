package manifest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
)

// TestAKindThatDiscoveryTellsOfLateIsApplied has an API server that has
// established a kind, and whose discovery does not know of it for a while.
func TestAKindThatDiscoveryTellsOfLateIsApplied(t *testing.T) {
	var asked, applied atomic.Int32
	const stage = `{"apiVersion":"kwok.x-k8s.io/v1alpha1","kind":"Stage","metadata":{"name":"crash"}}`
	answers := map[string]func() string{
		"GET /api":    func() string { return `{"kind":"APIVersions","versions":["v1"]}` },
		"GET /api/v1": func() string { return `{"kind":"APIResourceList","groupVersion":"v1","resources":[]}` },
		"GET /apis": func() string {
			if asked.Add(1) < 3 {
				return `{"kind":"APIGroupList","groups":[]}`
			}
			return `{"kind":"APIGroupList","groups":[{"name":"kwok.x-k8s.io","versions":[{"groupVersion":"kwok.x-k8s.io/v1alpha1","version":"v1alpha1"}],` +
				`"preferredVersion":{"groupVersion":"kwok.x-k8s.io/v1alpha1","version":"v1alpha1"}}]}`
		},
		"GET /apis/kwok.x-k8s.io/v1alpha1": func() string {
			return `{"kind":"APIResourceList","groupVersion":"kwok.x-k8s.io/v1alpha1","resources":[{"name":"stages","kind":"Stage","namespaced":false}]}`
		},
		"PATCH /apis/kwok.x-k8s.io/v1alpha1/stages/crash": func() string { applied.Add(1); return stage },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			t.Errorf("nobody asks for %s %s", r.Method, r.URL.Path)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, answer())
	}))
	defer server.Close()
	c, err := Connect(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	o := &unstructured.Unstructured{}
	require.NoError(t, o.UnmarshalJSON([]byte(stage)))
	require.NoError(t, c.Apply(t.Context(), o))
	require.EqualValues(t, 1, applied.Load())
	require.GreaterOrEqual(t, asked.Load(), int32(3))
}
