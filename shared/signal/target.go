package signal

import (
	"net/netip"
	"sort"
	"strings"
)

// Candidate is an object that an alert's labels may mean.
type Candidate struct {
	// Kind is as KindName writes it. It is empty where only the cluster knows
	// the kind: see Word.
	Kind      string
	Namespace string
	Name      string
	// Label is the key of the label that named it, without any exported_ prefix;
	// of a reference, the one that named its kind.
	Label string
	// Word is set instead of Kind: the singular of a kind, as a label's key may
	// be, or a kind without its group.
	Word string
	// Address is set instead of Name where an instance label gave the internal
	// address of a Node.
	Address string
	// Last is set for what is the target only if the alert names nothing else,
	// not even something that is gone.
	Last bool
}

// MaxWords bounds the words of one alert that are looked up among the kinds.
const MaxWords = 64

// rank lists the labels that name objects, the most telling first.
var rank = []struct {
	label, kind   string
	clusterScoped bool
}{
	{"horizontalpodautoscaler", "HorizontalPodAutoscaler", false},
	{"poddisruptionbudget", "PodDisruptionBudget", false},
	{"persistentvolumeclaim", "PersistentVolumeClaim", false},
	{"deployment", "Deployment", false},
	{"statefulset", "StatefulSet", false},
	{"daemonset", "DaemonSet", false},
	{"replicaset", "ReplicaSet", false},
	{"job_name", "Job", false},
	{"cronjob", "CronJob", false},
	{labelPod, "Pod", false},
	{labelNode, "Node", true},
	{labelService, "Service", false},
}

// isRanked holds the labels of rank.
var isRanked = func() map[string]bool {
	m := map[string]bool{}
	for _, r := range rank {
		m[r.label] = true
	}
	return m
}()

// Candidates are the objects that the alert's labels may mean, in order of
// preference; the first that exists is the target. The reason is what to say
// where none of them turns out to name anything: ReasonMonitoring if labels
// named the monitoring itself, else ReasonNoTarget. An object that the alert
// names itself is the only one.
func (r Rules) Candidates(a Alert) (found []Candidate, reason string) {
	if a.Object.Kind != "" {
		return a.Object.candidates()
	}
	found = r.references(a)
	if len(found) == 0 && r.NodeAlert(a) {
		// The namespace of such an alert, and all that lies in it, is the
		// exporter's.
		return r.nodes(a), ReasonNoTarget
	}
	ranked, filtered := r.ranked(a)
	found = append(found, ranked...)
	namespace := a.Label(LabelNamespace)
	found = append(found, r.others(a, namespace)...)
	if len(ranked) == 0 && (!filtered || r.aboutNamespace(a)) && ValidNamespace(namespace) && !r.never[LabelNamespace] {
		found = append(found, Candidate{Kind: "Namespace", Name: namespace, Label: LabelNamespace, Last: true})
	}
	if filtered {
		return found, ReasonMonitoring
	}
	return found, ReasonNoTarget
}

// ranked are the objects that labels of rank name; filtered tells that some
// of these labels named the monitoring.
func (r Rules) ranked(a Alert) (found []Candidate, filtered bool) {
	namespace := a.Label(LabelNamespace)
	for _, e := range rank {
		name := a.Label(e.label)
		switch {
		case name == "" || r.never[e.label]:
		case r.Monitoring(e.label, name), scraped(a, e.label):
			filtered = true
		case !ValidName(name):
		case e.clusterScoped:
			// The series of a container or a volume carry its node too: were the pod
			// gone, the node would still be there, and quite healthy.
			if len(found) == 0 {
				found = append(found, Candidate{Kind: e.kind, Name: name, Label: e.label})
			}
		case ValidNamespace(namespace):
			found = append(found, Candidate{Kind: e.kind, Namespace: namespace, Name: name, Label: e.label})
		}
	}
	return found, filtered
}

// scraped reports whether a label must be the scraper's: a scrape that
// displaced the namespace of a series displaced its pod, too, if it had one.
// The kubelet is scraped without a pod.
func scraped(a Alert, label string) bool {
	switch label {
	case labelPod, labelNode, labelService:
		return a.Labels[exportedPrefix+LabelNamespace] != "" && a.Labels[exportedPrefix+label] == "" && a.Labels[labelJob] != jobKubelet
	}
	return false
}

// aboutNamespace reports whether the namespace label is the series' own, and
// not that of the scraper, which other labels name.
func (r Rules) aboutNamespace(a Alert) bool {
	if a.Labels[exportedPrefix+LabelNamespace] != "" {
		// Where the series itself names a part of the monitoring, so it does by this.
		return !r.Monitoring(labelPod, a.Labels[exportedPrefix+labelPod]) && !r.Monitoring(labelService, a.Labels[exportedPrefix+labelService])
	}
	for _, s := range []string{"kube_namespace_", "kube_resourcequota", "kube_limitrange"} {
		if strings.Contains(a.GeneratorURL, s) {
			return true
		}
	}
	return strings.HasPrefix(a.Name(), "KubeQuota") || strings.HasPrefix(a.Name(), "KubeNamespace")
}

// others are the labels whose key might be the singular of a kind.
func (r Rules) others(a Alert, namespace string) []Candidate {
	if !ValidNamespace(namespace) {
		namespace = ""
	}
	var found []Candidate
	for key, value := range a.Labels {
		label := strings.TrimPrefix(key, exportedPrefix)
		switch {
		case label == LabelNamespace || label == labelKind || isRanked[label] || r.never[label] || !singular(label) || !ValidName(value):
			continue
		case key == label && a.Labels[exportedPrefix+label] != "":
			continue
		}
		found = append(found, Candidate{Namespace: namespace, Name: value, Label: label, Word: label})
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Label < found[j].Label })
	return found[:min(len(found), MaxWords)]
}

// singular reports whether a label's key has the form of a kind's singular.
func singular(label string) bool {
	if len(label) < 2 || len(label) > maxLabel {
		return false
	}
	for i := 0; i < len(label); i++ {
		if !alphanumeric(label[i]) {
			return false
		}
	}
	return true
}

// nodes are the candidates of an alert about a node.
func (r Rules) nodes(a Alert) []Candidate {
	var found []Candidate
	if name := a.Label(labelNode); ValidName(name) && !r.never[labelNode] {
		found = append(found, Candidate{Kind: "Node", Name: name, Label: labelNode})
	}
	// kube-state-metrics reports on nodes from one pod anywhere: its address
	// says nothing.
	if fromStateMetrics(a) {
		return found
	}
	host := hostOf(a.Label(labelInstance))
	if ip, err := netip.ParseAddr(host); err == nil {
		return append(found, Candidate{Kind: "Node", Address: ip.Unmap().WithZone("").String(), Label: labelInstance})
	}
	if ValidName(host) && (len(found) == 0 || found[0].Name != host) {
		found = append(found, Candidate{Kind: "Node", Name: host, Label: labelInstance})
	}
	return found
}

// hostOf takes the port off an instance label, and what makes it a URL.
func hostOf(instance string) string {
	if _, rest, ok := strings.Cut(instance, "://"); ok {
		instance, _, _ = strings.Cut(rest, "/")
	}
	if address, err := netip.ParseAddrPort(instance); err == nil {
		return address.Addr().String()
	}
	if host, _, ok := strings.Cut(instance, ":"); ok && !strings.Contains(instance[len(host)+1:], ":") {
		instance = host
	}
	return strings.ToLower(strings.Trim(instance, "[]"))
}
