package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// MaxOwners bounds the walk from an object to its top owner. Five is more
// than any workload of Kubernetes and its common operators needs.
const MaxOwners = 5

// Owners is the chain of controllers: the object itself first, its top owner
// last, so it is never empty, and no object is in it twice. A Pod that nobody
// controls is its own top; so is a mirror Pod, whose controller is the Node it
// runs on. A controller of a foreign kind that the cluster does not serve ends
// the chain below it. ErrGone when the object, or a controller on the way, no
// longer exists: what is left is about to be collected. ErrForbidden when one
// of them may not be read: it may have opted out.
func (c *Clients) Owners(ctx context.Context, t event.Target) ([]event.Target, error) {
	return owners(ctx, c, lookup{c, t})
}

func owners(ctx context.Context, from source, l lookup) ([]event.Target, error) {
	o, err := l.object(ctx)
	if err != nil {
		return nil, err
	}
	var chain []event.Target
	var ref *metav1.OwnerReference
	for {
		meta, err := verified(ctx, from, link{o, ref})
		if err != nil {
			return nil, err
		}
		chain = append(chain, TargetOf(o.kind, meta))
		ref = controller(o.kind, meta)
		if ref == nil || len(chain) > MaxOwners {
			return chain, nil
		}
		next := lookup{l.clients, event.Target{APIVersion: ref.APIVersion, Kind: ref.Kind,
			Namespace: meta.GetNamespace(), Name: ref.Name}}
		o, err = next.object(ctx)
		if nobody(next.target, err) || slices.ContainsFunc(chain, o.target().Same) {
			return chain, nil
		}
		if err != nil {
			return nil, fmt.Errorf("owner of %s: %w", chain[len(chain)-1], err)
		}
	}
}

// nobody reports whether a reference can lead to no object: its kind is a
// foreign one that is not served, or its dependent is cluster-scoped and it is
// not, which Kubernetes takes for no owner, too.
func nobody(owner event.Target, err error) bool {
	group, _, ok := strings.Cut(owner.APIVersion, "/")
	foreign := ok && !signal.OwnGroup(group)
	return foreign && errors.Is(err, ErrUnknownKind) || owner.Namespace == "" && errors.Is(err, ErrGone)
}

// link is one step of the walk: an object, and the reference that led to it.
type link struct {
	object object
	ref    *metav1.OwnerReference
}

// verified reads an object and believes memory only where memory cannot have
// lost what matters: an object of a kind that is usually owned but seems to
// have no owner, or one that is not the object its dependent refers to, is
// read again.
func verified(ctx context.Context, from source, l link) (*metav1.PartialObjectMetadata, error) {
	a, err := from.read(ctx, l.object, maxAgeMetadata)
	if err != nil {
		return nil, err
	}
	orphan := usuallyOwned[l.object.kind.Kind] && controller(l.object.kind, a.meta) == nil
	if a.age > 0 && (orphan || !l.leadsTo(a.meta)) {
		if a, err = from.read(ctx, l.object, maxAgeOrphan); err != nil {
			return nil, err
		}
	}
	if !l.leadsTo(a.meta) {
		return nil, fmt.Errorf("%w: %s was replaced by another of its name", ErrGone, l.object.target())
	}
	return a.meta, nil
}

// leadsTo reports whether m is the very object that the reference means.
func (l link) leadsTo(m *metav1.PartialObjectMetadata) bool {
	return l.ref == nil || l.ref.UID == "" || m.UID == "" || l.ref.UID == m.UID
}

// usuallyOwned are the kinds that a controller normally makes: one of them
// without an owner is rare enough to ask again.
var usuallyOwned = map[string]bool{"Pod": true, "ReplicaSet": true, "Job": true, "ControllerRevision": true}

// How old a remembered answer may be, by what it is asked for.
const (
	maxAgeMetadata = time.Minute
	// maxAgeOrphan bounds how often a standalone Pod is verified.
	maxAgeOrphan = time.Second
	// maxAgeScope bounds how long an opt-out needs to be seen.
	maxAgeScope = 10 * time.Second
	// maxAgeNo bounds how long an opt-in, or a new object, needs to be seen.
	maxAgeNo = 2 * time.Second
)

// controller is the reference to the object's controller, nil at the top.
func controller(k Kind, m *metav1.PartialObjectMetadata) *metav1.OwnerReference {
	ref := metav1.GetControllerOfNoCopy(m)
	if ref == nil || k.Kind != "Pod" {
		return ref
	}
	if _, mirror := m.Annotations[corev1.MirrorPodAnnotationKey]; mirror || ref.Kind == "Node" {
		return nil
	}
	return ref
}
