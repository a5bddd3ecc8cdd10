package replay

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/shared/event"
)

// alerting says whether the fault that a sample's alert is about is there:
// the part of Prometheus, for the kinds that samples use.
func alerting(ctx context.Context, kube kubernetes.Interface, t event.Target) (bool, error) {
	switch t.Kind {
	case "Deployment":
		return deploymentAlerts(ctx, kube, t)
	case "StatefulSet":
		s, err := kube.AppsV1().StatefulSets(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return s.Status.ReadyReplicas < *s.Spec.Replicas, nil
	case "HorizontalPodAutoscaler":
		h, err := kube.AutoscalingV2().HorizontalPodAutoscalers(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, c := range h.Status.Conditions {
			if c.Type == "ScalingLimited" {
				return c.Status == corev1.ConditionTrue, nil
			}
		}
		return false, nil
	case "Node":
		n, err := kube.CoreV1().Nodes().Get(ctx, t.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady {
				return c.Status != corev1.ConditionTrue, nil
			}
		}
		return false, nil
	}
	return false, fmt.Errorf("samples have no rule for a %s", t.Kind)
}

func deploymentAlerts(ctx context.Context, kube kubernetes.Interface, t event.Target) (bool, error) {
	d, err := kube.AppsV1().Deployments(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	if d.Status.ObservedGeneration < d.Generation || d.Status.ReadyReplicas < *d.Spec.Replicas || d.Status.UpdatedReplicas < *d.Spec.Replicas {
		return true, nil
	}
	pod, err := unhealthyPod(ctx, kube, t)
	return pod != "", err
}

// unhealthyPod is a pod of the workload whose container waits in error or
// has been killed, empty if there is none.
func unhealthyPod(ctx context.Context, kube kubernetes.Interface, t event.Target) (string, error) {
	d, err := kube.AppsV1().Deployments(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	pods, err := kube.CoreV1().Pods(t.Namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)})
	if err != nil {
		return "", err
	}
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			if w := c.State.Waiting; w != nil && w.Reason != "ContainerCreating" && p.DeletionTimestamp == nil {
				return p.Name, nil
			}
		}
	}
	return "", nil
}
