package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// preflightWithin bounds the questions before anything is built.
const preflightWithin = 30 * time.Second

// sealPrefix starts the names of the Secrets that make secrets makes, one a
// stage.
const sealPrefix = "seal-"

var (
	namespaces  = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	coreSecrets = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
)

// tool says whether func is there.
func (o *options) tool() error {
	if _, err := exec.LookPath(o.command[0]); err != nil {
		return fmt.Errorf(`%w: install Knative's func (https://knative.dev/docs/functions/install-func), or name it, as in make deploy FUNC="kn func"`, err)
	}
	return nil
}

// preflight looks for what the steps before should have left, sooner than the
// minutes that building takes. What may not be looked at is let pass: func and
// Knative will tell.
func (o *options) preflight(ctx context.Context, client dynamic.Interface) error {
	ctx, cancel := context.WithTimeout(ctx, preflightWithin)
	defer cancel()
	_, err := client.Resource(namespaces).Get(ctx, o.namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsForbidden(err):
	case apierrors.IsNotFound(err):
		return fmt.Errorf("namespace %s is not there: kubectl apply --server-side -k deploy/overlays/%s makes it", o.namespace, o.overlay)
	case err != nil:
		return fmt.Errorf("the cluster does not answer: %w\n  Does \"kubectl get nodes\"? Functions go to the current context of your kubeconfig", err)
	}
	_, err = client.Resource(knativeServices).Namespace(o.namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if apierrors.IsNotFound(err) {
		return errors.New("the cluster has no Knative Serving, of which functions are Services: install Knative Serving and Eventing first (https://knative.dev/docs/install)")
	}
	return o.haveKeys(ctx, client)
}

// haveKeys says which functions have no key to seal with: their pods would wait
// for it, and say so nowhere that people look.
func (o *options) haveKeys(ctx context.Context, client dynamic.Interface) error {
	var missing []string
	for _, name := range o.functions {
		_, err := client.Resource(coreSecrets).Namespace(o.namespace).Get(ctx, sealPrefix+name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			missing = append(missing, sealPrefix+name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("the Secrets %s are missing in namespace %s: make secrets OVERLAY=%s | kubectl apply --server-side -f - makes them",
		strings.Join(missing, ", "), o.namespace, o.overlay)
}
