package cluster

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
)

// source answers for one object's metadata, from memory when that is no older
// than maxAge, else from the API server.
type source interface {
	read(ctx context.Context, o object, maxAge time.Duration) (answer, error)
}

// object is one object's address.
type object struct {
	kind            Kind
	namespace, name string
}

// target names the object as targets do.
func (o object) target() event.Target {
	return event.Target{APIVersion: o.kind.APIVersion(), Kind: o.kind.Name(), Namespace: o.namespace, Name: o.name}
}

// answer is an object's metadata and how long ago it was true.
type answer struct {
	meta *metav1.PartialObjectMetadata
	age  time.Duration
}

// read asks the API server.
func (c *Clients) read(ctx context.Context, o object, _ time.Duration) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	meta, err := c.fetch(ctx, o)
	switch {
	case err == nil:
	case apierrors.IsForbidden(err):
		return answer{}, &NotReadable{Target: o.target(), Err: err}
	case apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse):
		// A 404 that is no word about the object: the kind is served no more, or
		// something before the API server answered.
		c.kinds.forget()
		return answer{}, fmt.Errorf("read %s: %w", o.target(), err)
	case apierrors.IsNotFound(err):
		return answer{}, fmt.Errorf("%w: %s", ErrGone, o.target())
	default:
		return answer{}, fmt.Errorf("read %s: %w", o.target(), err)
	}
	if meta.Name != o.name || meta.Namespace != o.namespace {
		return answer{}, fmt.Errorf("read %s: the API server answered with %s/%s: look at what is between it and this stage",
			o.target(), meta.Namespace, meta.Name)
	}
	meta.APIVersion, meta.Kind = o.kind.APIVersion(), o.kind.Kind
	// What kubectl last applied may hold secrets, and nothing here needs it.
	delete(meta.Annotations, corev1.LastAppliedConfigAnnotation)
	meta.ManagedFields = nil
	return answer{meta: meta}, nil
}

func (c *Clients) fetch(ctx context.Context, o object) (*metav1.PartialObjectMetadata, error) {
	resource := c.Metadata.Resource(o.kind.GVR())
	if o.kind.Namespaced {
		return resource.Namespace(o.namespace).Get(ctx, o.name, metav1.GetOptions{})
	}
	return resource.Get(ctx, o.name, metav1.GetOptions{})
}

// Locate reads the metadata of the object that the target names, without
// managed fields and without what kubectl last applied. ErrGone when there is
// none, ErrUnknownKind when the cluster serves no such kind; any other error
// may pass.
func (c *Clients) Locate(ctx context.Context, t event.Target) (*metav1.PartialObjectMetadata, error) {
	return locate(ctx, c, lookup{c, t})
}

// lookup is what every question starts from: the kinds' source and a target.
type lookup struct {
	clients *Clients
	target  event.Target
}

func (l lookup) object(ctx context.Context) (object, error) {
	kind, err := l.clients.KindOf(ctx, l.target)
	if err != nil {
		return object{}, err
	}
	o := object{kind: kind, namespace: l.target.Namespace, name: l.target.Name}
	if !kind.Namespaced {
		o.namespace = ""
	}
	if o.name == "" || kind.Namespaced && o.namespace == "" {
		return object{}, fmt.Errorf("%w: %s names no object", ErrGone, l.target)
	}
	return o, nil
}

func locate(ctx context.Context, from source, l lookup) (*metav1.PartialObjectMetadata, error) {
	o, err := l.object(ctx)
	if err != nil {
		return nil, err
	}
	a, err := from.read(ctx, o, maxAgeMetadata)
	if err != nil {
		return nil, err
	}
	return a.meta, nil
}

// TargetOf is the target that names the object.
func TargetOf(k Kind, m metav1.Object) event.Target {
	return event.Target{APIVersion: k.APIVersion(), Kind: k.Name(), Namespace: m.GetNamespace(),
		Name: m.GetName(), UID: string(m.GetUID())}
}
