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
func NodeAlert(a Alert) bool {
	for _, e := range rank {
		if e.label == labelPod {
			break
		}
		if a.Label(e.label) != "" {
			return false
		}
	}
	if pod := a.Label(labelPod); pod != "" && !Monitoring(labelPod, pod) && !exporter(pod) {
		return false
	}
	if a.Label(labelNode) == "" && a.Label(labelInstance) == "" {
		return false
	}
	job, service := a.Labels[labelJob], a.Labels[labelService]
	if exporter(job) || exporter(service) || exporter(a.Labels[labelPod]) || job == jobKubelet {
		return true
	}
	// By its name or its query alone, an alert that comes from a service of the
	// users' own, NodejsEventLoopLag say, is not about a node.
	own := service == "" || Monitoring(labelService, service)
	return own && (namedForNode(a.Name()) || strings.Contains(a.GeneratorURL, nodeSeries))
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
