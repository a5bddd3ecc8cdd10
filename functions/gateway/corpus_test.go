package function

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/signal"
)

// scrapes are the labels that Prometheus puts on whatever it scrapes there, as
// kube-prometheus-stack configures it.
var scrapes = map[string]map[string]string{
	"none": {},
	// A kube-state-metrics of which only the job tells.
	"bare": {"job": "kube-state-metrics", "namespace": "monitoring", "instance": "10.42.0.17:8080"},
	"ksm":  scrape("monitoring", "kube-prometheus-stack-kube-state-metrics-5d8-x", "kube-prometheus-stack-kube-state-metrics", "kube-state-metrics"),
	"node": with(scrape("monitoring", "kube-prometheus-stack-prometheus-node-exporter-8xk2p", "kube-prometheus-stack-prometheus-node-exporter",
		"node-exporter"), "instance", "10.0.0.33:9100"),
	"kubelet": {"namespace": "kube-system", "service": "kube-prometheus-stack-kubelet", "job": "kubelet", "instance": "10.0.0.33:10250",
		"endpoint": "https-metrics", "metrics_path": "/metrics", "node": "worker-2.example.internal"},
	"prom":        scrape("monitoring", "prometheus-kube-prometheus-stack-prometheus-0", "kube-prometheus-stack-prometheus", "kube-prometheus-stack-prometheus"),
	"am":          scrape("monitoring", "alertmanager-kube-prometheus-stack-alertmanager-0", "kube-prometheus-stack-alertmanager", "kube-prometheus-stack-alertmanager"),
	"op":          scrape("monitoring", "kube-prometheus-stack-operator-7c-x", "kube-prometheus-stack-operator", "kube-prometheus-stack-operator"),
	"etcd":        scrape("kube-system", "etcd-cp-1", "kube-prometheus-stack-kube-etcd", "kube-etcd"),
	"coredns":     scrape("kube-system", "coredns-1", "kube-prometheus-stack-coredns", "coredns"),
	"certmanager": scrape("cert-manager", "cert-manager-1", "cert-manager", "cert-manager"),
	"flux":        scrape("flux-system", "kustomize-controller-1", "", "flux-system/flux-system"),
	"argocd":      scrape("argocd", "argocd-application-controller-0", "argocd-metrics", "argocd-metrics"),
	"rollouts":    scrape("argo-rollouts", "argo-rollouts-1", "argo-rollouts-metrics", "argo-rollouts-metrics"),
	"cnpg":        scrape("shop", "pg-1", "", "shop/pg"),
	"app":         scrape("shop", "cart-1", "cart", "cart"),
}

// displacing are the scrapes that put their labels over those of the series,
// which Prometheus then writes as exported_*. The others honour the series'.
var displacing = map[string]bool{"certmanager": true, "flux": true, "argocd": true, "rollouts": true}

func scrape(namespace, pod, service, job string) map[string]string {
	m := map[string]string{"namespace": namespace, "pod": pod, "service": service, "job": job, "instance": "10.42.0.17:8080",
		"endpoint": "http", "container": "main"}
	maps.DeleteFunc(m, func(_, v string) bool { return v == "" })
	return m
}

func with(m map[string]string, key, value string) map[string]string {
	m[key] = value
	return m
}

// sampled is one line of the corpus.
type sampled struct {
	name, scrape, query, want string
	labels                    map[string]string
}

func corpus(t *testing.T) []sampled {
	t.Helper()
	text, err := os.ReadFile("testdata/corpus.txt")
	require.NoError(t, err)
	var out []sampled
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		left, want, ok := strings.Cut(line, "=> ")
		fields := strings.Fields(left)
		require.True(t, ok && len(fields) >= 2, line)
		s := sampled{name: fields[0], scrape: fields[1], want: want, labels: map[string]string{}}
		require.Contains(t, scrapes, s.scrape, line)
		for _, field := range fields[2:] {
			key, value, _ := strings.Cut(field, "=")
			if key == "query" {
				s.query = value
				continue
			}
			s.labels[key] = value
		}
		out = append(out, s)
	}
	return out
}

