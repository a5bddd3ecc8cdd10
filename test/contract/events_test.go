package contract

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// withEvents is the dev overlay with the component that lets Kubernetes' own
// events in.
func withEvents(t *testing.T) built {
	t.Helper()
	return with(t, "kubernetes-events")
}

// with is the dev overlay with a component, as a user's overlay has it.
func with(t *testing.T, component string) built {
	t.Helper()
	here, err := filepath.Abs(filepath.Join(root, "deploy"))
	require.NoError(t, err)
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	up, err := filepath.Rel(folder, here)
	require.NoError(t, err)
	text, err := yaml.Marshal(map[string]any{"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
		"resources": []string{up + "/overlays/dev"}, "components": []string{up + "/components/" + component}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "kustomization.yaml"), text, 0o600))
	return buildAt(t, folder)
}

func TestEventsOfKubernetesReachTheGateway(t *testing.T) {
	b := withEvents(t)
	from := all[sourcesv1.ApiServerSource](b)["kubernetes-events"]
	require.NotNil(t, from)
	require.Equal(t, "Resource", from.Spec.EventMode, "a reference says nothing of what happened")
	require.Equal(t, map[string]string{"kubernaut.ai/managed": "true"}, from.Spec.NamespaceSelector.MatchLabels)

	t.Run("at a path that the gateway serves and that needs no credential", func(t *testing.T) {
		require.Equal(t, event.StageGateway, from.Spec.Sink.Ref.Name)
		served, err := source.Open(stage.NewConfig(nil))
		require.NoError(t, err)
		path := from.Spec.Sink.URI.Path
		require.Contains(t, source.Paths(served), path)
		require.Equal(t, path, all[corev1.ConfigMap](b)["kubernaut-settings"].Data["GATEWAY_OPEN_PATHS"])
		require.Empty(t, all[corev1.ConfigMap](overlay(t, "dev"))["kubernaut-settings"].Data["GATEWAY_OPEN_PATHS"], "only where somebody asked for it")
	})
	t.Run("with the right to watch events and no other", func(t *testing.T) {
		account := from.Spec.ServiceAccountName
		require.Contains(t, b, "ServiceAccount/"+account)
		require.Equal(t, []string{"events get", "events list", "events watch"}, granted(t, b, account))
		require.NotContains(t, all[rbacv1.ClusterRole](overlay(t, "dev")), "kubernaut-kubernetes-events")
	})
	t.Run("through the network policies", func(t *testing.T) {
		policy := all[networkingv1.NetworkPolicy](b)["kubernetes-events"]
		require.Equal(t, map[string]string{"eventing.knative.dev/sourceName": from.Name}, policy.Spec.PodSelector.MatchLabels)
		require.Equal(t, []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}, policy.Spec.PolicyTypes)
		serving := all[networkingv1.NetworkPolicy](b)["functions"].Spec.Ingress[0].From[0].NamespaceSelector
		last := policy.Spec.Egress[len(policy.Spec.Egress)-1]
		require.Equal(t, serving, last.To[0].NamespaceSelector, "where functions are reached from")
	})
}
