// Package reading is the part of a Kubernetes client that cannot write. What
// plans an action, and what explains one, is given this and no more: there is no
// method by which it could change a cluster, not even by a dry run.
//
// The accessors are client-go's own, so code reads as it does everywhere:
//
//	pods, err := kube.CoreV1().Pods("shop").List(ctx, metav1.ListOptions{})
package reading

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	appsclient "k8s.io/client-go/kubernetes/typed/apps/v1"
	autoscalingclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// Client reads the kinds that actions are about.
type Client struct{ kube kubernetes.Interface }

// Of is what of the client only reads.
func Of(kube kubernetes.Interface) Client { return Client{kube} }

// Objects reads objects of one kind: client-go's typed clients do, and more.
type Objects[T, L any] interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (T, error)
	List(ctx context.Context, opts metav1.ListOptions) (L, error)
}

// Pods reads pods and their logs.
type Pods interface {
	Objects[*corev1.Pod, *corev1.PodList]
	GetLogs(name string, opts *corev1.PodLogOptions) *rest.Request
}

// Core reads kinds of the core group.
type Core struct{ group coreclient.CoreV1Interface }

// CoreV1 reads the core group.
func (c Client) CoreV1() Core { return Core{c.kube.CoreV1()} }

// Pods of a namespace.
func (c Core) Pods(namespace string) Pods { return c.group.Pods(namespace) }

// Nodes of the cluster.
func (c Core) Nodes() Objects[*corev1.Node, *corev1.NodeList] { return c.group.Nodes() }

// Events of a namespace.
func (c Core) Events(namespace string) Objects[*corev1.Event, *corev1.EventList] {
	return c.group.Events(namespace)
}

// LimitRanges of a namespace.
func (c Core) LimitRanges(namespace string) Objects[*corev1.LimitRange, *corev1.LimitRangeList] {
	return c.group.LimitRanges(namespace)
}

// ResourceQuotas of a namespace.
func (c Core) ResourceQuotas(namespace string) Objects[*corev1.ResourceQuota, *corev1.ResourceQuotaList] {
	return c.group.ResourceQuotas(namespace)
}

// Apps reads kinds of the group apps.
type Apps struct{ group appsclient.AppsV1Interface }

// AppsV1 reads the group apps.
func (c Client) AppsV1() Apps { return Apps{c.kube.AppsV1()} }

// Deployments of a namespace.
func (a Apps) Deployments(namespace string) Objects[*appsv1.Deployment, *appsv1.DeploymentList] {
	return a.group.Deployments(namespace)
}

// StatefulSets of a namespace.
func (a Apps) StatefulSets(namespace string) Objects[*appsv1.StatefulSet, *appsv1.StatefulSetList] {
	return a.group.StatefulSets(namespace)
}

// DaemonSets of a namespace.
func (a Apps) DaemonSets(namespace string) Objects[*appsv1.DaemonSet, *appsv1.DaemonSetList] {
	return a.group.DaemonSets(namespace)
}

// ReplicaSets of a namespace.
func (a Apps) ReplicaSets(namespace string) Objects[*appsv1.ReplicaSet, *appsv1.ReplicaSetList] {
	return a.group.ReplicaSets(namespace)
}

// ControllerRevisions of a namespace.
func (a Apps) ControllerRevisions(namespace string) Objects[*appsv1.ControllerRevision, *appsv1.ControllerRevisionList] {
	return a.group.ControllerRevisions(namespace)
}

// Autoscaling reads kinds of the group autoscaling.
type Autoscaling struct {
	group autoscalingclient.AutoscalingV2Interface
}

// AutoscalingV2 reads the group autoscaling.
func (c Client) AutoscalingV2() Autoscaling { return Autoscaling{c.kube.AutoscalingV2()} }

// HorizontalPodAutoscalers of a namespace.
func (a Autoscaling) HorizontalPodAutoscalers(namespace string) Objects[*autoscalingv2.HorizontalPodAutoscaler, *autoscalingv2.HorizontalPodAutoscalerList] {
	return a.group.HorizontalPodAutoscalers(namespace)
}
