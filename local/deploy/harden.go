package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// How long a changed Service may take to be ready, and how often to look.
const (
	readyWithin = 2 * time.Minute
	readyEvery  = 500 * time.Millisecond
)

var knativeServices = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}

// readOnlyRoot needs the securityContext that func sets.
const readOnlyRoot = `[{"op":"add","path":"/spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem","value":true}]`

// harden makes the functions' root file systems read-only where they are not,
// and waits until the new revisions serve.
func (o *options) harden(ctx context.Context, stdout io.Writer) error {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return fmt.Errorf("connect to cluster: %w", err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect to cluster: %w", err)
	}
	return hardenAll(ctx, stdout, services{client.Resource(knativeServices).Namespace(o.namespace), o.functions})
}

// services are the Knative Services of some functions.
type services struct {
	client dynamic.ResourceInterface
	names  []string
}

func hardenAll(ctx context.Context, stdout io.Writer, s services) error {
	var errs []error
	var changed []string
	for _, name := range s.names {
		service, err := s.client.Get(ctx, name, metav1.GetOptions{})
		if err == nil && !hasReadOnlyRoot(service) {
			_, err = s.client.Patch(ctx, name, types.JSONPatchType, []byte(readOnlyRoot), metav1.PatchOptions{FieldManager: "kubernaut-deploy"})
			changed = append(changed, name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("make root of %s read-only: %w", name, err))
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
		fmt.Fprintf(stdout, "read-only root file systems: %d of %d set now\n", len(changed), len(s.names))
	}
	return errors.Join(errs...)
}

// hasReadOnlyRoot tells whether the Service's container is as it should be.
func hasReadOnlyRoot(service *unstructured.Unstructured) bool {
	containers, _, err := unstructured.NestedSlice(service.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) == 0 {
		return false
	}
	container, ok := containers[0].(map[string]any)
	if !ok {
		return false
	}
	set, _, err := unstructured.NestedBool(container, "securityContext", "readOnlyRootFilesystem")
	return err == nil && set
}

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
