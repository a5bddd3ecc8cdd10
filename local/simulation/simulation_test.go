package simulation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/local/simulation"
)

const (
	// testSpeed makes a simulated second a millisecond.
	testSpeed    = 1000
	testTick     = time.Millisecond
	awaitTimeout = 20 * time.Second
)

// bed is a running cluster with a client.
type bed struct {
	*simulation.Cluster
	client *kubernetes.Clientset
	t      *testing.T
}

func start(t *testing.T, options simulation.Options) *bed {
	t.Helper()
	if options.Speed == 0 {
		options.Speed = testSpeed
	}
	options.Tick = testTick
	cluster, err := simulation.Start(context.Background(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	client, err := kubernetes.NewForConfig(cluster.RESTConfig())
	require.NoError(t, err)
	return &bed{cluster, client, t}
}

func (b *bed) load(manifests string) {
	b.t.Helper()
	require.NoError(b.t, b.Load(strings.NewReader(manifests)))
}

// await waits for a condition and says what it waited for when it does not come.
func (b *bed) await(what string, condition func() bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), awaitTimeout)
	defer cancel()
	require.NoError(b.t, b.Await(ctx, condition), what)
}

func (b *bed) deployment(name string) *appsv1.Deployment {
	b.t.Helper()
	d, err := b.client.AppsV1().Deployments("default").Get(b.t.Context(), name, metav1.GetOptions{})
	require.NoError(b.t, err)
	return d
}

func (b *bed) pods(selector string) []corev1.Pod {
	b.t.Helper()
	found, err := b.client.CoreV1().Pods("default").List(b.t.Context(), metav1.ListOptions{LabelSelector: selector})
	require.NoError(b.t, err)
	return found.Items
}

func (b *bed) awaitAvailable(name string) {
	b.t.Helper()
	b.await(name+" is rolled out and available", func() bool { return rolledOut(b.deployment(name)) })
}

func rolledOut(d *appsv1.Deployment) bool {
	wanted, s := *d.Spec.Replicas, d.Status
	return s.ObservedGeneration == d.Generation && s.Replicas == wanted && s.UpdatedReplicas == wanted && s.AvailableReplicas == wanted
}

// awaitWaiting waits until a pod's container waits for a reason after at least so many restarts.
func (b *bed) awaitWaiting(selector, reason string, restarts int32) corev1.Pod {
	b.t.Helper()
	var found corev1.Pod
	b.await(selector+" waits with "+reason, func() bool {
		for _, pod := range b.pods(selector) {
			for _, status := range pod.Status.ContainerStatuses {
				if status.State.Waiting != nil && status.State.Waiting.Reason == reason && status.RestartCount >= restarts {
					found = pod
					return true
				}
			}
		}
		return false
	})
	return found
}

// manifest is a Deployment "web" with the image's tag, template annotations and memory limit.
func manifest(tag, limit string, annotations ...string) string {
	out := `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {` + strings.Join(annotations, ", ") + `}
    spec:
      containers:
      - name: app
        image: registry.example/web:` + tag + `
        resources: {limits: {memory: ` + limit + `}}
`
	return out
}

func TestDeploymentRollsOut(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load(manifest("v1", "128Mi"))
	b.awaitAvailable("web")
	require.Len(t, b.pods("app=web"), 3)
	require.Equal(t, "1", b.deployment("web").Annotations["deployment.kubernetes.io/revision"])
}
