package simulation

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// revisioned is a workload whose templates are kept as ControllerRevisions.
type revisioned struct {
	resource *resource
	owner    metav1.Object
	template *corev1.PodTemplateSpec
	labels   map[string]string
	limit    int
}

// revisions makes sure that the template has a ControllerRevision, which is the newest, and returns it and all of them, oldest first. A
// template seen before uses its revision again with a new number, as the real controllers do.
func (e *engine) revisions(w revisioned) (current *appsv1.ControllerRevision, all []*appsv1.ControllerRevision, err error) {
	data, err := templatePatch(w.template)
	if err != nil {
		return nil, nil, err
	}
	all = dependents[*appsv1.ControllerRevision](e, controllerRevisions, w.owner.GetUID())
	sort.SliceStable(all, func(a, b int) bool { return all[a].Revision < all[b].Revision })
	var highest int64
	for _, revision := range all {
		highest = max(highest, revision.Revision)
		if string(revision.Data.Raw) == string(data) {
			current = revision
		}
	}
	if current != nil && current.Revision == highest {
		return current, all, nil
	}
	if current != nil {
		again := current.DeepCopy()
		again.Revision = highest + 1
		err := e.modify(ref{controllerRevisions, namespacedName(current)}, func(o runtime.Object) { o.(*appsv1.ControllerRevision).Revision = highest + 1 })
		return again, all, err
	}
	hash := templateHash(w.template)
	labels := map[string]string{appsv1.ControllerRevisionHashLabelKey: hash}
	for name, value := range w.labels {
		labels[name] = value
	}
	current = &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name: w.owner.GetName() + "-" + hash, Namespace: w.owner.GetNamespace(), Labels: labels,
			OwnerReferences: []metav1.OwnerReference{ownerReference(w.resource, w.owner)},
		},
		Data: runtime.RawExtension{Raw: data}, Revision: highest + 1,
	}
	if err := e.create(controllerRevisions, current); err != nil {
		return nil, nil, err
	}
	return current, append(all, current), nil
}

// templatePatch is a revision's content: the strategic merge patch that puts the template back.
func templatePatch(template *corev1.PodTemplateSpec) ([]byte, error) {
	raw, err := json.Marshal(template)
	if err != nil {
		return nil, fmt.Errorf("encode pod template: %w", err)
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("decode pod template: %w", err)
	}
	tree["$patch"] = "replace"
	out, err := json.Marshal(map[string]any{"spec": map[string]any{"template": tree}})
	if err != nil {
		return nil, fmt.Errorf("encode revision: %w", err)
	}
	return out, nil
}

// pruneRevisions removes the oldest revisions that no pod uses, beyond the limit.
func (e *engine) pruneRevisions(w revisioned, all []*appsv1.ControllerRevision, used map[string]bool) error {
	excess := len(all) - 1 - w.limit
	for _, revision := range all {
		if excess <= 0 {
			return nil
		}
		if used[revision.Labels[appsv1.ControllerRevisionHashLabelKey]] {
			continue
		}
		if err := e.remove(ref{controllerRevisions, namespacedName(revision)}, revision.UID, nil); err != nil {
			return err
		}
		excess--
	}
	return nil
}

// revisionLabel is what a pod of a revision carries: the whole name for StatefulSets, the hash for DaemonSets.
func revisionLabel(w revisioned, revision *appsv1.ControllerRevision) string {
	if w.resource == statefulSets {
		return revision.Name
	}
	return strings.TrimPrefix(revision.Name, w.owner.GetName()+"-")
}

// templateAt returns the template that a revision holds.
func templateAt(revision *appsv1.ControllerRevision) (*corev1.PodTemplateSpec, error) {
	var content struct {
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(revision.Data.Raw, &content); err != nil {
		return nil, fmt.Errorf("decode revision %s: %w", revision.Name, err)
	}
	return &content.Spec.Template, nil
}
