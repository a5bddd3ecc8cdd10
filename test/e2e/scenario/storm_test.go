package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/test/e2e/product"
)

const (
	// stormPods all alert at once, stormGateways take the alerts.
	stormPods     = 500
	stormGateways = 3
)

// TestAStormOfAlertsIsOneRemediation has every pod of a Deployment alert at once. A
// person is asked first: an action within the storm would take pods away, and
// alerts about pods that are gone open nothing.
func TestAStormOfAlertsIsOneRemediation(t *testing.T) {
	w := enter(t)
	w.keepAwake(t)
	w.atLeast(t, event.StageGateway, stormGateways)
	i := w.fallIllAll(t)
	jane := w.token(t, i.deployment.Namespace, "jane")
	w.mayApprove(t, i.deployment.Namespace, "jane")
	began := time.Now()
	all := w.fireForEach(t, i)
	until(t, "every alert counted on the one claim", func(ctx context.Context) (bool, any) {
		claim, err := w.ledger.Get(ctx, i.target().Fingerprint())
		return err == nil && claim.Duplicates >= stormPods-1, fmt.Sprint(claim.Duplicates, " ", err)
	})
	t.Logf("%d alerts on one claim within %s", stormPods, time.Since(began).Round(time.Millisecond))
	for _, pod := range w.awake(t, event.StageGateway) {
		said, err := w.kube.CoreV1().Pods(product.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: function}).DoRaw(t.Context())
		require.NoError(t, err)
		taken := strings.Count(string(said), i.deployment.Namespace)
		t.Logf("%s logged %d of them", pod.Name, taken)
		require.Positive(t, taken, "%s took part", pod.Name)
	}
	id := w.opened(t, i.target()).ID
	w.event(t, id, event.RemediationHeld)
	require.Equal(t, http.StatusAccepted, w.approve(t, id, jane))
	w.well(t, i)
	for n := range all {
		all[n].EndsAt = time.Now()
	}
	w.postAlerts(t, all)
	w.healedOnce(t, i)
}

// fallIllAll makes a Deployment of many pods, which crash-loop since its last
// rollout.
func (w *world) fallIllAll(t testing.TB) *illness {
	t.Helper()
	// One pod of the version before is left, and shows that it works.
	d := w.fakeDeployment(w.namespace(t, managed), "checkout", stormPods+1)
	maps.Copy(d.Labels, owned)
	d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: ptr.To(intstr.FromInt32(stormPods)), MaxSurge: ptr.To(intstr.FromInt32(0))}
	d = w.rolledOut(t, w.deploy(t, d))
	w.rollOutBad(t, d)
	until(t, "all pods in a crash loop", func(ctx context.Context) (bool, any) {
		ill := len(w.crashing(t, d.Namespace))
		return ill == stormPods, ill
	})
	return &illness{deployment: d}
}

// crashing are the pods of a namespace that wait to be started again.
func (w *world) crashing(t testing.TB, namespace string) []corev1.Pod {
	t.Helper()
	return slices.DeleteFunc(w.pods(t, namespace), func(pod corev1.Pod) bool {
		return len(pod.Status.ContainerStatuses) == 0 || pod.Status.ContainerStatuses[0].State.Waiting == nil
	})
}

// fireForEach has Alertmanager take an alert a pod, all in one request; it tells
// of each by itself.
func (w *world) fireForEach(t testing.TB, i *illness) (all []alert) {
	t.Helper()
	now := time.Now()
	for _, pod := range w.crashing(t, i.deployment.Namespace) {
		all = append(all, alert{StartsAt: now, EndsAt: now.Add(keptFiring), Labels: map[string]string{"alertname": "KubePodCrashLooping",
			"severity": "warning", "namespace": pod.Namespace, "pod": pod.Name, "container": "app"}})
	}
	w.postAlerts(t, all)
	return all
}

// atLeast has a stage run on so many pods until the test ends, as an overlay
// with a min-scale would.
func (w *world) atLeast(t testing.TB, stage string, pods int) {
	t.Helper()
	services := w.dynamic.Resource(knativeServices).Namespace(product.Namespace)
	set := func(ctx context.Context, scale any) {
		patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
			"annotations": map[string]any{"autoscaling.knative.dev/min-scale": scale}}}}})
		require.NoError(t, err)
		_, err = services.Patch(ctx, stage, types.MergePatchType, patch, metav1.PatchOptions{})
		require.NoError(t, err)
	}
	service, err := services.Get(t.Context(), stage, metav1.GetOptions{})
	require.NoError(t, err)
	set(t.Context(), fmt.Sprint(pods))
	t.Cleanup(func() {
		set(context.WithoutCancel(t.Context()), "0")
		require.NoError(t, w.cluster.AwaitReady(context.WithoutCancel(t.Context()), service))
	})
	require.NoError(t, w.cluster.AwaitReady(t.Context(), service))
	until(t, fmt.Sprintf("%d pods of %s", pods, stage), func(context.Context) (bool, any) {
		awake := len(w.awake(t, stage))
		return awake == pods, awake
	})
}