// alert is the sample as it arrives; displaced as from a Prometheus that
// honours no labels.
func (s sampled) alert(displaced bool) signal.Alert {
	labels := maps.Clone(s.labels)
	for key, value := range scrapes[s.scrape] {
		own, clash := labels[key]
		switch {
		case !clash:
			labels[key] = value
		case displaced:
			labels["exported_"+key], labels[key] = own, value
		}
	}
	labels["alertname"], labels["severity"], labels["prometheus"] = s.name, "warning", "monitoring/kube-prometheus-stack-prometheus"
	return signal.Alert{Labels: labels, GeneratorURL: "http://prometheus/graph?g0.expr=" + s.query}
}

// fleet is a cluster in which all of this fires, with the monitoring in it,
// and all of it opted in.
func fleet(t *testing.T) *world {
	w := newWorld(t)
	for top, owned := range map[string][]string{
		"shop/Deployment/cart": {"shop/Pod/cart-1", "shop/ReplicaSet/cart-6d5f"}, "shop/StatefulSet/db": {"shop/Pod/db-0"}, "shop/DaemonSet/agent": nil,
		"shop/CronJob/report": {"shop/Job/report-1"}, "shop/Job/migrate": nil, "shop/Pod/lone": nil, "shop/Service/cart": nil,
		"shop/HorizontalPodAutoscaler/cart": nil, "shop/PodDisruptionBudget/cart": nil, "shop/PersistentVolumeClaim/data-db-0": nil,
		"shop/ResourceQuota/compute": nil, "/PersistentVolume/pv-1": nil, "/NodePool.karpenter.sh/spot": nil,
		"shop/Rollout.argoproj.io/canary": {"shop/Pod/canary-1"}, "shop/Certificate.cert-manager.io/tls": nil,
		"shop/Cluster.postgresql.cnpg.io/pg":           {"shop/Pod/pg-1", "shop/PersistentVolumeClaim/pg-1"},
		"shop/HelmRelease.helm.toolkit.fluxcd.io/cart": nil, "flux-system/Kustomization.kustomize.toolkit.fluxcd.io/apps": nil,
		"flux-system/GitRepository.source.toolkit.fluxcd.io/fleet": nil, "argocd/Application.argoproj.io/cart": nil,
		"kube-system/Pod/etcd-cp-1": nil, "kube-system/Deployment/coredns": {"kube-system/Pod/coredns-1"},
		"cert-manager/Deployment/cert-manager": {"cert-manager/Pod/cert-manager-1"}, "cert-manager/Service/cert-manager": nil,
		"flux-system/Deployment/kustomize-controller":      {"flux-system/Pod/kustomize-controller-1"},
		"argocd/StatefulSet/argocd-application-controller": {"argocd/Pod/argocd-application-controller-0"}, "argocd/Service/argocd-metrics": nil,
		"argo-rollouts/Deployment/argo-rollouts": {"argo-rollouts/Pod/argo-rollouts-1"}, "argo-rollouts/Service/argo-rollouts-metrics": nil,
		"monitoring/Deployment/kube-prometheus-stack-kube-state-metrics": {"monitoring/Pod/kube-prometheus-stack-kube-state-metrics-5d8-x", "monitoring/Pod/ksm-0"},
		"monitoring/DaemonSet/node-exporter":                             {"monitoring/Pod/kube-prometheus-stack-prometheus-node-exporter-8xk2p", "monitoring/Pod/metrics-8xk2p"},
		"monitoring/Deployment/grafana":                                  {"monitoring/Pod/kube-prometheus-stack-grafana-0"},
	} {
		w.cluster.own(top, owned...)
	}
	for _, namespace := range []string{"shop", "default", "kube-system", "monitoring", "flux-system", "argocd", "cert-manager", "argo-rollouts"} {
		w.cluster.own("/Namespace/" + namespace)
	}
	for word, k := range map[string]cluster.Kind{
		"rollout": {Group: "argoproj.io", Kind: "Rollout", Namespaced: true}, "cluster": {Group: "postgresql.cnpg.io", Kind: "Cluster", Namespaced: true},
		"nodepool": {Group: "karpenter.sh", Kind: "NodePool"}, "persistentvolume": {Kind: "PersistentVolume"},
		"resourcequota": {Kind: "ResourceQuota", Namespaced: true}, "Kustomization": {Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespaced: true},
		"HelmRelease": {Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespaced: true},
		"queue":       {Group: "rabbitmq.com", Kind: "Queue", Namespaced: true}, "instance": {Group: "example.org", Kind: "Instance", Namespaced: true},
	} {
		k.Version = "v1"
		w.cluster.kinds[word] = []cluster.Kind{k}
	}
	w.cluster.addresses["fd00::21"] = "worker-2.example.internal"
	return w
}

