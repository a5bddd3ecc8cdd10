package function

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/functions/gateway/caller"
	"kubernaut.ai/shared/event"
)

const (
	// envService is where Knative tells a container its Service's name.
	envService = "K_SERVICE"
	// labelVisibility is on Services that Knative does not publish, with the value
	// clusterLocal.
	labelVisibility = "networking.knative.dev/visibility"
	clusterLocal    = "cluster-local"
)

// locator reads an object's metadata, at most a minute old.
type locator interface {
	Locate(ctx context.Context, t event.Target) (*metav1.PartialObjectMetadata, error)
}

// onlyLocal asks the cluster whether the gateway's own Knative Service is served
// inside it alone: nothing that a request says can tell. Nil where the gateway
// is no Knative Service.
func onlyLocal(objects locator, namespace, name string) func(context.Context) error {
	if name == "" {
		return nil
	}
	service := event.Target{APIVersion: "serving.knative.dev/v1", Kind: "Service.serving.knative.dev", Namespace: namespace, Name: name}
	return func(ctx context.Context) error {
		meta, err := objects.Locate(ctx, service)
		switch {
		case err != nil:
			return fmt.Errorf("find out who reaches the gateway: %w", err)
		case meta.Labels[labelVisibility] != clusterLocal:
			return fmt.Errorf("%w: %s lacks the label %s=%s", caller.ErrPublished, service, labelVisibility, clusterLocal)
		}
		return nil
	}
}
