package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"
)

// How long a changed Service may take to be ready, and how often to look.
const (
	readyWithin = 2 * time.Minute
	readyEvery  = 500 * time.Millisecond
)

// fieldManager owns what this command sets.
const fieldManager = "kubernaut-deploy"

var knativeServices = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}

// finishing is what finishAll works with: the functions that func has deployed.
type finishing struct {
	client    dynamic.Interface
	functions []string
	stdout    io.Writer
}

// finishAll sets on the functions' Services what func cannot say, where it is
// not so, and waits until the new revisions serve and events reach them.
func (o *options) finishAll(ctx context.Context, f finishing) error {
	p, err := o.readServicePatches()
	if err != nil {
		return err
	}
	s := services{client: f.client.Resource(knativeServices).Namespace(o.namespace), names: f.functions, patches: p}
	if err := hardenAll(ctx, f.stdout, s); err != nil {
		return err
	}
	return connections{client: f.client, namespace: o.namespace, functions: f.functions}.await(ctx, f.stdout)
}

// services are the Knative Services of some functions, and how they should be.
type services struct {
	client  dynamic.ResourceInterface
	names   []string
	patches patches
}

func hardenAll(ctx context.Context, stdout io.Writer, s services) error {
	var errs []error
	var changed []string
	for _, name := range s.names {
		done, err := s.change(ctx, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("change service of %s: %w", name, err))
		}
		if done {
			changed = append(changed, name)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, name := range changed {
		if err := s.ready(ctx, name); err != nil {
			errs = append(errs, err)
		}
	}
	if len(changed) > 0 && len(errs) == 0 {
		fmt.Fprintf(stdout, "services: what func cannot say was set on %d of %d\n", len(changed), len(s.names))
	}
	return errors.Join(errs...)
}

// change makes one Service as it should be, in one update and so one revision.
// Knative writes the status meanwhile, so it tries again on a conflict.
func (s services) change(ctx context.Context, name string) (changed bool, err error) {
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		service, err := s.client.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		wanted, err := s.wanted(service)
		if err != nil || equality.Semantic.DeepEqual(service, wanted) {
			return err
		}
		changed = true
		_, err = s.client.Update(ctx, wanted, metav1.UpdateOptions{FieldManager: fieldManager})
		return err
	})
	return changed, err
}

// wanted is the Service as it should be: changed as deploy says, and with a
// root file system that is read-only.
func (s services) wanted(service *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	wanted := service.DeepCopy()
	if patch := s.patches[service.GetName()]; patch != nil {
		text, err := wanted.MarshalJSON()
		if err != nil {
			return nil, err
		}
		if text, err = jsonpatch.MergePatch(text, patch); err != nil {
			return nil, fmt.Errorf("apply %s: %w", servicesFile, err)
		}
		if err := wanted.UnmarshalJSON(text); err != nil {
			return nil, err
		}
	}
	containers, _, err := unstructured.NestedSlice(wanted.Object, containersPath...)
	if err != nil || len(containers) == 0 {
		return nil, errors.Join(errors.New("it has no containers"), err)
	}
	container, ok := containers[0].(map[string]any)
	if !ok {
		return nil, errors.New("its container is not an object")
	}
	if err := unstructured.SetNestedField(container, true, "securityContext", "readOnlyRootFilesystem"); err != nil {
		return nil, err
	}
	return wanted, unstructured.SetNestedSlice(wanted.Object, containers, containersPath...)
}

var containersPath = []string{"spec", "template", "spec", "containers"}

// ready waits until the Service serves what its spec says.
func (s services) ready(ctx context.Context, name string) error {
	why := "its controller has not looked at it"
	err := wait.PollUntilContextTimeout(ctx, readyEvery, readyWithin, true, func(ctx context.Context) (bool, error) {
		service, err := s.client.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			why = err.Error()
			return false, nil
		}
		seen, _, _ := unstructured.NestedInt64(service.Object, "status", "observedGeneration")
		if seen != service.GetGeneration() {
			return false, nil
		}
		var ok bool
		ok, why = isReady(service)
		return ok, nil
	})
	if err != nil {
		return fmt.Errorf("wait for %s to be ready: %w: %s", name, err, why)
	}
	return nil
}

func isReady(service *unstructured.Unstructured) (bool, string) {
	conditions, _, err := unstructured.NestedSlice(service.Object, "status", "conditions")
	if err != nil {
		return false, "its status cannot be read"
	}
	for _, c := range conditions {
		condition, ok := c.(map[string]any)
		if ok && condition["type"] == "Ready" {
			message, _ := condition["message"].(string)
			return condition["status"] == "True", message
		}
	}
	return false, "it reports no Ready condition"
}