// located is the target of the claim, or the named reason for which the alert
// opens none.
func located(t *testing.T, g *gateway, a signal.Alert) string {
	t.Helper()
	if reason := signal.Ignored(a, g.cluster); reason != "" {
		return reason
	}
	w := &work{alert: a, result: &Result{}}
	g.locate(t.Context(), w)
	require.NotEqual(t, StatusRetry, w.result.Status, "%v", w.result.err)
	if w.result.Status == StatusIgnored {
		return w.result.Reason
	}
	return w.target.String()
}

func TestTheTargetsOfAlertsThatClustersFire(t *testing.T) {
	g := fleet(t).gateway(t)
	all := corpus(t)
	require.GreaterOrEqual(t, len(all), 120)
	for _, s := range all {
		t.Run(s.name+" "+s.scrape, func(t *testing.T) {
			a := s.alert(displacing[s.scrape])
			require.Equal(t, s.want, located(t, g, a), "%v", a.Labels)
		})
	}
}

// TestAScraperThatHonoursNoLabelsChangesNoTarget has kube-state-metrics and
// the kubelet scraped by a Prometheus that displaces what the series say.
func TestAScraperThatHonoursNoLabelsChangesNoTarget(t *testing.T) {
	g := fleet(t).gateway(t)
	for _, s := range corpus(t) {
		if s.scrape == "ksm" || s.scrape == "kubelet" {
			a := s.alert(true)
			require.Equal(t, s.want, located(t, g, a), "%s %v", s.name, a.Labels)
		}
	}
}

// TestEveryAlertOfTheContractIsInTheCorpus lists the table of the outside
// contracts.
func TestEveryAlertOfTheContractIsInTheCorpus(t *testing.T) {
	known := map[string]bool{}
	for _, s := range corpus(t) {
		known[s.name] = true
	}
	for _, name := range strings.Fields(`KubePodCrashLooping KubePodNotReady KubeContainerWaiting KubeDeploymentReplicasMismatch KubeDeploymentRolloutStuck
		KubeStatefulSetReplicasMismatch KubeStatefulSetUpdateNotRolledOut KubeDaemonSetRolloutStuck KubeDaemonSetNotScheduled KubeHpaMaxedOut
		KubeHpaReplicasMismatch KubePdbNotEnoughHealthyPods KubeJobFailed KubeJobNotCompleted KubePersistentVolumeFillingUp KubeNodeNotReady
		KubeNodeUnreachable KubeNodeReadinessFlapping NodeFilesystemSpaceFillingUp NodeFilesystemAlmostOutOfSpace NodeMemoryHighUtilization
		NodeCPUHighUsage CPUThrottlingHigh KubePodOOMKilled KubeQuotaAlmostFull KubeClientCertificateExpiration CertManagerCertExpirySoon
		CertManagerCertNotReady CoreDNSDown etcdDatabaseHighFragmentationRatio KubeAPIDown KubeSchedulerDown Watchdog InfoInhibitor`) {
		require.True(t, known[name], name)
	}
}
