package simulation_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/local/simulation"
)

const statefulSet = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "registry.example/db:v1"}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`

func TestStatefulSetIsOrderedAndRevisioned(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load(statefulSet)
	api := b.client.AppsV1().StatefulSets("default")
	ready := func() bool {
		set, err := api.Get(t.Context(), "db", metav1.GetOptions{})
		require.NoError(t, err)
		s := set.Status
		return s.ObservedGeneration == set.Generation && s.ReadyReplicas == *set.Spec.Replicas && s.Replicas == *set.Spec.Replicas && s.CurrentRevision == s.UpdateRevision && s.UpdatedReplicas == s.Replicas
	}
	b.await("three ready members", ready)
	names := func() (out []string) {
		for _, pod := range b.pods("app=db") {
			out = append(out, pod.Name)
		}
		return out
	}
	require.Equal(t, []string{"db-0", "db-1", "db-2"}, names())
	claims, err := b.client.CoreV1().PersistentVolumeClaims("default").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, claims.Items, 3)

	_, err = api.Patch(t.Context(), "db", types.StrategicMergePatchType, []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"db","image":"registry.example/db:v2"}]}}}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	b.await("the update is done", ready)
	for _, pod := range b.pods("app=db") {
		require.Equal(t, "registry.example/db:v2", pod.Spec.Containers[0].Image)
	}
	revisions, err := b.client.AppsV1().ControllerRevisions("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=db"})
	require.NoError(t, err)
	require.Len(t, revisions.Items, 2)

	_, err = api.Patch(t.Context(), "db", types.MergePatchType, []byte(`{"spec":{"replicas":1}}`), metav1.PatchOptions{}, "scale")
	require.NoError(t, err)
	b.await("scaled down", ready)
	require.Equal(t, []string{"db-0"}, names())
	_, err = api.Patch(t.Context(), "db", types.MergePatchType, []byte(`{"spec":{"serviceName":"other"}}`), metav1.PatchOptions{})
	require.True(t, apierrors.IsInvalid(err), "%v", err)
}

func TestDaemonSetRunsOnEveryNode(t *testing.T) {
	b := start(t, simulation.Options{Nodes: 2})
	b.load(`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "registry.example/agent:v1"}]}
`)
	status := func(want int32) func() bool {
		return func() bool {
			set, err := b.client.AppsV1().DaemonSets("default").Get(t.Context(), "agent", metav1.GetOptions{})
			require.NoError(t, err)
			s := set.Status
			return s.ObservedGeneration == set.Generation && s.DesiredNumberScheduled == want && s.NumberReady == want && s.UpdatedNumberScheduled == want
		}
	}
	b.await("one a node", status(2))
	b.load("apiVersion: v1\nkind: Node\nmetadata: {name: node-3}\n")
	b.await("a new node gets one", status(3))
	_, err := b.client.AppsV1().DaemonSets("default").Patch(t.Context(), "agent", types.StrategicMergePatchType, []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"agent","image":"registry.example/agent:v2"}]}}}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	b.await("updated", func() bool {
		for _, pod := range b.pods("app=agent") {
			if pod.Spec.Containers[0].Image != "registry.example/agent:v2" {
				return false
			}
		}
		return status(3)()
	})
	require.NoError(t, b.client.CoreV1().Nodes().Delete(t.Context(), "node-3", metav1.DeleteOptions{}))
	b.await("a removed node's pod goes", func() bool { return status(2)() && len(b.pods("app=agent")) == 2 })
}

func TestJobs(t *testing.T) {
	job := func(name, tag string) string {
		return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: " + name + "}\nspec:\n  backoffLimit: 1\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: c, image: \"registry.example/job:" + tag + "\"}]\n"
	}
	b := start(t, simulation.Options{})
	b.load(job("good", "v1") + "---\n" + job("bad", "broken"))
	ended := func(name string, kind batchv1.JobConditionType) func() bool {
		return func() bool {
			j, err := b.client.BatchV1().Jobs("default").Get(t.Context(), name, metav1.GetOptions{})
			require.NoError(t, err)
			return len(j.Status.Conditions) == 1 && j.Status.Conditions[0].Type == kind
		}
	}
	b.await("the good job completes", ended("good", batchv1.JobComplete))
	b.await("the bad job fails", ended("bad", batchv1.JobFailed))
}

func TestRelabelledPodLeavesItsReplicaSet(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load(manifest("v1", "128Mi"))
	b.awaitAvailable("web")
	pod := b.pods("app=web")[0]
	_, err := b.client.CoreV1().Pods("default").Patch(t.Context(), pod.Name, types.MergePatchType, []byte(`{"metadata":{"labels":{"app":"quarantined"}}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	b.await("it is replaced", func() bool { return len(b.pods("app=web")) == 3 })
	b.await("it has no owner", func() bool { return len(b.pods("app=quarantined")[0].OwnerReferences) == 0 })
	require.Equal(t, pod.UID, b.pods("app=quarantined")[0].UID)
}

func TestDeletedDeploymentTakesItsPods(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load(manifest("v1", "128Mi"))
	b.awaitAvailable("web")
	foreground := metav1.DeletePropagationForeground
	require.NoError(t, b.client.AppsV1().Deployments("default").Delete(t.Context(), "web", metav1.DeleteOptions{PropagationPolicy: &foreground}))
	b.await("all is gone", func() bool {
		_, err := b.client.AppsV1().Deployments("default").Get(t.Context(), "web", metav1.GetOptions{})
		return apierrors.IsNotFound(err) && len(b.pods("app=web")) == 0
	})
}

func TestLogsFitTheFault(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load(manifest("broken-v2", "128Mi"))
	pod := b.awaitWaiting("app=web", "CrashLoopBackOff", 1)
	read := func(options *corev1.PodLogOptions) string {
		stream, err := b.client.CoreV1().Pods("default").GetLogs(pod.Name, options).Stream(t.Context())
		require.NoError(t, err)
		raw, err := io.ReadAll(stream)
		require.NoError(t, err)
		require.NoError(t, stream.Close())
		return string(raw)
	}
	all := read(&corev1.PodLogOptions{Previous: true})
	require.Contains(t, all, "FATAL initialisation failed, exiting with code 1")
	one, ten := int64(1), int64(10)
	require.Equal(t, 1, strings.Count(read(&corev1.PodLogOptions{TailLines: &one}), "\n"))
	require.Len(t, read(&corev1.PodLogOptions{LimitBytes: &ten}), 10)
	_, err := b.client.CoreV1().Pods("default").GetLogs(pod.Name, &corev1.PodLogOptions{Container: "absent"}).Stream(t.Context())
	require.True(t, apierrors.IsBadRequest(err), "%v", err)
}

func TestMetricsOnlyWhenConfigured(t *testing.T) {
	usage := func(b *bed) (string, error) {
		raw, err := b.client.RESTClient().Get().AbsPath("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods").DoRaw(t.Context())
		return string(raw), err
	}
	without := start(t, simulation.Options{})
	_, err := usage(without)
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	with := start(t, simulation.Options{Metrics: true})
	with.load(manifest("v1", "128Mi", `simulation.kubernaut.ai/memory-usage: 77Mi`))
	with.awaitAvailable("web")
	body, err := usage(with)
	require.NoError(t, err)
	require.Contains(t, body, `"memory":"77Mi"`)
}
