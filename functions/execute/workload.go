package function

import (
	"cmp"
	"context"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kubernaut.ai/functions/execute/reading"
)

// podPage bounds the pods of a workload that are looked at.
const podPage = 500

// workload is what the kinds that make pods have in common.
type workload struct {
	namespace string
	template  corev1.PodTemplateSpec
	selector  *metav1.LabelSelector
	replicas  int32
	// surge is how many pods a rollout makes beyond those.
	surge int32
}

func workloadOf(l live) (workload, error) {
	switch t := l.typed.(type) {
	case *appsv1.Deployment:
		n := replicas(t.Spec.Replicas)
		return workload{t.Namespace, t.Spec.Template, t.Spec.Selector, n, deploymentSurge(t.Spec.Strategy, n)}, nil
	case *appsv1.StatefulSet:
		return workload{t.Namespace, t.Spec.Template, t.Spec.Selector, replicas(t.Spec.Replicas), 0}, nil
	case *appsv1.DaemonSet:
		n := t.Status.DesiredNumberScheduled
		return workload{t.Namespace, t.Spec.Template, t.Spec.Selector, n, daemonSetSurge(t.Spec.UpdateStrategy, n)}, nil
	case *appsv1.ReplicaSet:
		return workload{t.Namespace, t.Spec.Template, t.Spec.Selector, replicas(t.Spec.Replicas), 0}, nil
	}
	return workload{}, refuse(ReasonKindUnsupported, "%s has no pod template", l.target)
}

// defaultSurge is a Deployment's where none is written.
var defaultSurge = intstr.FromString("25%")

func deploymentSurge(s appsv1.DeploymentStrategy, replicas int32) int32 {
	switch {
	case s.Type == appsv1.RecreateDeploymentStrategyType:
		return 0
	case s.RollingUpdate == nil:
		return surgeOf(&defaultSurge, replicas)
	}
	return surgeOf(cmp.Or(s.RollingUpdate.MaxSurge, &defaultSurge), replicas)
}

// daemonSetSurge is none where none is written: a node's former pod ends first.
func daemonSetSurge(s appsv1.DaemonSetUpdateStrategy, nodes int32) int32 {
	if s.Type == appsv1.OnDeleteDaemonSetStrategyType || s.RollingUpdate == nil || s.RollingUpdate.MaxSurge == nil {
		return 0
	}
	return surgeOf(s.RollingUpdate.MaxSurge, nodes)
}

// surgeOf rounds a share up, as the controllers do. One that cannot be read, which
// the API server lets nobody write, counts as all pods.
func surgeOf(most *intstr.IntOrString, replicas int32) int32 {
	n, err := intstr.GetScaledValueFromIntOrPercent(most, int(replicas), true)
	if err != nil {
		return replicas
	}
	return int32(n)
}

// podsOf lists the pods that the workload controls, by name.
func podsOf(ctx context.Context, kube reading.Client, l live) ([]corev1.Pod, error) {
	w, err := workloadOf(l)
	if err != nil {
		return nil, err
	}
	options, err := controlled{l.meta, w.selector}.options()
	if err != nil {
		return nil, err
	}
	owners := map[types.UID]bool{l.meta.GetUID(): true}
	if d, ok := l.typed.(*appsv1.Deployment); ok {
		sets, err := kube.AppsV1().ReplicaSets(d.Namespace).List(ctx, options)
		if err != nil {
			return nil, apiFailure("list replica sets", err)
		}
		for i := range sets.Items {
			if metav1.IsControlledBy(&sets.Items[i], d) {
				owners[sets.Items[i].UID] = true
			}
		}
	}
	options.Limit = podPage
	list, err := kube.CoreV1().Pods(w.namespace).List(ctx, options)
	if err != nil {
		return nil, apiFailure("list pods", err)
	}
	var out []corev1.Pod
	for _, pod := range list.Items {
		if owner := metav1.GetControllerOfNoCopy(&pod); owner != nil && owners[owner.UID] {
			out = append(out, pod)
		}
	}
	slices.SortFunc(out, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
