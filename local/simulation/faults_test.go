package simulation_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/local/simulation"
)

func (b *bed) patch(name, patch string) {
	b.t.Helper()
	_, err := b.client.AppsV1().Deployments("default").Patch(b.t.Context(), name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(b.t, err)
}

func (b *bed) setImage(tag string) {
	b.t.Helper()
	b.patch("web", fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example/web:%s"}]}}}}`, tag))
}

func (b *bed) eventReasons(kind string) map[string]int {
	b.t.Helper()
	events, err := b.client.CoreV1().Events("default").List(b.t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.kind=" + kind})
	require.NoError(b.t, err)
	out := map[string]int{}
	for _, event := range events.Items {
		out[event.Reason] += int(event.Count)
	}
	return out
}

func TestMemoryLimitBelowNeedIsKilledUntilRaised(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load(manifest("v1", "128Mi", `simulation.kubernaut.ai/memory-need: 180Mi`))
	pod := b.awaitWaiting("app=web", "CrashLoopBackOff", 2)
	last := pod.Status.ContainerStatuses[0].LastTerminationState.Terminated
	require.NotNil(t, last)
	require.Equal(t, "OOMKilled", last.Reason)
	require.EqualValues(t, 137, last.ExitCode)
	reasons := b.eventReasons("Pod")
	require.Positive(t, reasons["BackOff"])
	require.Positive(t, reasons["OOMKilling"])

	b.patch("web", `{"spec":{"template":{"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":"256Mi"},"requests":{"memory":"128Mi"}}}]}}}}`)
	b.awaitAvailable("web")
}

func TestRestartCountGrowsWhileCrashing(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load(manifest("v1", "128Mi", `simulation.kubernaut.ai/crash: "3"`))
	pod := b.awaitWaiting("app=web", "CrashLoopBackOff", 4)
	require.EqualValues(t, 3, pod.Status.ContainerStatuses[0].LastTerminationState.Terminated.ExitCode)
	require.Equal(t, corev1.PodRunning, pod.Status.Phase)
}

func TestBadImageStopsTheRolloutAndRollbackReusesTheReplicaSet(t *testing.T) {
	for _, fault := range []struct{ name, tag, reason string }{
		{"an image that cannot be pulled", "missing-v2", "ImagePullBackOff"},
		{"an image that crashes", "broken-v2", "CrashLoopBackOff"},
	} {
		t.Run(fault.name, func(t *testing.T) {
			b := start(t, simulation.Options{})
			b.load(manifest("v1", "128Mi"))
			b.awaitAvailable("web")
			before, err := b.client.AppsV1().ReplicaSets("default").List(t.Context(), metav1.ListOptions{})
			require.NoError(t, err)
			require.Len(t, before.Items, 1)

			b.setImage(fault.tag)
			b.awaitWaiting("app=web", fault.reason, 0)
			stuck := b.deployment("web")
			require.GreaterOrEqual(t, stuck.Status.AvailableReplicas, int32(3), "the old ReplicaSet serves on")
			b.await("the progress deadline passes", func() bool {
				for _, c := range b.deployment("web").Status.Conditions {
					if c.Type == "Progressing" && c.Reason == "ProgressDeadlineExceeded" {
						return c.Status == corev1.ConditionFalse
					}
				}
				return false
			})

			b.setImage("v1")
			b.awaitAvailable("web")
			require.Equal(t, "3", b.deployment("web").Annotations["deployment.kubernetes.io/revision"])
			again, err := b.client.AppsV1().ReplicaSets("default").Get(t.Context(), before.Items[0].Name, metav1.GetOptions{})
			require.NoError(t, err)
			require.Equal(t, before.Items[0].UID, again.UID)
			require.Equal(t, "3", again.Annotations["deployment.kubernetes.io/revision"])
			require.Equal(t, "1", again.Annotations["deployment.kubernetes.io/revision-history"])
		})
	}
}

func TestUnreadyPodsRunButNeverBecomeReady(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load(manifest("v1", "128Mi", `simulation.kubernaut.ai/unready: "true"`))
	b.await("a readiness probe fails", func() bool { return b.eventReasons("Pod")["Unhealthy"] > 0 })
	for _, pod := range b.pods("app=web") {
		for _, status := range pod.Status.ContainerStatuses {
			require.False(t, status.Ready)
		}
	}
	require.Zero(t, b.deployment("web").Status.AvailableReplicas)
}

func TestCrashThatARestartCures(t *testing.T) {
	crash := `simulation.kubernaut.ai/crash-until-restart: "true"`
	t.Run("deleting the pods heals them", func(t *testing.T) {
		b := start(t, simulation.Options{})
		b.load(manifest("v1", "128Mi", crash))
		b.awaitWaiting("app=web", "CrashLoopBackOff", 1)
		for _, pod := range b.pods("app=web") {
			require.NoError(t, b.client.CoreV1().Pods("default").Delete(t.Context(), pod.Name, metav1.DeleteOptions{}))
		}
		b.awaitAvailable("web")
	})
	t.Run("evicting the pods heals them", func(t *testing.T) {
		b := start(t, simulation.Options{})
		b.load(manifest("v1", "128Mi", crash))
		b.awaitWaiting("app=web", "CrashLoopBackOff", 1)
		for _, pod := range b.pods("app=web") {
			require.NoError(t, b.client.CoreV1().Pods("default").EvictV1(t.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: "default"}}))
		}
		b.awaitAvailable("web")
	})
	t.Run("a rollout restart heals them", func(t *testing.T) {
		b := start(t, simulation.Options{})
		b.load(manifest("v1", "128Mi", crash))
		b.awaitWaiting("app=web", "CrashLoopBackOff", 1)
		b.patch("web", `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}}}}}`)
		b.awaitAvailable("web")
	})
	t.Run("another template falls ill anew", func(t *testing.T) {
		b := start(t, simulation.Options{})
		b.load(manifest("v1", "128Mi", crash))
		b.awaitWaiting("app=web", "CrashLoopBackOff", 1)
		for _, pod := range b.pods("app=web") {
			require.NoError(t, b.client.CoreV1().Pods("default").Delete(t.Context(), pod.Name, metav1.DeleteOptions{}))
		}
		b.awaitAvailable("web")
		b.setImage("v2")
		b.awaitWaiting("app=web", "CrashLoopBackOff", 1)
	})
}

const autoscaled = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, annotations: {simulation.kubernaut.ai/load: "8"}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 5
`

func TestAutoscalerIsLimitedUntilItsMaximumIsRaised(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load(manifest("v1", "128Mi") + "---" + autoscaled)
	limited := func() string {
		hpa, err := b.client.AutoscalingV2().HorizontalPodAutoscalers("default").Get(t.Context(), "web", metav1.GetOptions{})
		require.NoError(t, err)
		for _, c := range hpa.Status.Conditions {
			if c.Type == "ScalingLimited" {
				return fmt.Sprintf("%s %s %d", c.Status, c.Reason, hpa.Status.CurrentReplicas)
			}
		}
		return ""
	}
	b.await("the autoscaler is limited at 5", func() bool { return limited() == "True TooManyReplicas 5" })
	_, err := b.client.AutoscalingV2().HorizontalPodAutoscalers("default").Patch(t.Context(), "web", types.MergePatchType, []byte(`{"spec":{"maxReplicas":10}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	b.await("the load is met", func() bool { return limited() == "False DesiredWithinRange 8" })
	b.awaitAvailable("web")
	require.EqualValues(t, 8, *b.deployment("web").Spec.Replicas)
}

func TestNodeNotReady(t *testing.T) {
	setReady := func(b *bed, value string) {
		_, err := b.client.CoreV1().Nodes().Patch(b.t.Context(), "node-1", types.MergePatchType,
			[]byte(`{"metadata":{"annotations":{`+value+`}}}`), metav1.PatchOptions{})
		require.NoError(b.t, err)
	}
	ready := func(b *bed) bool {
		node, err := b.client.CoreV1().Nodes().Get(b.t.Context(), "node-1", metav1.GetOptions{})
		require.NoError(b.t, err)
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady {
				return c.Status == corev1.ConditionTrue
			}
		}
		return false
	}
	t.Run("its pods become unready, are evicted and run elsewhere", func(t *testing.T) {
		b := start(t, simulation.Options{})
		b.load(manifest("v1", "128Mi"))
		b.awaitAvailable("web")
		setReady(b, `"simulation.kubernaut.ai/ready":"false"`)
		b.await("the Deployment notices", func() bool { return b.deployment("web").Status.AvailableReplicas < 3 })
		require.False(t, ready(b))
		b.awaitAvailable("web")
		for _, pod := range b.pods("app=web") {
			if pod.DeletionTimestamp == nil {
				require.NotEqual(t, "node-1", pod.Spec.NodeName)
			}
		}
	})
	t.Run("it recovers by itself when told to", func(t *testing.T) {
		b := start(t, simulation.Options{})
		b.await("the node is ready at first", func() bool { return ready(b) })
		setReady(b, `"simulation.kubernaut.ai/ready":"false","simulation.kubernaut.ai/recovers-after":"30s"`)
		b.await("the node is not ready", func() bool { return b.eventReasons("Node")["NodeNotReady"] > 0 })
		b.await("the node recovers", func() bool { return ready(b) })
	})
}

func TestSchedulerRespectsCordons(t *testing.T) {
	b := start(t, simulation.Options{Nodes: 2})
	cordon := func(name string, value bool) {
		_, err := b.client.CoreV1().Nodes().Patch(t.Context(), name, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, value), metav1.PatchOptions{})
		require.NoError(t, err)
	}
	cordon("node-1", true)
	cordon("node-2", true)
	b.load(manifest("v1", "128Mi"))
	b.await("no node is left", func() bool { return b.eventReasons("Pod")["FailedScheduling"] >= 3 })
	for _, pod := range b.pods("app=web") {
		require.Equal(t, corev1.PodPending, pod.Status.Phase)
	}
	cordon("node-2", false)
	b.awaitAvailable("web")
	for _, pod := range b.pods("app=web") {
		require.Equal(t, "node-2", pod.Spec.NodeName)
	}
}
