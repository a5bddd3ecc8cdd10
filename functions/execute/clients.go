package function

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
)

func deployments(kube kubernetes.Interface, namespace string) client[*appsv1.Deployment] {
	return kube.AppsV1().Deployments(namespace)
}

func statefulSets(kube kubernetes.Interface, namespace string) client[*appsv1.StatefulSet] {
	return kube.AppsV1().StatefulSets(namespace)
}

func daemonSets(kube kubernetes.Interface, namespace string) client[*appsv1.DaemonSet] {
	return kube.AppsV1().DaemonSets(namespace)
}

func replicaSets(kube kubernetes.Interface, namespace string) client[*appsv1.ReplicaSet] {
	return kube.AppsV1().ReplicaSets(namespace)
}

func autoscalers(kube kubernetes.Interface, namespace string) client[*autoscalingv2.HorizontalPodAutoscaler] {
	return kube.AutoscalingV2().HorizontalPodAutoscalers(namespace)
}

func nodes(kube kubernetes.Interface, _ string) client[*corev1.Node] { return kube.CoreV1().Nodes() }
