package signal

import "strings"

// pattern recognises names that belong to the monitoring itself. Scrape
// configurations put the scraper's pod and service on every alert, and an
// alert about a node must not restart the exporter that reported it.
type pattern struct{ contains, prefixes, suffixes []string }

var (
	monitoringServices = pattern{
		contains: []string{"prometheus", "kube-state-metrics", "alertmanager", "grafana", "thanos", "exporter"},
		prefixes: []string{"victoria", "loki", "jaeger"},
		suffixes: []string{"-operator"},
	}
	monitoringPods = pattern{
		contains: []string{"kube-state-metrics", "prometheus-node-exporter", "alertmanager-kube-prometheus", "prometheus-kube-prometheus"},
		prefixes: []string{"kube-prometheus-stack-"},
	}
)

// Monitoring reports whether a label's value names a part of the monitoring.
// Only pod and service labels are ever displaced by the scraper's.
func Monitoring(label, value string) bool {
	switch label {
	case labelService:
		return monitoringServices.matches(value)
	case labelPod:
		return monitoringPods.matches(value)
	}
	return false
}

func (p pattern) matches(value string) bool {
	value = strings.ToLower(value)
	for _, s := range p.contains {
		if strings.Contains(value, s) {
			return true
		}
	}
	for _, s := range p.prefixes {
		if strings.HasPrefix(value, s) {
			return true
		}
	}
	for _, s := range p.suffixes {
		if strings.HasSuffix(value, s) {
			return true
		}
	}
	return false
}
