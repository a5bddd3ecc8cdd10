package simulation

import (
	"slices"
	"sort"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

func splitGroupVersion(apiVersion string) (group, version string, ok bool) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	return gv.Group, gv.Version, err == nil
}

func schemaKind(gvk metav1.GroupVersionKind) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind}
}

func sortedRefs(set map[ref]bool) []ref {
	out := make([]ref, 0, len(set))
	for r := range set {
		out = append(out, r)
	}
	sort.Slice(out, func(a, b int) bool {
		left, right := out[a], out[b]
		if left.resource != right.resource {
			return left.resource.kind < right.resource.kind
		}
		return left.key.String() < right.key.String()
	})
	return out
}

// collect is the garbage collector: an object all of whose known owners are gone goes too. It also lets an object go, or
// releases what it owns, when it was deleted with foreground or orphan propagation.
func (e *engine) collect(r ref) (gone bool, err error) {
	found := e.store.get(r.resource, r.key)
	if found == nil {
		return false, nil
	}
	if found.meta.GetDeletionTimestamp() != nil {
		return false, e.finalize(r, found)
	}
	owners := found.meta.GetOwnerReferences()
	if len(owners) == 0 {
		return false, nil
	}
	for _, owner := range owners {
		resource := ownerResource(owner)
		if resource == nil {
			return false, nil // not ours to judge
		}
		live := e.store.get(resource, ownerKey(resource, owner, r.key.Namespace))
		if live != nil && live.meta.GetUID() == owner.UID {
			return false, nil
		}
	}
	return true, e.remove(r, found.meta.GetUID(), nil)
}

func (e *engine) finalize(r ref, found *item) error {
	finalizers := found.meta.GetFinalizers()
	uid := found.meta.GetUID()
	switch {
	case slices.Contains(finalizers, metav1.FinalizerOrphanDependents):
		for _, dependent := range sortedRefs(e.owned[uid]) {
			if err := e.modify(dependent, func(o runtime.Object) { disown(o, uid) }); err != nil {
				return err
			}
		}
		return e.dropFinalizer(r, metav1.FinalizerOrphanDependents)
	case slices.Contains(finalizers, metav1.FinalizerDeleteDependents):
		remaining := sortedRefs(e.owned[uid])
		for _, dependent := range remaining {
			live := e.store.get(dependent.resource, dependent.key)
			if live == nil || live.meta.GetDeletionTimestamp() != nil {
				continue
			}
			if err := e.remove(dependent, live.meta.GetUID(), nil); err != nil {
				return err
			}
		}
		if len(remaining) == 0 {
			return e.dropFinalizer(r, metav1.FinalizerDeleteDependents)
		}
	}
	return nil
}

func disown(object runtime.Object, owner types.UID) {
	accessor := object.(metav1.Object)
	accessor.SetOwnerReferences(slices.DeleteFunc(accessor.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return o.UID == owner }))
}

func (e *engine) dropFinalizer(r ref, name string) error {
	return e.modify(r, func(o runtime.Object) {
		accessor := o.(metav1.Object)
		accessor.SetFinalizers(slices.DeleteFunc(accessor.GetFinalizers(), func(f string) bool { return f == name }))
	})
}

// reconcileNamespace empties a namespace that is being deleted, then lets it go.
func (e *engine) reconcileNamespace(r ref) error {
	namespace, ok := get[*corev1.Namespace](e, r)
	if !ok || namespace.DeletionTimestamp == nil {
		return nil
	}
	left := 0
	for _, kind := range served.all {
		if !kind.namespaced {
			continue
		}
		items, _ := e.store.list(kind, namespace.Name)
		left += len(items)
		for _, entry := range items {
			if entry.meta.GetDeletionTimestamp() != nil {
				continue
			}
			if err := e.remove(ref{kind, entry.key()}, entry.meta.GetUID(), nil); err != nil {
				return err
			}
		}
	}
	if left > 0 {
		e.after(stopTime, r)
		return nil
	}
	return e.modify(r, func(o runtime.Object) { o.(*corev1.Namespace).Spec.Finalizers = nil })
}

// reconcileClaim binds a volume claim at once: storage has no faults of its own here.
func (e *engine) reconcileClaim(r ref) error {
	claim, ok := get[*corev1.PersistentVolumeClaim](e, r)
	if !ok {
		return nil
	}
	return e.setStatus(r, func(o runtime.Object) {
		status := &o.(*corev1.PersistentVolumeClaim).Status
		status.Phase, status.AccessModes = corev1.ClaimBound, claim.Spec.AccessModes
		status.Capacity = claim.Spec.Resources.Requests.DeepCopy()
	})
}
