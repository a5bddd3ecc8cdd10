package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
)

// nudgeEvery is how long a nudged object may take before it is nudged again.
const nudgeEvery = 3 * time.Second

// nudged is the annotation whose change has Knative look at an object at once.
const nudged = "kubernaut.ai/nudged"

// caller is a kind of object that hands events to functions.
type caller struct {
	resource schema.GroupVersionResource
	// function is where it names the Knative Service.
	function []string
}

// callers come in the order in which they need each other: a Trigger waits for
// its Broker, and that for its dead letter sink.
var callers = []caller{
	{schema.GroupVersionResource{Group: "eventing.knative.dev", Version: "v1", Resource: "brokers"}, []string{"spec", "delivery", "deadLetterSink", "ref", "name"}},
	{schema.GroupVersionResource{Group: "eventing.knative.dev", Version: "v1", Resource: "triggers"}, []string{"spec", "subscriber", "ref", "name"}},
	{schema.GroupVersionResource{Group: "sources.knative.dev", Version: "v1", Resource: "pingsources"}, []string{"spec", "sink", "ref", "name"}},
}

// connections wait until everything that hands events to the functions is
// ready. What was applied before its function was there is tried again by
// Knative after a time that doubles up to a quarter of an hour: it is nudged.
type connections struct {
	client    dynamic.Interface
	namespace string
	functions []string
}

func (c connections) await(ctx context.Context, stdout io.Writer) error {
	ready := 0
	for _, kind := range callers {
		n, err := c.awaitKind(ctx, kind)
		if err != nil {
			return err
		}
		ready += n
	}
	if ready > 0 {
		fmt.Fprintf(stdout, "ready: %d Brokers, Triggers and sources that hand events to what was deployed\n", ready)
	}
	return nil
}

// awaitKind returns how many there are of a kind, all ready.
func (c connections) awaitKind(ctx context.Context, kind caller) (int, error) {
	var waiting []unstructured.Unstructured
	var seen int
	var looked error
	err := wait.PollUntilContextTimeout(ctx, readyEvery, readyWithin, true, func(ctx context.Context) (bool, error) {
		seen, waiting, looked = c.look(ctx, kind)
		if looked != nil {
			return false, nil
		}
		for i := range waiting {
			looked = errors.Join(looked, c.nudge(ctx, kind, &waiting[i]))
		}
		return len(waiting) == 0, nil
	})
	if err == nil {
		return seen, nil
	}
	for i := range waiting {
		_, why := isReady(&waiting[i])
		looked = errors.Join(looked, fmt.Errorf("%s: %s", waiting[i].GetName(), why))
	}
	return 0, fmt.Errorf("wait for %s to be ready: %w", kind.resource.Resource, errors.Join(err, looked))
}

// look lists those of a kind that call the functions: how many, and which are
// not ready. Where the cluster has no such kind, there are none.
func (c connections) look(ctx context.Context, kind caller) (int, []unstructured.Unstructured, error) {
	list, err := c.client.Resource(kind.resource).Namespace(c.namespace).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	var waiting []unstructured.Unstructured
	seen := 0
	for _, item := range list.Items {
		name, _, _ := unstructured.NestedString(item.Object, kind.function...)
		if !slices.Contains(c.functions, name) {
			continue
		}
		seen++
		if ok, _ := isReady(&item); !ok {
			waiting = append(waiting, item)
		}
	}
	return seen, waiting, nil
}

// nudge changes an annotation, unless that was done a moment ago.
func (c connections) nudge(ctx context.Context, kind caller, object *unstructured.Unstructured) error {
	last, err := time.Parse(time.RFC3339, object.GetAnnotations()[nudged])
	if err == nil && time.Since(last) < nudgeEvery {
		return nil
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, nudged, time.Now().UTC().Format(time.RFC3339))
	_, err = c.client.Resource(kind.resource).Namespace(c.namespace).Patch(ctx, object.GetName(), types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: fieldManager})
	return err
}
