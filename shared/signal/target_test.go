package signal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/signal"
)

type labels = map[string]string

func found(kind, namespace, name, label string) signal.Candidate {
	return signal.Candidate{Kind: kind, Namespace: namespace, Name: name, Label: label}
}

func word(namespace, name, label string) signal.Candidate {
	return signal.Candidate{Namespace: namespace, Name: name, Label: label, Word: label}
}

func namespaceOf(name string) signal.Candidate {
	return signal.Candidate{Kind: "Namespace", Name: name, Label: "namespace", Last: true}
}

func TestCandidates(t *testing.T) {
	pod := found("Pod", "shop", "cart-1", "pod")
	tests := map[string]struct {
		labels    labels
		generator string
		want      []signal.Candidate
		reason    string
	}{
		"a pod is named by its namespace and name": {
			labels: labels{"namespace": "shop", "pod": "cart-1", "container": "cart", "job": "kubelet"},
			want:   []signal.Candidate{pod}},
		"the most telling label comes first": {
			labels: labels{"namespace": "shop", "pod": "cart-1", "deployment": "cart", "horizontalpodautoscaler": "cart-hpa", "service": "cart"},
			want: []signal.Candidate{found("HorizontalPodAutoscaler", "shop", "cart-hpa", "horizontalpodautoscaler"),
				found("Deployment", "shop", "cart", "deployment"), pod, found("Service", "shop", "cart", "service")}},
		"every ranked kind is known": {
			labels: labels{"namespace": "shop", "poddisruptionbudget": "a", "persistentvolumeclaim": "b", "statefulset": "c", "daemonset": "d", "replicaset": "e", "job_name": "f", "cronjob": "g"},
			want: []signal.Candidate{found("PodDisruptionBudget", "shop", "a", "poddisruptionbudget"), found("PersistentVolumeClaim", "shop", "b", "persistentvolumeclaim"),
				found("StatefulSet", "shop", "c", "statefulset"), found("DaemonSet", "shop", "d", "daemonset"), found("ReplicaSet", "shop", "e", "replicaset"),
				found("Job", "shop", "f", "job_name"), found("CronJob", "shop", "g", "cronjob")}},
		"a pod beats the node it runs on, which is no second choice": {
			labels: labels{"namespace": "shop", "pod": "cart-1", "node": "worker-1", "job": "kubelet"},
			want:   []signal.Candidate{pod}},
		"an exported label beats the scraper's": {
			labels: labels{"namespace": "monitoring", "exported_namespace": "shop", "pod": "kube-state-metrics-0", "exported_pod": "cart-1"},
			want:   []signal.Candidate{pod}},
		"an exported service beats the scraper's": {
			labels: labels{"namespace": "shop", "service": "cart-exporter", "exported_service": "cart"},
			want:   []signal.Candidate{found("Service", "shop", "cart", "service")}},
		"a claim that the kubelet reports on is about the claim": {
			labels: labels{"namespace": "shop", "persistentvolumeclaim": "data-0", "node": "worker-1", "job": "kubelet", "instance": "10.0.0.33:10250"},
			want:   []signal.Candidate{found("PersistentVolumeClaim", "shop", "data-0", "persistentvolumeclaim")}},
		"a node is the target where nothing more telling is named": {
			labels: labels{"namespace": "shop", "node": "worker-1", "service": "cart"},
			want:   []signal.Candidate{found("Node", "", "worker-1", "node"), found("Service", "shop", "cart", "service")}},
		"the pod of kube-state-metrics is never the target": {
			labels: labels{"namespace": "shop", "deployment": "cart", "pod": "kube-state-metrics-0", "service": "kube-state-metrics"},
			want:   []signal.Candidate{found("Deployment", "shop", "cart", "deployment")}},
		"an alert that names only the monitoring is the monitoring's": {
			labels: labels{"namespace": "monitoring", "pod": "kube-prometheus-stack-grafana-0", "service": "grafana"}, reason: signal.ReasonMonitoring},
		"job, instance and endpoint never name a target": {
			labels: labels{"namespace": "", "job": "api", "instance": "10.1.2.3:80", "endpoint": "http", "container": "x", "cluster": "east", "prometheus": "k8s", "role": "r", "secret": "s", "event": "e", "route": "t", "revision": "u", "image": "i", "application": "a", "subscription": "b"},
			reason: signal.ReasonNoTarget},
		"a label that may be a kind's singular is asked about last": {
			labels: labels{"namespace": "shop", "certificate": "tls", "pod": "cart-1", "Upper": "no", "under_score": "no"},
			want:   []signal.Candidate{pod, word("shop", "tls", "certificate")}},
		"an exported label of an unknown kind beats the plain one": {
			labels: labels{"namespace": "shop", "certificate": "old", "exported_certificate": "new"},
			want:   []signal.Candidate{word("shop", "new", "certificate"), namespaceOf("shop")}},
		"a namespace is the target where nothing in it is named": {
			labels: labels{"namespace": "shop", "resource": "pods", "severity": "warning"},
			want:   []signal.Candidate{namespaceOf("shop")}},
		"no label, no target": {labels: labels{"alertname": "CoreDNSDown"}, reason: signal.ReasonNoTarget},
		"a pod without its namespace is no target": {
			labels: labels{"pod": "cart-1"}, reason: signal.ReasonNoTarget},
		"what cannot be a name is passed over": {
			labels: labels{"namespace": "shop", "deployment": "Cart/../x", "pod": "cart-1"}, want: []signal.Candidate{pod}},
		"names may have dots": {
			labels: labels{"node": "worker-2.example.internal", "alertname": "KubeNodeNotReady"},
			want:   []signal.Candidate{found("Node", "", "worker-2.example.internal", "node")}},
		"a node that kube-state-metrics reports on is not in its namespace, nor at its address": {
			labels: labels{"alertname": "KubeNodeNotReady", "namespace": "monitoring", "node": "worker-1", "pod": "kube-prometheus-stack-kube-state-metrics-0",
				"service": "kube-prometheus-stack-kube-state-metrics", "job": "kube-state-metrics", "instance": "10.42.0.17:8080"},
			want: []signal.Candidate{found("Node", "", "worker-1", "node")}},
		"a kube_node series makes a node alert, whatever its name": {
			labels:    labels{"alertname": "WorkerLost", "node": "worker-1", "pod": "kube-state-metrics-0", "namespace": "monitoring"},
			generator: "http://p/graph?g0.expr=kube_node_status_condition", want: []signal.Candidate{found("Node", "", "worker-1", "node")}},
		"node-exporter's instance is the node's address": {
			labels: labels{"alertname": "DiskFull", "namespace": "monitoring", "pod": "x-prometheus-node-exporter-8xk2p", "job": "node-exporter", "instance": "10.0.0.33:9100"},
			want:   []signal.Candidate{{Kind: "Node", Address: "10.0.0.33", Label: "instance"}}},
		"an instance of IPv6 is an address too": {
			labels: labels{"job": "node-exporter", "instance": "[fd00::21]:9100"}, want: []signal.Candidate{{Kind: "Node", Address: "fd00::21", Label: "instance"}}},
		"an instance may be the node's name": {
			labels: labels{"job": "node-exporter", "instance": "worker-2.example.internal:9100"},
			want:   []signal.Candidate{found("Node", "", "worker-2.example.internal", "instance")}},
		"the kubelet without a pod reports on its node": {
			labels: labels{"alertname": "RuntimeSlow", "job": "kubelet", "service": "prometheus-kube-prometheus-kubelet", "namespace": "kube-system", "node": "worker-1", "instance": "10.0.0.33:10250"},
			want:   []signal.Candidate{found("Node", "", "worker-1", "node"), {Kind: "Node", Address: "10.0.0.33", Label: "instance"}}},
		"a node-exporter by any other name reports on its node": {
			labels: labels{"job": "node-exporter", "namespace": "obs", "pod": "metrics-8xk2p", "instance": "10.0.0.33:9100"},
			want:   []signal.Candidate{{Kind: "Node", Address: "10.0.0.33", Label: "instance"}}},
		"a crashing node-exporter is the monitoring's, not its node's": {
			labels: labels{"job": "kube-state-metrics", "namespace": "monitoring", "pod": "x-prometheus-node-exporter-8xk2p", "instance": "10.42.0.17:8080"}, reason: signal.ReasonMonitoring},
		"a series whose namespace was displaced has lost its pod, too": {
			labels: labels{"namespace": "obs", "exported_namespace": "shop", "pod": "watcher-1", "service": "watcher", "node": "worker-1", "deployment": "cart"},
			want:   []signal.Candidate{found("Deployment", "shop", "cart", "deployment")}},
		"the kubelet's scrape displaces no pod": {
			labels: labels{"namespace": "kube-system", "exported_namespace": "shop", "pod": "cart-1", "job": "kubelet", "node": "worker-1", "instance": "10.0.0.33:10250"},
			want:   []signal.Candidate{pod}},
		"an object of a custom resource is named with its kind": {
			labels: labels{"customresource_group": "kustomize.toolkit.fluxcd.io", "customresource_kind": "Kustomization", "exported_namespace": "flux-system", "name": "apps", "namespace": "monitoring", "pod": "kube-state-metrics-0"},
			want: []signal.Candidate{found("Kustomization.kustomize.toolkit.fluxcd.io", "flux-system", "apps", "customresource_kind"),
				namespaceOf("flux-system")}},
		"a kind without its group is looked up": {
			labels: labels{"kind": "HelmRelease", "name": "cart", "namespace": "shop"},
			want:   []signal.Candidate{{Word: "HelmRelease", Namespace: "shop", Name: "cart", Label: "kind"}, namespaceOf("shop")}},
		"a kind that is a word of its own sort is none": {
			labels: labels{"kind": "unit", "name": "cart", "namespace": "shop"}, want: []signal.Candidate{namespaceOf("shop")}},
		"a kind without a name names nothing": {
			labels: labels{"kind": "HelmRelease", "namespace": "shop"}, want: []signal.Candidate{namespaceOf("shop")}},
		"an instance may be a URL": {
			labels: labels{"job": "node-exporter", "instance": "https://[fd00::21]:9100/metrics"}, want: []signal.Candidate{{Kind: "Node", Address: "fd00::21", Label: "instance"}}},
		"an IPv6 address may have a zone": {
			labels: labels{"job": "node-exporter", "instance": "[fe80::21%eth0]:9100"}, want: []signal.Candidate{{Kind: "Node", Address: "fe80::21", Label: "instance"}}},
		"an IPv4 address may be written as one of IPv6": {
			labels: labels{"job": "node-exporter", "instance": "[::ffff:10.0.0.33]:9100"}, want: []signal.Candidate{{Kind: "Node", Address: "10.0.0.33", Label: "instance"}}},
		"what was exported of job and node is what the series said": {
			labels: labels{"job": "node-exporter", "exported_job": "batch", "exported_node": "worker-1", "node": "worker-9", "instance": "10.0.0.33:9100"},
			want:   []signal.Candidate{found("Node", "", "worker-1", "node"), {Kind: "Node", Address: "10.0.0.33", Label: "instance"}}},
		"a service whose alert only sounds like a node's is a service": {
			labels: labels{"alertname": "NodejsEventLoopLag", "namespace": "shop", "service": "cart", "instance": "10.42.1.4:8080"},
			want:   []signal.Candidate{found("Service", "shop", "cart", "service")}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, reason := signal.NewRules().Candidates(signal.Alert{Labels: test.labels, GeneratorURL: test.generator})
			require.Equal(t, test.want, got)
			if len(got) == 0 {
				require.Equal(t, test.reason, reason)
			}
		})
	}
}

