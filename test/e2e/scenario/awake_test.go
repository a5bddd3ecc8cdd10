package scenario

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/test/e2e/platform"
)

// keepAwake has every stage keep a pod until the test ends, so that a scenario
// about something else does not wait for cold starts.
func (w *world) keepAwake(t testing.TB) {
	t.Helper()
	w.setAutoscaler(t, "enable-scale-to-zero", "false")
	for _, stage := range everyStage {
		w.awake(t, stage)
	}
}

// setAutoscaler changes a setting of Knative's autoscaler, for all of the
// cluster, until the test ends.
func (w *world) setAutoscaler(t testing.TB, key, value string) {
	t.Helper()
	maps := w.kube.CoreV1().ConfigMaps(platform.ServingNamespace)
	before, err := maps.Get(t.Context(), "config-autoscaler", metav1.GetOptions{})
	require.NoError(t, err)
	set := func(ctx context.Context, value any) {
		patch, err := json.Marshal(map[string]any{"data": map[string]any{key: value}})
		require.NoError(t, err)
		_, err = maps.Patch(ctx, before.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		require.NoError(t, err)
	}
	set(t.Context(), value)
	t.Cleanup(func() {
		var former any // absent before is deleted again
		if present, found := before.Data[key]; found {
			former = present
		}
		set(context.WithoutCancel(t.Context()), former)
	})
}
