package function

import (
	"context"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

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
}

func workloadOf(l live) (workload, error) {
	switch t := l.typed.(type) {
	case *appsv1.Deployment:
		return workload{t.Namespace, t.Spec.Template, t.Spec.Selector, replicas(t.Spec.Replicas)}, nil
	case *appsv1.StatefulSet:
		return workload{t.Namespace, t.Spec.Template, t.Spec.Selector, replicas(t.Spec.Replicas)}, nil
	case *appsv1.DaemonSet:
		return workload{t.Namespace, t.Spec.Template, t.Spec.Selector, t.Status.DesiredNumberScheduled}, nil
	case *appsv1.ReplicaSet:
		return workload{t.Namespace, t.Spec.Template, t.Spec.Selector, replicas(t.Spec.Replicas)}, nil
	}
	return workload{}, refuse(ReasonKindUnsupported, "%s has no pod template", l.target)
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
