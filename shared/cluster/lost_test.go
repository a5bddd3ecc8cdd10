package cluster_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"kubernaut.ai/shared/cluster"
)

// serving connects to an API server that answers as the handler says.
func serving(t *testing.T, handler func(r *http.Request) any) *cluster.Clients {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := handler(r)
		w.Header().Set("Content-Type", "application/json")
		if status, no := answer.(int); no {
			w.WriteHeader(status)
			answer = metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: int32(status), //nolint:gosec // a status code
				Reason: map[int]metav1.StatusReason{403: metav1.StatusReasonForbidden, 404: metav1.StatusReasonNotFound}[status]}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	c, err := cluster.ForConfig(&rest.Config{Host: server.URL}, "gateway")
	require.NoError(t, err)
	return c
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestNodesThatMayNotBeListedAreNotAskedForAgainAndAgain(t *testing.T) {
	_, err := serving(t, func(*http.Request) any { return 403 }).NodeByAddress(t.Context(), "10.0.0.33")
	require.ErrorIs(t, err, cluster.ErrForbidden)
	require.ErrorContains(t, err, "grant list")
	var unreadable *cluster.NotReadable
	require.ErrorAs(t, err, &unreadable)
	require.Equal(t, "/Node/10.0.0.33", unreadable.Target.String())
	_, err = serving(t, func(*http.Request) any { return 500 }).NodeByAddress(t.Context(), "10.0.0.33")
	require.Error(t, err)
	require.NotErrorIs(t, err, cluster.ErrForbidden)
}

const kustomization = "Kustomization.kustomize.toolkit.fluxcd.io"

// flux serves Kustomizations in two pages, beside what is discovered.
func flux(t *testing.T, list func(next string) any) *cluster.Clients {
	const version = "kustomize.toolkit.fluxcd.io/v1"
	return serving(t, func(r *http.Request) any {
		switch r.URL.Path {
		case "/api":
			return metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}}
		case "/apis":
			v := metav1.GroupVersionForDiscovery{GroupVersion: version, Version: "v1"}
			return metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList"}, Groups: []metav1.APIGroup{
				{Name: "kustomize.toolkit.fluxcd.io", Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v}}}
		case "/apis/" + version:
			return metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList"}, GroupVersion: version, APIResources: []metav1.APIResource{
				{Name: "kustomizations", SingularName: "kustomization", Namespaced: true, Kind: "Kustomization", Verbs: metav1.Verbs{"get", "list"}}}}
		case "/apis/" + version + "/kustomizations":
			require.Equal(t, "250", r.URL.Query().Get("limit"))
			return list(r.URL.Query().Get("continue"))
		}
		return 404
	})
}

func fluxObject(name, ready string, suspend bool) map[string]any {
	return map[string]any{"metadata": map[string]any{"name": name, "namespace": "flux-system"}, "spec": map[string]any{"suspend": suspend, "postBuild": "secret"},
		"status": map[string]any{"conditions": []any{map[string]any{"type": "Reconciling", "status": "False"},
			map[string]any{"type": "Ready", "status": ready, "reason": "BuildFailed", "message": "no such file", "lastTransitionTime": noon}}}}
}

func TestReadinessIsWhatObjectsSayThemselves(t *testing.T) {
	c := flux(t, func(next string) any {
		if next == "" {
			return map[string]any{"metadata": map[string]any{"continue": "more"}, "items": []any{fluxObject("well", "True", false), fluxObject("broken", "False", false)}}
		}
		return map[string]any{"items": []any{fluxObject("nobody-knows", "Unknown", false), fluxObject("suspended", "False", true),
			fluxObject("suspended-and-well", "True", true), map[string]any{"metadata": map[string]any{"name": "new"}}}}
	})
	found, more, err := c.Readiness(t.Context(), kustomization)
	require.NoError(t, err)
	require.False(t, more)
	said := func(name string, ready bool) cluster.Readiness {
		return cluster.Readiness{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: "flux-system",
			Name: name, Ready: ready, Reason: "BuildFailed", Message: "no such file", Since: noon}
	}
	require.Equal(t, []cluster.Readiness{said("well", true), said("broken", false), said("suspended-and-well", true)}, found)
}

func TestReadinessIsReadUpToABound(t *testing.T) {
	asked := 0
	c := flux(t, func(string) any {
		asked++
		return map[string]any{"metadata": map[string]any{"continue": "more"}, "items": []any{fluxObject("broken", "False", false)}}
	})
	found, more, err := c.Readiness(t.Context(), kustomization)
	require.NoError(t, err)
	require.True(t, more)
	require.Len(t, found, 20)
	require.Equal(t, 20, asked)
}

func TestAKindThatIsNotServedHasNobodyWhoIsReadyOrNot(t *testing.T) {
	c := flux(t, func(string) any { return 404 })
	for _, kind := range []string{kustomization, "HelmRelease.helm.toolkit.fluxcd.io"} {
		found, more, err := c.Readiness(t.Context(), kind)
		require.NoError(t, err, kind)
		require.Empty(t, found)
		require.False(t, more)
	}
	_, _, err := flux(t, func(string) any { return 403 }).Readiness(t.Context(), kustomization)
	require.ErrorIs(t, err, cluster.ErrForbidden)
	_, _, err = flux(t, func(string) any { return 500 }).Readiness(t.Context(), kustomization)
	require.Error(t, err)
	_, _, err = flux(t, func(string) any { return "nonsense" }).Readiness(t.Context(), kustomization)
	require.Error(t, err)
}
