package simulation

import (
	"crypto/rand"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// Subresources that write through the registry.
const (
	subresourceNone     = ""
	subresourceStatus   = "status"
	subresourceScale    = "scale"
	subresourceEviction = "eviction"
	subresourceLog      = "log"
	subresourceFinalize = "finalize"
)

// writeOptions say who writes, how, and whether for real.
type writeOptions struct {
	now         time.Time
	manager     string
	operation   metav1.ManagedFieldsOperationType
	subresource string
	dryRun      bool
	system      bool // a controller: it writes what it likes, without validation or field management
}

// registry is the writing half of the API server: defaulting, validation, preconditions, generation, dry run. Every write, a
// controller's too, goes through it, and each is one transaction under the store's lock.
type registry struct {
	store *store
}

// create stores a new object. Errors are API statuses: already exists, not found (its namespace), invalid.
func (g *registry) create(o writeOptions, r *resource, object runtime.Object) (*item, error) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if accessor.GetName() == "" && accessor.GetGenerateName() != "" {
		accessor.SetName(accessor.GetGenerateName() + randomSuffix())
	}
	if accessor.GetResourceVersion() != "" {
		return nil, apierrors.NewBadRequest("resourceVersion should not be set on objects to be created")
	}
	prepareCreate(o, r, object, accessor)
	applyDefaults(object)
	if !o.system {
		if err := validate(r, object, nil); err != nil {
			return nil, err
		}
		manage(o, r, nil, object, accessor)
	}
	s := g.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := g.namespaceOpenLocked(r, accessor); err != nil {
		return nil, err
	}
	key := types.NamespacedName{Namespace: accessor.GetNamespace(), Name: accessor.GetName()}
	if s.items[r][key] != nil {
		return nil, apierrors.NewAlreadyExists(r.groupResource(), key.Name)
	}
	if o.dryRun {
		return newItem(r, object, s.version)
	}
	return s.commitLocked(r, object, nil)
}

func prepareCreate(o writeOptions, r *resource, object runtime.Object, accessor metav1.Object) {
	accessor.SetUID(newUID())
	accessor.SetCreationTimestamp(metav1.NewTime(o.now.Truncate(time.Second)))
	accessor.SetDeletionTimestamp(nil)
	accessor.SetDeletionGracePeriodSeconds(nil)
	accessor.SetSelfLink("")
	accessor.SetManagedFields(nil)
	accessor.SetGeneration(0)
	if r.generation {
		accessor.SetGeneration(1)
	}
	if r.status && !o.system {
		clearField("Status", object)
	}
}

// namespaceOpenLocked refuses what a namespace that does not exist or is being deleted cannot take.
func (g *registry) namespaceOpenLocked(r *resource, accessor metav1.Object) error {
	if !r.namespaced {
		return nil
	}
	name := accessor.GetNamespace()
	home := g.store.items[namespaces][types.NamespacedName{Name: name}]
	if home == nil {
		return apierrors.NewNotFound(namespaces.groupResource(), name)
	}
	if home.meta.GetDeletionTimestamp() == nil {
		return nil
	}
	err := apierrors.NewForbidden(r.groupResource(), accessor.GetName(),
		fmt.Errorf("unable to create new content in namespace %s because it is being terminated", name))
	err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{
		Type: corev1.NamespaceTerminatingCause, Message: fmt.Sprintf("namespace %s is being terminated", name), Field: "metadata.namespace",
	})
	return err
}

// mutation turns a private copy of the current object into the wanted one.
type mutation func(current runtime.Object) (runtime.Object, error)

// update applies a mutation. changed is false when the result equals what is stored: then nothing is written and the
// resourceVersion stays, as on a real server.
func (g *registry) update(o writeOptions, r *resource, key types.NamespacedName, mutate mutation) (result *item, changed bool, err error) {
	s := g.store
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.items[r][key]
	if current == nil {
		return nil, false, apierrors.NewNotFound(r.groupResource(), key.Name)
	}
	next, err := mutate(current.object.DeepCopyObject())
	if err != nil {
		return nil, false, err
	}
	accessor, err := meta.Accessor(next)
	if err != nil {
		return nil, false, apierrors.NewBadRequest(err.Error())
	}
	if err := g.admitUpdate(o, r, current, next, accessor); err != nil {
		return nil, false, err
	}
	if equality.Semantic.DeepEqual(current.object, next) {
		return current, false, nil
	}
	if !o.system {
		manage(o, r, current.object, next, accessor)
	}
	if o.dryRun {
		result, err = newItem(r, next, current.version)
		return result, false, err
	}
	result, err = s.commitLocked(r, next, current)
	if err != nil {
		return nil, false, err
	}
	if released(r, accessor) {
		result, err = s.removeLocked(result)
	}
	return result, true, err
}

