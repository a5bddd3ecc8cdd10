package simulation

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// resource describes one kind the cluster serves: every handler is generic over this table, none is written for a kind.
type resource struct {
	gvr        schema.GroupVersionResource
	kind       string
	short      []string
	namespaced bool
	status     bool // has a /status subresource; a write to the main resource leaves the status alone
	scale      bool // has a /scale subresource
	generation bool // metadata.generation counts changes of the spec
	annotated  bool // and of the annotations
	extra      []string
}

func (r *resource) gvk() schema.GroupVersionKind { return r.gvr.GroupVersion().WithKind(r.kind) }

func (r *resource) groupResource() schema.GroupResource { return r.gvr.GroupResource() }

func (r *resource) singular() string { return strings.ToLower(r.kind) }

// create returns an empty object of the resource's Go type.
func (r *resource) create() runtime.Object {
	object, err := scheme.Scheme.New(r.gvk())
	if err != nil {
		// The table is static and checked by a test; a kind the scheme does not know is a programming error.
		panic("simulation: " + err.Error())
	}
	return object
}

// Letters of the table's flag column.
const (
	flagNamespaced = 'n'
	flagStatus     = 's'
	flagScale      = 'c'
	flagGeneration = 'g'
	flagAnnotated  = 'a'
)

type resourceRow struct{ groupVersion, plural, kind, short, flags, extra string }

var resourceRows = []resourceRow{
	{"v1", "configmaps", "ConfigMap", "cm", "n", ""},
	{"v1", "endpoints", "Endpoints", "ep", "n", ""},
	{"v1", "events", "Event", "ev", "n", ""},
	{"v1", "limitranges", "LimitRange", "limits", "n", ""},
	{"v1", "namespaces", "Namespace", "ns", "s", ""},
	{"v1", "nodes", "Node", "no", "s", ""},
	{"v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", "ns", ""},
	{"v1", "persistentvolumes", "PersistentVolume", "pv", "s", ""},
	{"v1", "pods", "Pod", "po", "nsg", "log,eviction"},
	{"v1", "podtemplates", "PodTemplate", "", "n", ""},
	{"v1", "replicationcontrollers", "ReplicationController", "rc", "nsg", ""},
	{"v1", "resourcequotas", "ResourceQuota", "quota", "ns", ""},
	{"v1", "secrets", "Secret", "", "n", ""},
	{"v1", "serviceaccounts", "ServiceAccount", "sa", "n", ""},
	{"v1", "services", "Service", "svc", "ns", ""},
	{"apps/v1", "controllerrevisions", "ControllerRevision", "", "n", ""},
	{"apps/v1", "daemonsets", "DaemonSet", "ds", "nsg", ""},
	{"apps/v1", "deployments", "Deployment", "deploy", "nscga", ""},
	{"apps/v1", "replicasets", "ReplicaSet", "rs", "nscg", ""},
	{"apps/v1", "statefulsets", "StatefulSet", "sts", "nscg", ""},
	{"autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa", "ns", ""},
	{"batch/v1", "cronjobs", "CronJob", "cj", "nsg", ""},
	{"batch/v1", "jobs", "Job", "", "nsg", ""},
	{"coordination.k8s.io/v1", "leases", "Lease", "", "n", ""},
	{"discovery.k8s.io/v1", "endpointslices", "EndpointSlice", "", "n", ""},
	{"networking.k8s.io/v1", "ingressclasses", "IngressClass", "", "g", ""},
	{"networking.k8s.io/v1", "ingresses", "Ingress", "ing", "nsg", ""},
	{"networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", "netpol", "ng", ""},
	{"policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", "nsg", ""},
	{"rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", "", "", ""},
	{"rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", "", "", ""},
	{"rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding", "", "n", ""},
	{"rbac.authorization.k8s.io/v1", "roles", "Role", "", "n", ""},
	{"scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", "pc", "", ""},
	{"storage.k8s.io/v1", "storageclasses", "StorageClass", "sc", "", ""},
}

// catalog holds every served resource, in the table's order and by name and kind. It is read-only.
type catalog struct {
	all    []*resource
	byName map[schema.GroupVersionResource]*resource
	byKind map[schema.GroupVersionKind]*resource
}

var served = newCatalog(resourceRows)

func newCatalog(rows []resourceRow) *catalog {
	c := &catalog{
		byName: make(map[schema.GroupVersionResource]*resource, len(rows)),
		byKind: make(map[schema.GroupVersionKind]*resource, len(rows)),
	}
	for _, row := range rows {
		gv, err := schema.ParseGroupVersion(row.groupVersion)
		if err != nil {
			panic("simulation: " + err.Error())
		}
		r := &resource{
			gvr: gv.WithResource(row.plural), kind: row.kind,
			namespaced: strings.ContainsRune(row.flags, flagNamespaced),
			status:     strings.ContainsRune(row.flags, flagStatus),
			scale:      strings.ContainsRune(row.flags, flagScale),
			generation: strings.ContainsRune(row.flags, flagGeneration),
			annotated:  strings.ContainsRune(row.flags, flagAnnotated),
		}
		if row.short != "" {
			r.short = strings.Split(row.short, ",")
		}
		if row.extra != "" {
			r.extra = strings.Split(row.extra, ",")
		}
		c.all = append(c.all, r)
		c.byName[r.gvr] = r
		c.byKind[r.gvk()] = r
	}
	return c
}

func mustResource(group, version, plural string) *resource {
	r := served.byName[schema.GroupVersionResource{Group: group, Version: version, Resource: plural}]
	if r == nil {
		panic("simulation: no resource " + plural)
	}
	return r
}

// Resources that controllers and subresources name directly.
var (
	configMaps          = mustResource("", "v1", "configmaps")
	eventsResource      = mustResource("", "v1", "events")
	namespaces          = mustResource("", "v1", "namespaces")
	nodes               = mustResource("", "v1", "nodes")
	claims              = mustResource("", "v1", "persistentvolumeclaims")
	pods                = mustResource("", "v1", "pods")
	services            = mustResource("", "v1", "services")
	controllerRevisions = mustResource("apps", "v1", "controllerrevisions")
	daemonSets          = mustResource("apps", "v1", "daemonsets")
	deployments         = mustResource("apps", "v1", "deployments")
	replicaSets         = mustResource("apps", "v1", "replicasets")
	statefulSets        = mustResource("apps", "v1", "statefulsets")
	autoscalers         = mustResource("autoscaling", "v2", "horizontalpodautoscalers")
	jobs                = mustResource("batch", "v1", "jobs")
	budgets             = mustResource("policy", "v1", "poddisruptionbudgets")
)
