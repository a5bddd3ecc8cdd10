package scenario

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// The labels that decide what a scenario's namespace is to Kubernaut.
var (
	managed   = map[string]string{"kubernaut.ai/managed": "true", "environment": "staging"}
	unmanaged = map[string]string{"environment": "staging"}
)

// namespace makes one for the test, which goes when that ends.
func (w *world) namespace(t testing.TB, labels map[string]string) string {
	t.Helper()
	made, err := w.kube.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "scenario-", Labels: labels}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, w.kube.CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), made.Name, metav1.DeleteOptions{}))
	})
	return made.Name
}

// container is what a scenario's pods run: the patient with arguments.
func (w *world) container(arguments ...string) corev1.Container {
	return corev1.Container{
		Name: "app", Image: w.patient, Args: arguments,
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1m"), corev1.ResourceMemory: resource.MustParse("16Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("32Mi")},
		},
	}
}

// minReadySeconds is how long a pod must be ready before it counts.
const minReadySeconds = 3

// deploy makes a Deployment of one container.
func (w *world) deploy(t testing.TB, d *appsv1.Deployment) *appsv1.Deployment {
	t.Helper()
	made, err := w.kube.AppsV1().Deployments(d.Namespace).Create(t.Context(), d, metav1.CreateOptions{})
	require.NoError(t, err)
	return made
}

func deployment(namespace, name string, container corev1.Container) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](2), Selector: &metav1.LabelSelector{MatchLabels: labels},
			// Without it a container that crashes counts as available for a moment,
			// and the pods before it go.
			MinReadySeconds: minReadySeconds,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					Containers:                    []corev1.Container{container},
					AutomountServiceAccountToken:  ptr.To(false),
					TerminationGracePeriodSeconds: ptr.To[int64](1),
				},
			},
		},
	}
}

func (w *world) deployment(t testing.TB, of *appsv1.Deployment) *appsv1.Deployment {
	t.Helper()
	d, err := w.kube.AppsV1().Deployments(of.Namespace).Get(t.Context(), of.Name, metav1.GetOptions{})
	require.NoError(t, err)
	return d
}

// rolledOut waits until all pods of a Deployment are of its present template and
// available.
func (w *world) rolledOut(t testing.TB, of *appsv1.Deployment) (d *appsv1.Deployment) {
	t.Helper()
	until(t, "rollout of "+of.Name, func(context.Context) (bool, any) {
		d = w.deployment(t, of)
		s, wanted := d.Status, *d.Spec.Replicas
		return s.ObservedGeneration == d.Generation && s.Replicas == wanted && s.UpdatedReplicas == wanted && s.AvailableReplicas == wanted, s
	})
	return d
}

// pods are all of a namespace.
func (w *world) pods(t testing.TB, namespace string) []corev1.Pod {
	t.Helper()
	list, err := w.kube.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	return list.Items
}

// replicaSets are those of a Deployment, by what decides which is in use: their
// container's arguments.
func (w *world) replicaSets(t testing.TB, of *appsv1.Deployment) map[string]appsv1.ReplicaSet {
	t.Helper()
	list, err := w.kube.AppsV1().ReplicaSets(of.Namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	found := map[string]appsv1.ReplicaSet{}
	for _, set := range list.Items {
		if metav1.IsControlledBy(&set, of) {
			found[strings.Join(set.Spec.Template.Spec.Containers[0].Args, " ")] = set
		}
	}
	return found
}

// sick waits for a pod whose container the kubelet has started again and again
// (or will, and says why not yet), and returns its name.
func (w *world) sick(t testing.TB, of *appsv1.Deployment) (name string) {
	t.Helper()
	until(t, "a pod of "+of.Name+" that crash-loops", func(ctx context.Context) (bool, any) {
		pods, err := w.kube.CoreV1().Pods(of.Namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(of.Spec.Selector)})
		if err != nil {
			return false, err
		}
		var states []corev1.ContainerState
		for _, pod := range pods.Items {
			for _, container := range pod.Status.ContainerStatuses {
				states = append(states, container.State)
				if waiting := container.State.Waiting; waiting != nil && waiting.Reason == "CrashLoopBackOff" {
					name = pod.Name
					return true, nil
				}
			}
		}
		return false, states
	})
	return name
}
