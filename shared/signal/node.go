package signal

import "strings"

// Marks of series about nodes.
const (
	jobKubelet      = "kubelet"
	stateMetrics    = "kube-state-metrics"
	nodeSeries      = "kube_node_"
	nodeExporter    = "node-exporter"
	nodeExporterJob = "node_exporter"
)

// nodeNames start the names of alerts about nodes in the kubernetes and node
// mixins.
var nodeNames = []string{"KubeNode", "Node", "KubeKubelet", "Kubelet"}

// NodeAlert reports whether an alert is about a node itself, and not about a
// workload whose series happen to carry its node: alerts on kube_node_*
// series, those of node-exporter, and those of the kubelet that name no pod.
func (r Rules) NodeAlert(a Alert) bool {
	for _, e := range rank {
		if e.label == labelPod {
			break
		}
		if a.Label(e.label) != "" {
			return false
		}
	}
	if a.Label(labelNode) == "" && a.Label(labelInstance) == "" || r.namesPod(a) {
		return false
	}
	if byExporter(a) || a.Labels[labelJob] == jobKubelet {
		return true
	}
	// By its name or its query alone, an alert that comes from a service of the
	// users' own, NodejsEventLoopLag say, is not about a node.
	service := a.Labels[labelService]
	own := service == "" || r.Monitoring(labelService, service)
	return own && (namedForNode(a.Name()) || strings.Contains(a.GeneratorURL, nodeSeries))
}

// namesPod reports whether the alert names a pod that is not the monitoring's.
func (r Rules) namesPod(a Alert) bool {
	pod := a.Label(labelPod)
	switch {
	case pod == "" || r.Monitoring(labelPod, pod) || exporter(pod):
		return false
	case a.Labels[exportedPrefix+labelPod] != "":
		return true
	}
	// Series of node-exporter, and those of kube-state-metrics on nodes, have no
	// pod: theirs is the scraper's, whatever it is called.
	return !byExporter(a) && (!fromStateMetrics(a) || !strings.HasPrefix(a.Name(), nodeNames[0]))
}

// byExporter reports whether node-exporter reports, and not
// kube-state-metrics on a pod of node-exporter.
func byExporter(a Alert) bool {
	return exporter(a.Labels[labelJob]) || exporter(a.Labels[labelService]) || exporter(a.Labels[labelPod]) && !fromStateMetrics(a)
}

func exporter(s string) bool {
	return strings.Contains(s, nodeExporter) || strings.Contains(s, nodeExporterJob)
}

func namedForNode(name string) bool {
	for _, prefix := range nodeNames {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func fromStateMetrics(a Alert) bool {
	return strings.Contains(a.Labels[labelJob], stateMetrics) || strings.Contains(a.Labels[labelService], stateMetrics) ||
		strings.Contains(a.Labels[labelPod], stateMetrics)
}
