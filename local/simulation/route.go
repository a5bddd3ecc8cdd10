package simulation

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// index keeps the engine's indexes in step with a change.
func (e *engine) index(c change) {
	self := ref{c.item.resource, c.item.key()}
	if c.previous != nil {
		e.forget(self, c.previous)
	}
	if c.kind == watch.Deleted {
		delete(e.waiting, self)
		delete(e.kubelet, c.item.meta.GetUID())
		delete(e.nodes, c.item.meta.GetUID())
		return
	}
	for _, owner := range c.item.meta.GetOwnerReferences() {
		put(e.owned, owner.UID, self)
	}
	if pod, ok := c.item.object.(*corev1.Pod); ok {
		if pod.Spec.NodeName == "" {
			e.waiting[self] = true
		} else {
			delete(e.waiting, self)
			put(e.onNode, pod.Spec.NodeName, self)
		}
	}
}

func (e *engine) forget(self ref, previous *item) {
	for _, owner := range previous.meta.GetOwnerReferences() {
		drop(e.owned, owner.UID, self)
	}
	if pod, ok := previous.object.(*corev1.Pod); ok {
		drop(e.onNode, pod.Spec.NodeName, self)
	}
}

func put[K comparable](index map[K]map[ref]bool, key K, r ref) {
	if index[key] == nil {
		index[key] = map[ref]bool{}
	}
	index[key][r] = true
}

func drop[K comparable](index map[K]map[ref]bool, key K, r ref) {
	delete(index[key], r)
	if len(index[key]) == 0 {
		delete(index, key)
	}
}

// route names every object that a change concerns.
func (e *engine) route(c change) {
	r := c.item.resource
	if r == eventsResource {
		return
	}
	self := ref{r, c.item.key()}
	e.enqueue(self)
	e.routeOwners(c.item)
	if c.previous != nil {
		e.routeOwners(c.previous)
	}
	switch r {
	case pods:
		e.routePod(c)
	case nodes:
		e.routeNode(c)
	case deployments, replicaSets, statefulSets:
		e.enqueueAutoscalersOf(c.item)
		e.enqueueAll(budgets, c.item.meta.GetNamespace())
	}
	if c.kind != watch.Deleted {
		return
	}
	for dependent := range e.owned[c.item.meta.GetUID()] {
		e.enqueue(dependent)
	}
	if r.namespaced {
		e.enqueue(ref{namespaces, types.NamespacedName{Name: c.item.meta.GetNamespace()}})
	}
}

func (e *engine) routeOwners(entry *item) {
	for _, owner := range entry.meta.GetOwnerReferences() {
		if r := ownerResource(owner); r != nil {
			e.enqueue(ref{r, ownerKey(r, owner, entry.meta.GetNamespace())})
		}
	}
}

func ownerResource(owner metav1.OwnerReference) *resource {
	gvk := metav1.GroupVersionKind{}
	if group, version, ok := splitGroupVersion(owner.APIVersion); ok {
		gvk = metav1.GroupVersionKind{Group: group, Version: version, Kind: owner.Kind}
	}
	return served.byKind[schemaKind(gvk)]
}

func ownerKey(r *resource, owner metav1.OwnerReference, namespace string) types.NamespacedName {
	if !r.namespaced {
		namespace = ""
	}
	return types.NamespacedName{Namespace: namespace, Name: owner.Name}
}

func (e *engine) routePod(c change) {
	e.enqueueAll(budgets, c.item.meta.GetNamespace())
	pod := c.item.object.(*corev1.Pod)
	if c.kind == watch.Deleted || pod.DeletionTimestamp != nil {
		e.noteReplacement(pod)
	}
	if c.kind == watch.Deleted {
		e.enqueueWaiting()
	}
}

func (e *engine) enqueueWaiting() {
	for _, waiting := range sortedRefs(e.waiting) {
		e.enqueue(waiting)
	}
}

func (e *engine) routeNode(c change) {
	e.enqueueWaiting()
	for _, pod := range sortedRefs(e.onNode[c.item.meta.GetName()]) {
		e.enqueue(pod)
	}
	e.enqueueAll(daemonSets, "")
}

// enqueueAutoscalersOf names the autoscalers of one target only: naming all of its namespace would make each change cost as
// much as the namespace is large.
func (e *engine) enqueueAutoscalersOf(target *item) {
	items, _ := e.store.list(autoscalers, target.name.Namespace)
	for _, entry := range items {
		to := entry.object.(*autoscalingv2.HorizontalPodAutoscaler).Spec.ScaleTargetRef
		if to.Name == target.name.Name && to.Kind == target.resource.kind {
			e.enqueue(ref{autoscalers, entry.name})
		}
	}
}

func (e *engine) enqueueAll(r *resource, namespace string) {
	items, _ := e.store.list(r, namespace)
	for _, entry := range items {
		e.enqueue(ref{r, entry.key()})
	}
}

// reconcile brings one object, and what it controls, one step nearer to what it should be.
func (e *engine) reconcile(r ref) error {
	if gone, err := e.collect(r); gone || err != nil {
		return err
	}
	switch r.resource {
	case pods:
		return e.reconcilePod(r)
	case nodes:
		return e.reconcileNode(r)
	case namespaces:
		return e.reconcileNamespace(r)
	case claims:
		return e.reconcileClaim(r)
	case deployments:
		return e.reconcileDeployment(r)
	case replicaSets:
		return e.reconcileReplicaSet(r)
	case statefulSets:
		return e.reconcileStatefulSet(r)
	case daemonSets:
		return e.reconcileDaemonSet(r)
	case jobs:
		return e.reconcileJob(r)
	case autoscalers:
		return e.reconcileAutoscaler(r)
	case budgets:
		return e.reconcileBudget(r)
	}
	return nil
}
