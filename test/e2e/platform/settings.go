package platform

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Namespaces of what is installed.
const (
	ServingNamespace  = "knative-serving"
	EventingNamespace = "knative-eventing"
)

// ingressClass is the class that Traefik answers to.
const ingressClass = "traefik.ingress.networking.knative.dev"

// settings are laid over the modules' ConfigMaps, by namespace/name: what a
// user of Knative would set, and nothing of its code.
var settings = map[string]map[string]string{
	ServingNamespace + "/config-network": {"ingress-class": ingressClass},
	// Names end in .localhost, which resolves to nothing outside.
	ServingNamespace + "/config-domain": {"localhost": ""},
	// The shortest that Knative allows for the grace period; the window of the
	// defaults would keep every scenario waiting a minute for zero.
	ServingNamespace + "/config-autoscaler": {
		"stable-window": "10s", "scale-to-zero-grace-period": "6s",
	},
	// Queue-proxy asks for 400Mi by default; a function beside it for 64Mi.
	ServingNamespace + "/config-deployment": {
		"queue-sidecar-cpu-request": "5m", "queue-sidecar-memory-request": "16Mi",
		"queue-sidecar-ephemeral-storage-request": "8Mi", "progress-deadline": "120s",
	},
}

// platformRequest is the processor time that each pod of the platform asks for:
// the modules' sum would leave functions less than one of two cores.
const platformRequest = "10m"

// configure lays settings over objects and puts the ingress at its address. It
// fails when a ConfigMap that it would set is not there.
func configure(objects []*unstructured.Unstructured, ingressIP string) error {
	left := len(settings)
	for _, object := range objects {
		switch object.GetKind() {
		case "ConfigMap":
			values, found := settings[object.GetNamespace()+"/"+object.GetName()]
			if !found {
				continue
			}
			left--
			for key, value := range values {
				if err := unstructured.SetNestedField(object.Object, value, "data", key); err != nil {
					return fmt.Errorf("set %s of %s: %w", key, object.GetName(), err)
				}
			}
		case "Deployment":
			if err := lowerRequests(object); err != nil {
				return fmt.Errorf("lower requests of %s: %w", object.GetName(), err)
			}
		case "Service":
			if ingressIP == "" || object.GetNamespace() != traefikNamespace || object.GetName() != traefikService {
				continue
			}
			if err := unstructured.SetNestedField(object.Object, ingressIP, "spec", "clusterIP"); err != nil {
				return fmt.Errorf("set address of the ingress: %w", err)
			}
		}
	}
	if left != 0 {
		return fmt.Errorf("configure platform: %d of %d ConfigMaps are not in the modules; the versions do not fit", left, len(settings))
	}
	return nil
}

func lowerRequests(deployment *unstructured.Unstructured) error {
	path := []string{"spec", "template", "spec", "containers"}
	containers, _, err := unstructured.NestedSlice(deployment.Object, path...)
	if err != nil {
		return err
	}
	for _, item := range containers {
		container, isMap := item.(map[string]any)
		if !isMap {
			return fmt.Errorf("a container is %T", item)
		}
		if err := unstructured.SetNestedField(container, platformRequest, "resources", "requests", "cpu"); err != nil {
			return err
		}
	}
	return unstructured.SetNestedSlice(deployment.Object, containers, path...)
}
