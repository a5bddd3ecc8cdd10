package simulation

import (
	"net/http"
	"slices"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	verbsFull   = metav1.Verbs{verbCreate, verbDelete, verbAll, verbGet, verbList, verbPatch, verbUpdate, verbWatch}
	verbsStatus = metav1.Verbs{verbGet, verbPatch, verbUpdate}
)

// Groups that are served without being stored.
var (
	reviewGroups = map[schema.GroupVersion][]metav1.APIResource{
		{Group: "authorization.k8s.io", Version: "v1"}: {
			{Name: "selfsubjectaccessreviews", SingularName: "selfsubjectaccessreview", Kind: "SelfSubjectAccessReview", Verbs: metav1.Verbs{verbCreate}},
			{Name: "subjectaccessreviews", SingularName: "subjectaccessreview", Kind: "SubjectAccessReview", Verbs: metav1.Verbs{verbCreate}},
		},
		{Group: "authentication.k8s.io", Version: "v1"}: {
			{Name: "selfsubjectreviews", SingularName: "selfsubjectreview", Kind: "SelfSubjectReview", Verbs: metav1.Verbs{verbCreate}},
			{Name: "tokenreviews", SingularName: "tokenreview", Kind: "TokenReview", Verbs: metav1.Verbs{verbCreate}},
		},
	}
	metricsGroup     = schema.GroupVersion{Group: "metrics.k8s.io", Version: "v1beta1"}
	metricsResources = []metav1.APIResource{
		{Name: "nodes", SingularName: "nodemetrics", Kind: "NodeMetrics", Verbs: metav1.Verbs{verbGet, verbList}},
		{Name: "pods", SingularName: "podmetrics", Kind: "PodMetrics", Namespaced: true, Verbs: metav1.Verbs{verbGet, verbList}},
	}
)

// serveDiscovery answers /api, /apis and the resource lists below them.
func (h *handler) serveDiscovery(w http.ResponseWriter, r *http.Request) bool {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) == 1 && parts[0] == "api":
		writeObject(w, http.StatusOK, &metav1.APIVersions{
			TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"},
			ServerAddressByClientCIDRs: []metav1.ServerAddressByClientCIDR{{ClientCIDR: "0.0.0.0/0", ServerAddress: r.Host}},
		})
	case len(parts) == 1 && parts[0] == "apis":
		writeObject(w, http.StatusOK, &metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: h.groups()})
	case len(parts) == 2 && parts[0] == "api":
		h.serveResourceList(w, schema.GroupVersion{Version: parts[1]})
	case len(parts) == 2 && parts[0] == "apis":
		h.serveGroup(w, parts[1])
	case len(parts) == 3 && parts[0] == "apis":
		h.serveResourceList(w, schema.GroupVersion{Group: parts[1], Version: parts[2]})
	default:
		return false
	}
	return true
}

func (h *handler) serveGroup(w http.ResponseWriter, name string) {
	for _, group := range h.groups() {
		if group.Name == name {
			group.TypeMeta = metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"}
			writeObject(w, http.StatusOK, &group)
			return
		}
	}
	writeError(w, notFoundPath())
}

func (h *handler) serveResourceList(w http.ResponseWriter, gv schema.GroupVersion) {
	resources := h.resourcesOf(gv)
	if len(resources) == 0 {
		writeError(w, notFoundPath())
		return
	}
	writeObject(w, http.StatusOK, &metav1.APIResourceList{
		TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv.String(), APIResources: resources,
	})
}

func (h *handler) groups() []metav1.APIGroup {
	var versions []schema.GroupVersion
	for _, r := range served.all {
		if gv := r.gvr.GroupVersion(); gv.Group != "" && !slices.Contains(versions, gv) {
			versions = append(versions, gv)
		}
	}
	for gv := range reviewGroups {
		versions = append(versions, gv)
	}
	if h.cluster.options.Metrics {
		versions = append(versions, metricsGroup)
	}
	sort.Slice(versions, func(a, b int) bool { return versions[a].String() < versions[b].String() })
	groups := make([]metav1.APIGroup, 0, len(versions))
	for _, gv := range versions {
		version := metav1.GroupVersionForDiscovery{GroupVersion: gv.String(), Version: gv.Version}
		groups = append(groups, metav1.APIGroup{Name: gv.Group, Versions: []metav1.GroupVersionForDiscovery{version}, PreferredVersion: version})
	}
	return groups
}

func (h *handler) resourcesOf(gv schema.GroupVersion) []metav1.APIResource {
	if gv == metricsGroup {
		if h.cluster.options.Metrics {
			return metricsResources
		}
		return nil
	}
	out := slices.Clone(reviewGroups[gv])
	for _, r := range served.all {
		if r.gvr.GroupVersion() != gv {
			continue
		}
		out = append(out, metav1.APIResource{
			Name: r.gvr.Resource, SingularName: r.singular(), Namespaced: r.namespaced, Kind: r.kind, Verbs: verbsFull, ShortNames: r.short,
		})
		if r.status {
			out = append(out, metav1.APIResource{Name: r.gvr.Resource + "/" + subresourceStatus, Namespaced: r.namespaced, Kind: r.kind, Verbs: verbsStatus})
		}
		if r.scale {
			out = append(out, metav1.APIResource{
				Name: r.gvr.Resource + "/" + subresourceScale, Namespaced: true, Group: "autoscaling", Version: "v1", Kind: "Scale", Verbs: verbsStatus,
			})
		}
	}
	if gv == pods.gvr.GroupVersion() {
		out = append(out,
			metav1.APIResource{Name: "pods/eviction", Namespaced: true, Group: "policy", Version: "v1", Kind: "Eviction", Verbs: metav1.Verbs{verbCreate}},
			metav1.APIResource{Name: "pods/log", Namespaced: true, Kind: "Pod", Verbs: metav1.Verbs{verbGet}})
	}
	return out
}
