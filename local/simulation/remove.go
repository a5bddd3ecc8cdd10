package simulation

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// delete removes an object or, where it ends in its own time (a pod's grace, finalizers, a namespace's content), marks it.
// removed says that it is gone at once. Errors are API statuses: not found, conflict on a failed precondition.
func (g *registry) delete(o writeOptions, r *resource, key types.NamespacedName, options *metav1.DeleteOptions) (result *item, removed bool, err error) {
	s := g.store
	s.mu.Lock()
	defer s.mu.Unlock()
	return g.deleteLocked(o, s.items[r][key], r, key, options)
}

func (g *registry) deleteLocked(o writeOptions, current *item, r *resource, key types.NamespacedName, options *metav1.DeleteOptions) (*item, bool, error) {
	if current == nil {
		return nil, false, apierrors.NewNotFound(r.groupResource(), key.Name)
	}
	if err := deletePreconditions(r, current, options); err != nil {
		return nil, false, err
	}
	grace := gracePeriod(r, current.object, options)
	finalizers := deletionFinalizers(current.meta.GetFinalizers(), options)
	waits := grace > 0 || len(finalizers) > 0 || namespaceHasContent(current.object)
	if o.dryRun {
		return current, !waits, nil
	}
	if !waits {
		last, err := g.store.removeLocked(current)
		return last, true, err
	}
	if marked := current.meta.GetDeletionTimestamp(); marked != nil {
		held := current.meta.GetDeletionGracePeriodSeconds()
		if held == nil || *held <= grace {
			return current, false, nil
		}
	}
	next := current.object.DeepCopyObject()
	markDeleted(o.now, next, grace, finalizers)
	result, err := g.store.commitLocked(r, next, current)
	return result, false, err
}

func markDeleted(now time.Time, object runtime.Object, grace int64, finalizers []string) {
	accessor := object.(metav1.Object)
	at := metav1.NewTime(now.Add(time.Duration(grace) * time.Second).Truncate(time.Second))
	accessor.SetDeletionTimestamp(&at)
	accessor.SetDeletionGracePeriodSeconds(&grace)
	accessor.SetFinalizers(finalizers)
	if accessor.GetGeneration() > 0 {
		accessor.SetGeneration(accessor.GetGeneration() + 1)
	}
	if namespace, ok := object.(*corev1.Namespace); ok {
		namespace.Status.Phase = corev1.NamespaceTerminating
	}
}

func deletePreconditions(r *resource, current *item, options *metav1.DeleteOptions) error {
	if options == nil || options.Preconditions == nil {
		return nil
	}
	name := current.meta.GetName()
	if uid := options.Preconditions.UID; uid != nil && *uid != current.meta.GetUID() {
		return conflict(r, name, fmt.Sprintf("the UID in the precondition (%s) does not match the UID in record (%s). The object might have been deleted and then recreated", *uid, current.meta.GetUID()))
	}
	if version := options.Preconditions.ResourceVersion; version != nil && *version != current.meta.GetResourceVersion() {
		return conflict(r, name, fmt.Sprintf("the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record (%s). The object might have been modified", *version, current.meta.GetResourceVersion()))
	}
	return nil
}

// gracePeriod returns how long a pod may take to end, in simulated seconds; everything else ends at once.
func gracePeriod(r *resource, object runtime.Object, options *metav1.DeleteOptions) int64 {
	pod, ok := object.(*corev1.Pod)
	if r != pods || !ok {
		return 0
	}
	if pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return 0
	}
	if options != nil && options.GracePeriodSeconds != nil {
		return max(*options.GracePeriodSeconds, 0)
	}
	if pod.Spec.TerminationGracePeriodSeconds != nil {
		return max(*pod.Spec.TerminationGracePeriodSeconds, 0)
	}
	return corev1.DefaultTerminationGracePeriodSeconds
}

// deletionFinalizers adds what the wanted propagation asks for; background, the default, asks for nothing.
func deletionFinalizers(existing []string, options *metav1.DeleteOptions) []string {
	out := slices.DeleteFunc(slices.Clone(existing), func(name string) bool {
		return name == metav1.FinalizerDeleteDependents || name == metav1.FinalizerOrphanDependents
	})
	if options == nil || options.PropagationPolicy == nil {
		return slices.Clone(existing)
	}
	switch *options.PropagationPolicy {
	case metav1.DeletePropagationForeground:
		return append(out, metav1.FinalizerDeleteDependents)
	case metav1.DeletePropagationOrphan:
		return append(out, metav1.FinalizerOrphanDependents)
	default:
		return out
	}
}

func namespaceHasContent(object runtime.Object) bool {
	namespace, ok := object.(*corev1.Namespace)
	return ok && len(namespace.Spec.Finalizers) > 0
}
