package function

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/functions/execute/reading"
)

var deployments = ways[*appsv1.Deployment]{
	read: func(kube reading.Client, namespace string) getter[*appsv1.Deployment] {
		return kube.AppsV1().Deployments(namespace)
	},
	write: func(kube kubernetes.Interface, namespace string) patcher[*appsv1.Deployment] {
		return kube.AppsV1().Deployments(namespace)
	},
}

var statefulSets = ways[*appsv1.StatefulSet]{
	read: func(kube reading.Client, namespace string) getter[*appsv1.StatefulSet] {
		return kube.AppsV1().StatefulSets(namespace)
	},
	write: func(kube kubernetes.Interface, namespace string) patcher[*appsv1.StatefulSet] {
		return kube.AppsV1().StatefulSets(namespace)
	},
}

var daemonSets = ways[*appsv1.DaemonSet]{
	read: func(kube reading.Client, namespace string) getter[*appsv1.DaemonSet] {
		return kube.AppsV1().DaemonSets(namespace)
	},
	write: func(kube kubernetes.Interface, namespace string) patcher[*appsv1.DaemonSet] {
		return kube.AppsV1().DaemonSets(namespace)
	},
}

var replicaSets = ways[*appsv1.ReplicaSet]{
	read: func(kube reading.Client, namespace string) getter[*appsv1.ReplicaSet] {
		return kube.AppsV1().ReplicaSets(namespace)
	},
	write: func(kube kubernetes.Interface, namespace string) patcher[*appsv1.ReplicaSet] {
		return kube.AppsV1().ReplicaSets(namespace)
	},
}

var autoscalers = ways[*autoscalingv2.HorizontalPodAutoscaler]{
	read: func(kube reading.Client, namespace string) getter[*autoscalingv2.HorizontalPodAutoscaler] {
		return kube.AutoscalingV2().HorizontalPodAutoscalers(namespace)
	},
	write: func(kube kubernetes.Interface, namespace string) patcher[*autoscalingv2.HorizontalPodAutoscaler] {
		return kube.AutoscalingV2().HorizontalPodAutoscalers(namespace)
	},
}

var nodes = ways[*corev1.Node]{
	read:  func(kube reading.Client, _ string) getter[*corev1.Node] { return kube.CoreV1().Nodes() },
	write: func(kube kubernetes.Interface, _ string) patcher[*corev1.Node] { return kube.CoreV1().Nodes() },
}
