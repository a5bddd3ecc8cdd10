package product

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

	"kubernaut.ai/test/e2e/platform/manifest"
)

// manager owns what is installed, as if it had been typed: a user's later commands,
// such as those that rotate keys, change the same fields.
const manager = "kubectl"

// SigningKey is what senders may sign with; the overlay lets them.
const SigningKey = "a key of scenarios"

const (
	// installPatience bounds the whole installation. The first build of the
	// functions, for three architectures each, is most of it.
	installPatience = 25 * time.Minute
	// readyPatience bounds the wait for what Knative makes of the manifests.
	readyPatience = 2 * time.Minute
)

// Install installs Kubernaut and returns when every function, the Broker, every
// Trigger and the PingSource are Ready. Its errors name the step, and the object
// that was refused or is not ready, with its own reason.
func Install(ctx context.Context, options Options) error {
	o, err := options.validate()
	if err != nil {
		return fmt.Errorf("install product: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, installPatience)
	defer cancel()
	i, err := o.connect()
	if err != nil {
		return fmt.Errorf("install product: %w", err)
	}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"manifests are applied", i.manifests},
		{"secrets are there", i.secrets},
		{"functions are deployed", i.functions},
		{"Broker, Triggers and PingSource are ready", i.ready},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("install product: %w", err)
		}
		i.tell(step.what)
	}
	return nil
}

// installation is an Install under way.
type installation struct {
	Options
	cluster *manifest.Cluster
	objects []*unstructured.Unstructured
	began   time.Time
}

func (o Options) connect() (*installation, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	// The API server shares itself out.
	config.QPS = -1
	cluster, err := manifest.Connect(config)
	if err != nil {
		return nil, err
	}
	cluster.Manager = manager
	objects, err := Render(o.Root, Overlay)
	if err != nil {
		return nil, err
	}
	return &installation{Options: o, cluster: cluster, objects: objects, began: time.Now()}, nil
}

func (i *installation) tell(what string) {
	_, _ = fmt.Fprintf(i.Log, "product   %6.1f s  %s\n", time.Since(i.began).Seconds(), what)
}

func (i *installation) manifests(ctx context.Context) error {
	return i.cluster.Apply(ctx, i.objects...)
}

// secrets keeps every key that the cluster has.
func (i *installation) secrets(ctx context.Context) error {
	text, err := i.make(ctx, io.Discard, "secrets", "OVERLAY="+settingsOf)
	if err != nil {
		return err
	}
	objects, err := manifest.Parse(text)
	if err != nil {
		return fmt.Errorf("read what make secrets printed: %w", err)
	}
	if err := addSigningKey(objects); err != nil {
		return err
	}
	return i.cluster.Apply(ctx, objects...)
}

// addSigningKey puts it beside the senders' tokens, as a user would.
func addSigningKey(objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		if object.GetKind() == "Secret" && object.GetName() == "kubernaut-callers" {
			return unstructured.SetNestedField(object.Object, base64.StdEncoding.EncodeToString([]byte(SigningKey)), "data", "hmac")
		}
	}
	return errors.New("make secrets printed no Secret kubernaut-callers")
}

// ready waits for what Knative reconciles; func has waited for the functions.
func (i *installation) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	reconciled, _ := manifest.Split(i.objects, manifest.OfKind("Broker", "Trigger", "PingSource"))
	group, ctx := errgroup.WithContext(ctx)
	for _, object := range reconciled {
		group.Go(func() error { return i.cluster.AwaitReady(ctx, object) })
	}
	return group.Wait()
}
