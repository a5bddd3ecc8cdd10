package signal

import (
	"net/netip"
	"sort"
	"strings"
)

// Candidate is an object that an alert's labels may mean.
type Candidate struct {
	// Kind is as KindName writes it. It is empty for a label whose key may be
	// the singular of a kind that only the cluster knows: see Label.
	Kind      string
	Namespace string
	Name      string
	// Label is the label's key, without any exported_ prefix.
	Label string
	// Address is set instead of Name where an instance label gave the internal
	// address of a Node.
	Address string
}

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

// ranked are the labels of rank.
var ranked = func() map[string]bool {
	m := map[string]bool{}
	for _, r := range rank {
		m[r.label] = true
	}
	return m
}()

// DefaultNever are labels that never name a target, though kinds of that name
// exist somewhere: Prometheus, its exporters and everyday rules use them for
// something else.
var DefaultNever = []string{
	"action", "alertmanager", "alertname", "alertstate", "api", "app", "application", "build", "certificatesigningrequest",
	"cluster", "component", "condition", "configuration", "container", "device", "domain", "endpoint", "endpoints",
	"event", "gateway", "group", "host", "id", "image", "instance", "job", "le", "lease", "metric", "model",
	"mountpoint", "name", "phase", "policy", "prometheus", "prometheusrule", "queue", "reason", "region",
	"resource", "revision", "role", "rolebinding", "route", "secret", "severity", "source", "status", "subscription",
	"task", "team", "tenant", "token", "type", "user", "verb", "version", "zone",
}

// Rules find the objects that alerts mean.
type Rules struct{ never map[string]bool }

// NewRules makes rules by which, beyond DefaultNever, these labels never name
// a target.
func NewRules(never ...string) Rules {
	r := Rules{never: make(map[string]bool, len(DefaultNever)+len(never))}
	for _, label := range DefaultNever {
		r.never[label] = true
	}
	for _, label := range never {
		r.never[strings.TrimSpace(label)] = true
	}
	return r
}

// Candidates are the objects that the alert's labels may mean, in order of
// preference; the first that exists is the target. When there is none, the
// reason is ReasonMonitoring if labels named only the monitoring itself, else
// ReasonNoTarget. An object that the alert names itself is the only one.
func (r Rules) Candidates(a Alert) (found []Candidate, reason string) {
	if a.Object.Kind != "" {
		return a.Object.candidates()
	}
	aboutNode := NodeAlert(a)
	if aboutNode {
		// The namespace of such an alert, and all that lies in it, is the
		// exporter's.
		if found = r.nodes(a); len(found) > 0 {
			return found, ""
		}
		return nil, ReasonNoTarget
	}
	namespace := a.Label(LabelNamespace)
	filtered := false
	for _, e := range rank {
		name := a.Label(e.label)
		switch {
		case name == "" || r.never[e.label] || !ValidName(name):
		case Monitoring(e.label, name):
			filtered = true
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
	found = append(found, r.others(a, namespace)...)
	if len(found) == 0 && filtered {
		return nil, ReasonMonitoring
	}
	if len(found) == 0 && ValidNamespace(namespace) && !r.never[LabelNamespace] {
		found = append(found, Candidate{Kind: "Namespace", Name: namespace, Label: LabelNamespace})
	}
	if len(found) == 0 {
		return nil, ReasonNoTarget
	}
	return found, ""
}

// others are the labels whose key might be the singular of a kind.
func (r Rules) others(a Alert, namespace string) []Candidate {
	var found []Candidate
	for key, value := range a.Labels {
		label := strings.TrimPrefix(key, exportedPrefix)
		switch {
		case label == LabelNamespace || ranked[label] || r.never[label] || !singular(label) || !ValidName(value):
			continue
		case key == label && a.Labels[exportedPrefix+label] != "":
			continue
		}
		if !ValidNamespace(namespace) {
			namespace = ""
		}
		found = append(found, Candidate{Namespace: namespace, Name: value, Label: label})
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Label < found[j].Label })
	return found
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
		return append(found, Candidate{Kind: "Node", Address: ip.Unmap().String(), Label: labelInstance})
	}
	if ValidName(host) && (len(found) == 0 || found[0].Name != host) {
		found = append(found, Candidate{Kind: "Node", Name: host, Label: labelInstance})
	}
	return found
}

// hostOf takes the port off an instance label.
func hostOf(instance string) string {
	if address, err := netip.ParseAddrPort(instance); err == nil {
		return address.Addr().String()
	}
	if host, _, ok := strings.Cut(instance, ":"); ok && !strings.Contains(instance[len(host)+1:], ":") {
		return host
	}
	return strings.Trim(instance, "[]")
}
