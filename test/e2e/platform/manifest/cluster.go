package manifest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// DefaultManager is whom server-side apply names as the owner of the fields,
// unless the Cluster has another.
const DefaultManager = "kubernaut-e2e"

const (
	// retryPeriod is between two tries of what a cluster that is starting
	// refuses: a kind not served yet, a webhook not reachable yet.
	retryPeriod = 250 * time.Millisecond
	// transientPatience is how long such a refusal counts as passing.
	transientPatience = 90 * time.Second
	// parallel is how many objects of one rank are applied at once.
	parallel = 12
)

// Cluster applies objects to one cluster.
type Cluster struct {
	// Manager is whom server-side apply names as the owner of the fields: who applies
	// the same objects later under that name owns them too.
	Manager string

	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
	typed   kubernetes.Interface
}

// Connect makes a Cluster of a client configuration. It asks nothing yet.
func Connect(config *rest.Config) (*Cluster, error) {
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make dynamic client: %w", err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(typed.Discovery()))
	return &Cluster{Manager: DefaultManager, dynamic: dynamicClient, mapper: mapper, typed: typed}, nil
}

// Apply applies objects by server-side apply, taking fields over from others:
// ranks one after the other, objects of one rank side by side. It tries again
// what a starting cluster refuses, for transientPatience.
func (c *Cluster) Apply(ctx context.Context, objects ...*unstructured.Unstructured) error {
	ordered := append([]*unstructured.Unstructured(nil), objects...)
	Order(ordered)
	for len(ordered) > 0 {
		n := 0
		for n < len(ordered) && rankOf(ordered[n]) == rankOf(ordered[0]) {
			n++
		}
		if err := c.applyTogether(ctx, ordered[:n]); err != nil {
			return err
		}
		ordered = ordered[n:]
	}
	return nil
}

func (c *Cluster) applyTogether(ctx context.Context, objects []*unstructured.Unstructured) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, object := range objects {
		group.Go(func() error { return c.applyPatiently(ctx, object) })
	}
	return group.Wait()
}

func (c *Cluster) applyPatiently(ctx context.Context, object *unstructured.Unstructured) error {
	waiting, cancel := context.WithTimeout(ctx, transientPatience)
	defer cancel()
	var last error
	err := Await(waiting, func(ctx context.Context) (bool, error) {
		last = c.applyOnce(ctx, object)
		if last != nil && !passing(last) {
			return false, last
		}
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("apply %s: %w", Name(object), errors.Join(err, last))
	}
	return nil
}

func (c *Cluster) applyOnce(ctx context.Context, object *unstructured.Unstructured) error {
	resource, err := c.resource(object)
	if err != nil {
		return err
	}
	_, err = resource.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: c.Manager, Force: true})
	return err
}

// resource is the client for an object's kind, in its namespace where it has one.
func (c *Cluster) resource(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		// A kind is established a moment before discovery tells of it: what was read
		// in between counts as fresh, and would be believed for ever.
		c.mapper.Reset()
	}
	if err != nil {
		return nil, fmt.Errorf("find resource of %s: %w", kind, err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return c.dynamic.Resource(mapping.Resource), nil
	}
	namespace := object.GetNamespace()
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return c.dynamic.Resource(mapping.Resource).Namespace(namespace), nil
}

// Get reads the object that has the same kind, namespace and name.
func (c *Cluster) Get(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	resource, err := c.resource(object)
	if err != nil {
		return nil, err
	}
	return resource.Get(ctx, object.GetName(), metav1.GetOptions{})
}

// Delete deletes objects; what is not there is deleted already.
func (c *Cluster) Delete(ctx context.Context, objects ...*unstructured.Unstructured) error {
	var failed []error
	for _, object := range objects {
		resource, err := c.resource(object)
		if err == nil {
			err = resource.Delete(ctx, object.GetName(), metav1.DeleteOptions{})
		}
		if err != nil && !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err) {
			failed = append(failed, fmt.Errorf("delete %s: %w", Name(object), err))
		}
	}
	return errors.Join(failed...)
}

// unreachable is what the API server says of a webhook that it cannot reach, be it
// one that admits objects or one that converts them.
var unreachable = regexp.MustCompile(`failed calling webhook|conversion webhook for .* failed: Post `)

// passing says whether a refusal is one that a starting cluster takes back. A
// webhook that was reached and said no is final.
func passing(err error) bool {
	if meta.IsNoMatchError(err) || apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsTimeout(err) || apierrors.IsConflict(err) {
		return true
	}
	// A namespace that was applied a moment ago, and the kind that discovery forgot.
	if apierrors.IsNotFound(err) {
		return true
	}
	return apierrors.IsInternalError(err) && unreachable.MatchString(err.Error())
}

// Name is how errors name an object: its kind, namespace and name.
func Name(object *unstructured.Unstructured) string {
	name := object.GetName()
	if namespace := object.GetNamespace(); namespace != "" {
		name = namespace + "/" + name
	}
	return object.GetKind() + " " + name
}

// Await looks at condition until it holds, fails, or ctx ends.
func Await(ctx context.Context, condition func(context.Context) (bool, error)) error {
	return wait.PollUntilContextCancel(ctx, retryPeriod, true, condition)
}