func TestMonitoring(t *testing.T) {
	tests := map[string]struct {
		label, value string
		want         bool
	}{
		"a service that contains prometheus":         {"service", "my-Prometheus-x", true},
		"a service that contains kube-state-metrics": {"service", "kube-state-metrics", true},
		"a service that contains alertmanager":       {"service", "alertmanager-main", true},
		"a service that contains grafana":            {"service", "grafana", true},
		"a service that contains thanos":             {"service", "thanos-query", true},
		"a service that contains exporter":           {"service", "redis-exporter", true},
		"a service that starts with victoria":        {"service", "victoria-metrics", true},
		"a service that starts with loki":            {"service", "loki", true},
		"a service that starts with jaeger":          {"service", "jaeger-query", true},
		"a service that ends with -operator":         {"service", "cart-operator", true},
		"a service that only contains loki":          {"service", "my-loki", false},
		"a service of the users":                     {"service", "cart", false},
		"a pod of kube-state-metrics":                {"pod", "x-kube-state-metrics-0", true},
		"a pod of node-exporter's chart":             {"pod", "x-prometheus-node-exporter-0", true},
		"a pod of the chart's Alertmanager":          {"pod", "alertmanager-kube-prometheus-0", true},
		"a pod of the chart's Prometheus":            {"pod", "prometheus-kube-prometheus-0", true},
		"a pod that starts with the chart's name":    {"pod", "kube-prometheus-stack-x", true},
		"a pod that contains grafana is not listed":  {"pod", "grafana-0", false},
		"another label is never the monitoring's":    {"deployment", "prometheus", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, signal.NewRules().Monitoring(test.label, test.value)) })
	}
}

func TestNames(t *testing.T) {
	for s, want := range map[string]bool{"cart": true, "a": true, "worker-2.example.internal": true, "1a": true, "": false, "-a": false, "a-": false,
		"a..b": false, ".a": false, "a.": false, "a.-b": false, "a-.b": false, "A": false, "a_b": false, "a/b": false, "a--b": true, "a b": false} {
		require.Equal(t, want, signal.ValidName(s), "%q", s)
	}
	require.True(t, signal.ValidNamespace("shop"))
	require.False(t, signal.ValidNamespace("shop.x"))
}
