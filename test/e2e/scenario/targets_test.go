package scenario

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// TestAContainerThatIsKilledForItsMemoryGetsMore has the kernel kill it, and
// sees that it lives with what it was given.
func TestAContainerThatIsKilledForItsMemoryGetsMore(t *testing.T) {
	w := enterBeside(t)
	d := deployment(w.namespace(t, managed), "search", w.container("-memory", "40"))
	d.Spec.Replicas = ptr.To[int32](1)
	d = w.deploy(t, d)
	pod := w.sick(t, d)
	fired := w.fire(t, map[string]string{"alertname": "KubePodOOMKilled", "severity": "warning",
		"namespace": d.Namespace, "pod": pod, "container": "app"})
	until(t, "a higher memory limit", func(context.Context) (bool, any) {
		limit := w.deployment(t, d).Spec.Template.Spec.Containers[0].Resources.Limits[corev1.ResourceMemory]
		return limit.Cmp(resource.MustParse("40Mi")) > 0, limit.String()
	})
	w.rolledOut(t, d)
	w.resolve(t, fired)
	v := w.ended(t, w.opened(t, signal.Workload{Namespace: d.Namespace, Kind: "Deployment", Name: d.Name}).ID)
	require.Equal(t, event.OutcomeHealed, v.Outcome, "%+v", v)
	require.Equal(t, "increase_resources", v.Action)
	w.tell(t, v)
}

// TestAnAutoscalerAtItsMaximumGetsRoom needs no metrics: the real autoscaler
// itself cuts a Deployment down to the maximum, and says that it is there.
func TestAnAutoscalerAtItsMaximumGetsRoom(t *testing.T) {
	w := enterBeside(t)
	const most = 2
	d := deployment(w.namespace(t, managed), "frontend", w.container())
	d.Spec.Replicas = ptr.To[int32](most + 1)
	d = w.deploy(t, d)
	scaler, err := w.kube.AutoscalingV2().HorizontalPodAutoscalers(d.Namespace).Create(t.Context(), &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: d.Name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: ptr.To[int32](1), MaxReplicas: most,
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: d.Name}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	look := func(t *testing.T) *autoscalingv2.HorizontalPodAutoscaler {
		found, err := w.kube.AutoscalingV2().HorizontalPodAutoscalers(d.Namespace).Get(t.Context(), scaler.Name, metav1.GetOptions{})
		require.NoError(t, err)
		return found
	}
	until(t, "the autoscaler at its maximum", func(context.Context) (bool, any) {
		s := look(t).Status
		return s.CurrentReplicas == most && s.DesiredReplicas == most, s
	})
	fired := w.fire(t, map[string]string{"alertname": "KubeHpaMaxedOut", "severity": "warning",
		"namespace": d.Namespace, "horizontalpodautoscaler": scaler.Name})
	until(t, "a higher maximum", func(context.Context) (bool, any) {
		now := look(t)
		return now.Spec.MaxReplicas > most, now.Spec
	})
	w.resolve(t, fired)
	v := w.ended(t, w.opened(t, signal.Workload{Namespace: d.Namespace, Kind: "HorizontalPodAutoscaler", Name: scaler.Name}).ID)
	require.Equal(t, v.ID+"/1", look(t).Annotations["kubernaut.ai/applied"])
	w.tell(t, v)
}

// TestANodeThatIsNotReadyIsCordoned uses a node of its own: the cluster's stay
// as they are.
func TestANodeThatIsNotReadyIsCordoned(t *testing.T) {
	w := enterBeside(t)
	node, err := w.kube.CoreV1().Nodes().Create(t.Context(), &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "scenario-", Labels: map[string]string{"kubernaut.ai/managed": "true", "environment": "staging"}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, w.kube.CoreV1().Nodes().Delete(context.WithoutCancel(t.Context()), node.Name, metav1.DeleteOptions{}))
	})
	_, err = w.kube.CoreV1().Nodes().Patch(t.Context(), node.Name, types.StrategicMergePatchType,
		[]byte(`{"status":{"conditions":[{"type":"Ready","status":"False","reason":"KubeletNotReady"}]}}`), metav1.PatchOptions{}, "status")
	require.NoError(t, err)
	w.fire(t, map[string]string{"alertname": "KubeNodeNotReady", "severity": "critical", "node": node.Name})
	until(t, "the node cordoned", func(ctx context.Context) (bool, any) {
		now, err := w.kube.CoreV1().Nodes().Get(ctx, node.Name, metav1.GetOptions{})
		return err == nil && now.Spec.Unschedulable, err
	})
	v := w.ended(t, w.opened(t, signal.Workload{Kind: "Node", Name: node.Name}).ID)
	require.Equal(t, event.OutcomeNotified, v.Outcome, "cordoning mends no node, so people are told: %+v", v)
	w.tell(t, v)
}

// TestAVolumeThatFillsUpIsForAPerson looks, and changes nothing.
func TestAVolumeThatFillsUpIsForAPerson(t *testing.T) {
	w := enterBeside(t)
	namespace := w.namespace(t, managed)
	claim, err := w.kube.CoreV1().PersistentVolumeClaims(namespace).Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	w.fire(t, map[string]string{"alertname": "KubePersistentVolumeFillingUp", "severity": "warning",
		"namespace": namespace, "persistentvolumeclaim": claim.Name})
	v := w.ended(t, w.opened(t, signal.Workload{Namespace: namespace, Kind: "PersistentVolumeClaim", Name: claim.Name}).ID)
	require.Equal(t, event.OutcomeNotified, v.Outcome, "%+v", v)
	now, err := w.kube.CoreV1().PersistentVolumeClaims(namespace).Get(t.Context(), claim.Name, metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, claim.Spec, now.Spec)
	w.tell(t, v)
}
