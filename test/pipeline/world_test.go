package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// planted is a secret in each place of a workload where people keep some. It
// must not be found in anything that Kubernaut stores or says.
const planted = "hunter2-planted-secret"

// hungry is a Deployment whose container needs more memory than its limit:
// increase_resources heals it.
const hungry = `
apiVersion: v1
kind: Namespace
metadata:
  name: NAMESPACE
  labels: {environment: staging, kubernaut.ai/managed: "MANAGED"}
---
apiVersion: v1
kind: Secret
metadata: {name: credentials, namespace: NAMESPACE}
stringData: {password: ` + planted + `}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  namespace: NAMESPACE
  labels: {LABELS}
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"env":"` + planted + `"}}'
    example.com/note: ` + planted + `
spec:
  replicas: 2
  progressDeadlineSeconds: 60
  selector: {matchLabels: {app: app}}
  template:
    metadata:
      labels: {app: app}
      annotations: {simulation.kubernaut.ai/memory-need: 180Mi, example.com/token: ` + planted + `}
    spec:
      containers:
        - name: app
          image: registry.example/app:1.8.0
          args: [--password=` + planted + `]
          env:
            - {name: PASSWORD, value: ` + planted + `}
            - {name: TOKEN, valueFrom: {secretKeyRef: {name: credentials, key: password}}}
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {cpu: 500m, memory: 128Mi}
`

// ownedByFlux makes policy ask a person before the spec is changed.
const ownedByFlux = "kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system"

// workload says how a namespace's Deployment differs from the usual.
type workload struct {
	labels    string
	unmanaged bool
}

// sick loads a Deployment in a namespace of its own, and waits until the
// kernel has killed its containers.
func (b *bed) sick(t *testing.T, namespace string, w workload) {
	t.Helper()
	managed := "true"
	if w.unmanaged {
		managed = "false"
	}
	manifest := strings.NewReplacer("NAMESPACE", namespace, "LABELS", w.labels, "MANAGED", managed).Replace(hungry)
	require.NoError(t, b.Cluster().Load(strings.NewReader(manifest)))
	until(t, "crash loop in "+namespace, func() (bool, any) { return b.killed(t, namespace) == 2, b.killed(t, namespace) })
}

// killed counts the pods that wait after they were killed for want of memory.
func (b *bed) killed(t *testing.T, namespace string) (n int) {
	t.Helper()
	pods, err := b.kube.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			if c.State.Waiting != nil && c.LastTerminationState.Terminated != nil && c.LastTerminationState.Terminated.Reason == "OOMKilled" {
				n++
			}
		}
	}
	return n
}

// memory is the limit that the Deployment has now.
func (b *bed) memory(t *testing.T, namespace string) string {
	t.Helper()
	d, err := b.kube.AppsV1().Deployments(namespace).Get(t.Context(), "app", metav1.GetOptions{})
	require.NoError(t, err)
	return d.Spec.Template.Spec.Containers[0].Resources.Limits.Memory().String()
}

// healthy tells whether the Deployment has what it wants.
func (b *bed) healthy(t *testing.T, namespace string) bool {
	t.Helper()
	d, err := b.kube.AppsV1().Deployments(namespace).Get(t.Context(), "app", metav1.GetOptions{})
	require.NoError(t, err)
	return d.Status.ObservedGeneration == d.Generation && d.Status.ReadyReplicas == *d.Spec.Replicas && b.killed(t, namespace) == 0
}
