package scenario

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kubernaut.ai/test/e2e/platform/manifest"
	"kubernaut.ai/test/e2e/product"
)

// clusterScoped are the kinds of deploy/ that are in no namespace. Every overlay
// has the same of them, so applying them again changes nothing.
var clusterScoped = manifest.OfKind("ClusterRole", "ClusterRoleBinding")

// TestTheAPIServerTakesEveryManifestOfEveryOverlay applies each by server-side
// apply, with the real definitions and webhooks of Knative, to a namespace of
// its own: Brokers of another class, stores that would clash.
func TestTheAPIServerTakesEveryManifestOfEveryOverlay(t *testing.T) {
	w := enter(t)
	for _, overlay := range []string{"dev", "external", "production"} {
		t.Run(overlay, func(t *testing.T) {
			objects, err := product.Render(product.Root(), filepath.Join("deploy", "overlays", overlay))
			require.NoError(t, err)
			home, rest := manifest.Split(objects, manifest.OfKind("Namespace"))
			require.Len(t, home, 1)
			shared, own := manifest.Split(rest, clusterScoped)
			require.NoError(t, w.cluster.Apply(t.Context(), shared...))
			namespace := w.namespace(t, home[0].GetLabels())
			for _, object := range own {
				require.Equal(t, product.Namespace, object.GetNamespace(), manifest.Name(object))
				object.SetNamespace(namespace)
			}
			require.NoError(t, w.cluster.Apply(t.Context(), own...))
			for _, object := range own {
				kept, err := w.cluster.Get(t.Context(), object)
				require.NoError(t, err, manifest.Name(object))
				requireKept(t, object, kept)
			}
		})
	}
}

// requireKept fails when the API server dropped a part of a spec that it did not
// know: server-side apply with a schema prunes in silence.
func requireKept(t testing.TB, applied, kept *unstructured.Unstructured) {
	t.Helper()
	for _, part := range []string{"spec", "data", "rules"} {
		wanted, found := applied.Object[part]
		if found {
			require.True(t, contains(kept.Object[part], wanted), "%s: %s was not kept as it was applied:\n%v\n%v",
				manifest.Name(applied), part, wanted, kept.Object[part])
		}
	}
}

// contains says whether every field and item of wanted is in kept, which may
// have more by defaults.
func contains(kept, wanted any) bool {
	switch wanted := wanted.(type) {
	case map[string]any:
		have, ok := kept.(map[string]any)
		for key, value := range wanted {
			ok = ok && (isZero(value) || contains(have[key], value))
		}
		return ok
	case []any:
		// Knative sorts some lists.
		have, ok := kept.([]any)
		for _, item := range wanted {
			ok = ok && slices.ContainsFunc(have, func(kept any) bool { return contains(kept, item) })
		}
		return ok && len(have) == len(wanted)
	case nil:
		return true
	default:
		// Quantities and durations come back in their canonical form.
		return kept != nil
	}
}

// isZero says whether a field says nothing: such fields may be left out.
func isZero(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return value == nil || value == "" || value == false
}

// TestKnativeRefusesIdentitiesWhereItHasNone shows why the EventPolicies are a
// component of their own.
func TestKnativeRefusesIdentitiesWhereItHasNone(t *testing.T) {
	w := enter(t)
	objects, err := product.Render(product.Root(), "deploy/components/event-policy")
	require.NoError(t, err)
	require.NotEmpty(t, objects)
	for _, object := range objects {
		err := w.cluster.Apply(t.Context(), object)
		require.ErrorContains(t, err, "oidc-authentication feature not enabled")
	}
}
