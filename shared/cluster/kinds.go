package cluster

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// Kind is a kind that the cluster serves, with where to read it.
type Kind struct {
	Group, Version, Kind string
	// Resource is the plural of its REST path.
	Resource   string
	Namespaced bool
}

// GVR is the kind's address for dynamic and metadata clients.
func (k Kind) GVR() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Resource}
}

// APIVersion is group/version as manifests write it.
func (k Kind) APIVersion() string {
	return schema.GroupVersion{Group: k.Group, Version: k.Version}.String()
}

// Name is the kind as targets write it: bare for Kubernetes' own groups,
// Kind.group for all others.
func (k Kind) Name() string { return signal.KindName(k.Group, k.Kind) }

// builtin are the kinds of Kubernetes itself that targets and owners are made
// of: known without asking, so that the common case needs no discovery.
var builtin = func() map[string]Kind {
	table := map[string]Kind{}
	for _, k := range []Kind{
		{"", "v1", "Pod", "pods", true},
		{"", "v1", "Service", "services", true},
		{"", "v1", "Node", "nodes", false},
		{"", "v1", "Namespace", "namespaces", false},
		{"", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true},
		{"", "v1", "PersistentVolume", "persistentvolumes", false},
		{"", "v1", "ConfigMap", "configmaps", true},
		{"", "v1", "ServiceAccount", "serviceaccounts", true},
		{"", "v1", "ReplicationController", "replicationcontrollers", true},
		{"", "v1", "ResourceQuota", "resourcequotas", true},
		{"", "v1", "LimitRange", "limitranges", true},
		{"", "v1", "Endpoints", "endpoints", true},
		{"apps", "v1", "Deployment", "deployments", true},
		{"apps", "v1", "StatefulSet", "statefulsets", true},
		{"apps", "v1", "DaemonSet", "daemonsets", true},
		{"apps", "v1", "ReplicaSet", "replicasets", true},
		{"apps", "v1", "ControllerRevision", "controllerrevisions", true},
		{"batch", "v1", "Job", "jobs", true},
		{"batch", "v1", "CronJob", "cronjobs", true},
		{"autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true},
		{"policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true},
		{"networking.k8s.io", "v1", "Ingress", "ingresses", true},
		{"networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true},
		{"discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true},
		{"storage.k8s.io", "v1", "StorageClass", "storageclasses", false},
		{"storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", false},
	} {
		table[k.Kind] = k
	}
	return table
}()

// KindOf finds the kind that a target names. Kinds that are not Kubernetes'
// own are looked up by discovery; ErrUnknownKind when the cluster has none.
func (c *Clients) KindOf(ctx context.Context, t event.Target) (Kind, error) {
	kind, group, named := strings.Cut(t.Kind, ".")
	if version, err := schema.ParseGroupVersion(t.APIVersion); err != nil {
		return Kind{}, fmt.Errorf("%w: apiVersion %q of %s", ErrUnknownKind, t.APIVersion, t)
	} else if !named && t.APIVersion != "" {
		group, named = version.Group, true
	}
	if k, ok := builtin[kind]; ok && (!named || k.Group == group) {
		return k, nil
	}
	return c.discover(ctx, wanted{kind: kind, group: group, grouped: named})
}
