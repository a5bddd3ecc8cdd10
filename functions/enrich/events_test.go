package function

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

func TestAnEventBelongsToTheContextByItsObjectsGroup(t *testing.T) {
	events := []corev1.Event{
		{Reason: "Flux", InvolvedObject: corev1.ObjectReference{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Name: "cart"}},
		{Reason: "Namesake", InvolvedObject: corev1.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "cart"}},
	}
	const kind = "Kustomization.kustomize.toolkit.fluxcd.io"
	got := notes(events, map[object]bool{{kind, "cart"}: true})
	require.Len(t, got, 1)
	require.Equal(t, []string{"Flux", kind + "/cart"}, []string{got[0].Reason, got[0].Object})
	require.Len(t, notes(events, nil), 2, "nil means all of the namespace")
}
