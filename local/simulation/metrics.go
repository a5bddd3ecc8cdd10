package simulation

import (
	"net/http"
	"sort"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// metricsWindow is the span that metrics-server averages over.
const metricsWindow = "30s"

// What a container uses when nothing says so.
var (
	defaultCPUUsage    = apiresource.MustParse("10m")
	defaultMemoryUsage = apiresource.MustParse("32Mi")
)

// usage is one entry of metrics.k8s.io/v1beta1, for pods (containers) and nodes (usage).
type usage struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Timestamp         metav1.Time         `json:"timestamp"`
	Window            string              `json:"window"`
	Usage             corev1.ResourceList `json:"usage,omitempty"`
	Containers        []containerUsage    `json:"containers,omitempty"`
}

type containerUsage struct {
	Name  string              `json:"name"`
	Usage corev1.ResourceList `json:"usage"`
}

type usageList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []usage `json:"items"`
}

// serveMetrics answers metrics.k8s.io when it is configured; else the path does not exist, as without metrics-server.
func (h *handler) serveMetrics(w http.ResponseWriter, r *http.Request, p path) bool {
	if p.gv != metricsGroup || !h.cluster.options.Metrics {
		return false
	}
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	switch {
	case r.Method != http.MethodGet || p.sub != "" || p.plural != "pods" && p.plural != "nodes":
		writeError(w, notFoundPath())
	case err != nil:
		writeError(w, apierrors.NewBadRequest("unable to parse labelSelector: "+err.Error()))
	default:
		h.writeUsage(w, p, selector)
	}
	return true
}

func (h *handler) writeUsage(w http.ResponseWriter, p path, selector labels.Selector) {
	now := h.cluster.options.Now()
	all := h.podUsage(now)
	kind := "PodMetrics"
	if p.plural == "nodes" {
		kind, all = "NodeMetrics", h.nodeUsage(now)
	}
	out := usageList{TypeMeta: metav1.TypeMeta{Kind: kind + "List", APIVersion: metricsGroup.String()}, Items: []usage{}}
	for _, entry := range all {
		if p.namespace != "" && entry.Namespace != p.namespace || p.name != "" && entry.Name != p.name || !selector.Matches(labels.Set(entry.Labels)) {
			continue
		}
		if p.name != "" {
			entry.TypeMeta = metav1.TypeMeta{Kind: kind, APIVersion: metricsGroup.String()}
			writeObject(w, http.StatusOK, entry)
			return
		}
		out.Items = append(out.Items, entry)
	}
	if p.name != "" {
		writeError(w, apierrors.NewNotFound(metricsGroup.WithResource(p.plural).GroupResource(), p.name))
		return
	}
	writeObject(w, http.StatusOK, out)
}

func (h *handler) podUsage(now time.Time) []usage {
	items, _ := h.cluster.store.list(pods, "")
	var out []usage
	for _, entry := range items {
		pod := entry.object.(*corev1.Pod)
		if pod.Status.Phase != corev1.PodRunning {
			continue
		}
		one := usage{
			ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, Labels: pod.Labels, CreationTimestamp: metav1.NewTime(now.Truncate(time.Second))},
			Timestamp:  metav1.NewTime(now.Truncate(time.Second)), Window: metricsWindow,
		}
		for i, c := range pod.Spec.Containers {
			one.Containers = append(one.Containers, containerUsage{Name: c.Name, Usage: usageOf(pod, i)})
		}
		out = append(out, one)
	}
	return out
}

// usageOf reads the usage annotations for the first container; the others take the defaults. Memory never exceeds the limit.
func usageOf(pod *corev1.Pod, index int) corev1.ResourceList {
	cpu, memory := defaultCPUUsage, defaultMemoryUsage
	if index == 0 {
		if value, err := apiresource.ParseQuantity(pod.Annotations[AnnotationCPUUsage]); err == nil {
			cpu = value
		}
		for _, name := range []string{AnnotationMemoryNeed, AnnotationMemoryUsage} {
			if value, err := apiresource.ParseQuantity(pod.Annotations[name]); err == nil {
				memory = value
			}
		}
	}
	if limit, set := pod.Spec.Containers[index].Resources.Limits[corev1.ResourceMemory]; set && memory.Cmp(limit) > 0 {
		memory = limit
	}
	return corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory}
}

func (h *handler) nodeUsage(now time.Time) []usage {
	sums := map[string]corev1.ResourceList{}
	items, _ := h.cluster.store.list(nodes, "")
	for _, entry := range items {
		sums[entry.meta.GetName()] = corev1.ResourceList{corev1.ResourceCPU: apiresource.Quantity{}, corev1.ResourceMemory: apiresource.Quantity{}}
	}
	running, _ := h.cluster.store.list(pods, "")
	for _, entry := range running {
		pod := entry.object.(*corev1.Pod)
		sum, known := sums[pod.Spec.NodeName]
		if !known || pod.Status.Phase != corev1.PodRunning {
			continue
		}
		for i := range pod.Spec.Containers {
			for name, quantity := range usageOf(pod, i) {
				total := sum[name]
				total.Add(quantity)
				sum[name] = total
			}
		}
	}
	out := make([]usage, 0, len(sums))
	for name, sum := range sums {
		out = append(out, usage{
			ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(now.Truncate(time.Second))},
			Timestamp:  metav1.NewTime(now.Truncate(time.Second)), Window: metricsWindow, Usage: sum,
		})
	}
	sort.Slice(out, func(a, b int) bool { return out[a].Name < out[b].Name })
	return out
}

func namespacedName(object metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}
