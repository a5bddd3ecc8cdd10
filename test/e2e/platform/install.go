package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"kubernaut.ai/test/e2e/platform/manifest"
)

// Options say where the platform comes from.
type Options struct {
	// Sources are the folders of the modules with the manifests, by module path;
	// the function Sources finds them.
	Sources map[string]string
	// Image gives the image of a command of Commands, as the cluster pulls it.
	Image func(importPath string) (reference string, known bool)
	// IngressIP is the ClusterIP of the ingress; empty lets the cluster choose.
	IngressIP string
	// Log takes progress, a line a step; nil is silence.
	Log io.Writer
}

func (o Options) validate() (Options, error) {
	if o.Image == nil {
		return o, errors.New("read options: Image is missing: it says where the cluster pulls a command's image from")
	}
	for module := range builtWith {
		if o.Sources[module] == "" {
			return o, fmt.Errorf("read options: Sources has no folder of %s", module)
		}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o, nil
}

// installPatience bounds the whole installation; a machine that builds meanwhile
// takes half of it.
const installPatience = 5 * time.Minute

// Install applies the platform and returns when all its pods run and its
// webhooks answer. Applied again, it repairs what differs and is quick. Its errors
// name the object that was refused, or the pod that does not run and why.
func Install(ctx context.Context, config *rest.Config, options Options) error {
	options, err := options.validate()
	if err != nil {
		return fmt.Errorf("install platform: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, installPatience)
	defer cancel()
	objects, err := load(options)
	if err != nil {
		return fmt.Errorf("install platform: %w", err)
	}
	if err := configure(objects, options.IngressIP); err != nil {
		return fmt.Errorf("install platform: %w", err)
	}
	cluster, err := manifest.Connect(config)
	if err != nil {
		return fmt.Errorf("install platform: %w", err)
	}
	if err := install(ctx, cluster, objects, options.Log); err != nil {
		return fmt.Errorf("install platform: %w", err)
	}
	return nil
}

func install(ctx context.Context, cluster *manifest.Cluster, objects []*unstructured.Unstructured, log io.Writer) error {
	began := time.Now()
	tell := func(what string) {
		_, _ = fmt.Fprintf(log, "          %s after %.1fs\n", what, time.Since(began).Seconds())
	}
	definitions, rest := manifest.Split(objects, manifest.OfKind("CustomResourceDefinition"))
	if err := cluster.Apply(ctx, definitions...); err != nil {
		return err
	}
	if err := cluster.AwaitEstablished(ctx, definitions); err != nil {
		return err
	}
	tell(fmt.Sprintf("%d custom resources are served", len(definitions)))
	// Custom resources of the platform itself must pass its webhooks.
	custom, plain := manifest.Split(rest, isCustom)
	if err := cluster.Apply(ctx, plain...); err != nil {
		return err
	}
	tell(fmt.Sprintf("%d objects are applied", len(plain)))
	group, waiting := errgroup.WithContext(ctx)
	for _, namespace := range []string{ServingNamespace, EventingNamespace, traefikNamespace} {
		group.Go(func() error { return cluster.AwaitDeployments(waiting, namespace) })
	}
	group.Go(func() error { return cluster.AwaitWebhooks(waiting, plain) })
	if err := group.Wait(); err != nil {
		return err
	}
	tell("all pods run and the webhooks are trusted")
	return cluster.Apply(ctx, custom...)
}

// isCustom says whether an object is of a kind that Knative defines.
func isCustom(object *unstructured.Unstructured) bool {
	switch object.GroupVersionKind().Group {
	case "networking.internal.knative.dev", "caching.internal.knative.dev":
		return true
	}
	return false
}
