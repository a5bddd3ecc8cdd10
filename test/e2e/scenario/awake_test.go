package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/test/e2e/platform"
)

// toZero is the setting of Knative's autoscaler that says whether what is idle
// goes to zero; without it, it does.
const toZero = "enable-scale-to-zero"

// keepAwake has every stage keep a pod, so that a scenario about something else
// does not wait for cold starts. It stays so for the next one; letIdle ends it.
func (w *world) keepAwake(t testing.TB) {
	t.Helper()
	w.onBed(t, "it would change Knative's settings, and end processes")
	require.NoError(t, w.setAutoscaler(t.Context(), toZero, "false"))
	for _, stage := range everyStage {
		w.awake(t, stage)
	}
}

// letIdle lets every stage go to zero again.
func (w *world) letIdle(ctx context.Context) error { return w.setAutoscaler(ctx, toZero, nil) }

// setAutoscaler changes a setting of Knative's autoscaler, for all of the
// cluster; nil is its default.
func (w *world) setAutoscaler(ctx context.Context, key string, value any) error {
	patch, err := json.Marshal(map[string]any{"data": map[string]any{key: value}})
	if err != nil {
		return fmt.Errorf("set autoscaler's %s: %w", key, err)
	}
	_, err = w.kube.CoreV1().ConfigMaps(platform.ServingNamespace).Patch(ctx, "config-autoscaler", types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("set autoscaler's %s: %w", key, err)
	}
	return nil
}
