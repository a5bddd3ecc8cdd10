package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/test/e2e/platform"
	"kubernaut.ai/test/e2e/product"
)

// toZero is the setting of Knative's autoscaler that says whether what is idle
// goes to zero; without it, it does.
const toZero = "enable-scale-to-zero"

// keepAwake has every stage keep a pod, so that a scenario about something else
// does not wait for cold starts. It stays so for the next one; letIdle ends it.
func (w *world) keepAwake(t testing.TB) {
	t.Helper()
	w.onBed(t, "it would change Knative's settings, and end processes")
	w.forgetRevisions(t)
	require.NoError(t, w.setAutoscaler(t.Context(), toZero, "false"))
	for _, stage := range everyStage {
		w.awake(t, stage)
	}
}

// forgetRevisions deletes those that no request is routed to: they would be kept
// awake, too.
func (w *world) forgetRevisions(t testing.TB) {
	t.Helper()
	err := w.dynamic.Resource(knativeRevisions).Namespace(product.Namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: "serving.knative.dev/routingState=reserve"})
	require.NoError(t, err)
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

// awake waits until a stage has a pod that gets its requests, and returns all
// that do: of the revision that serves, ready, and to stay.
func (w *world) awake(t testing.TB, stage string) (pods []corev1.Pod) {
	t.Helper()
	until(t, stage+" awake", func(ctx context.Context) (bool, any) {
		service, err := w.dynamic.Resource(knativeServices).Namespace(product.Namespace).Get(ctx, stage, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		revision, _, _ := unstructured.NestedString(service.Object, "status", "latestReadyRevisionName")
		found, err := w.kube.CoreV1().Pods(product.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "serving.knative.dev/revision=" + revision})
		if err != nil {
			return false, err
		}
		pods = slices.DeleteFunc(found.Items, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil || !podReady(&pod) })
		return len(pods) > 0, revision
	})
	return pods
}

func podReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