// admitUpdate checks preconditions, restores what a client may not change, and validates.
func (g *registry) admitUpdate(o writeOptions, r *resource, current *item, next runtime.Object, accessor metav1.Object) error {
	next.GetObjectKind().SetGroupVersionKind(current.object.GetObjectKind().GroupVersionKind())
	if err := preconditions(r, current, accessor); err != nil {
		return err
	}
	old := current.meta
	accessor.SetResourceVersion(old.GetResourceVersion())
	accessor.SetUID(old.GetUID())
	accessor.SetCreationTimestamp(old.GetCreationTimestamp())
	accessor.SetDeletionTimestamp(old.GetDeletionTimestamp())
	accessor.SetDeletionGracePeriodSeconds(old.GetDeletionGracePeriodSeconds())
	accessor.SetGeneration(old.GetGeneration())
	accessor.SetGenerateName(old.GetGenerateName())
	accessor.SetSelfLink("")
	accessor.SetManagedFields(old.GetManagedFields())
	switch {
	case o.subresource == subresourceStatus:
		copyField("Spec", current.object, next)
		accessor.SetLabels(old.GetLabels())
		accessor.SetOwnerReferences(old.GetOwnerReferences())
		accessor.SetFinalizers(old.GetFinalizers())
	case r.status && !o.system:
		copyField("Status", current.object, next)
	}
	applyDefaults(next)
	if !o.system {
		if err := validate(r, next, current.object); err != nil {
			return err
		}
	}
	// A Deployment's controller annotates it beside the status, which does not count.
	annotated := r.annotated && !o.system && !maps.Equal(old.GetAnnotations(), accessor.GetAnnotations())
	if r.generation && (annotated || specChanged(current.object, next)) {
		accessor.SetGeneration(old.GetGeneration() + 1)
	}
	return nil
}

func specChanged(old, next runtime.Object) bool {
	before, after := fieldOf(old, "Spec"), fieldOf(next, "Spec")
	return before.IsValid() && !equality.Semantic.DeepEqual(before.Interface(), after.Interface())
}

func preconditions(r *resource, current *item, accessor metav1.Object) error {
	name := current.meta.GetName()
	if uid := accessor.GetUID(); uid != "" && uid != current.meta.GetUID() {
		return conflict(r, name, fmt.Sprintf("Precondition failed: UID in precondition: %s, UID in object meta: %s", uid, current.meta.GetUID()))
	}
	if version := accessor.GetResourceVersion(); version != "" && version != current.meta.GetResourceVersion() {
		return conflict(r, name, "the object has been modified; please apply your changes to the latest version and try again")
	}
	return nil
}

func conflict(r *resource, name, why string) error {
	return apierrors.NewConflict(r.groupResource(), name, fmt.Errorf("%s", why))
}

// released says whether an object that waits for its finalizers may go now.
func released(r *resource, accessor metav1.Object) bool {
	if accessor.GetDeletionTimestamp() == nil || len(accessor.GetFinalizers()) > 0 {
		return false
	}
	if namespace, ok := accessor.(*corev1.Namespace); ok {
		return len(namespace.Spec.Finalizers) == 0
	}
	grace := accessor.GetDeletionGracePeriodSeconds()
	return r != pods || grace == nil || *grace == 0
}

const (
	suffixLength   = 5
	suffixAlphabet = "bcdfghjklmnpqrstvwxz2456789" // without vowels, as the real server's, so that no word appears
)

func randomSuffix() string {
	raw := make([]byte, suffixLength)
	_, _ = rand.Read(raw) // crypto/rand never fails
	for i, b := range raw {
		raw[i] = suffixAlphabet[int(b)%len(suffixAlphabet)]
	}
	return string(raw)
}

func newUID() types.UID {
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80
	return types.UID(fmt.Sprintf("%x-%x-%x-%x-%x", raw[0:4], raw[4:6], raw[6:8], raw[8:10], raw[10:]))
}
