package signal

import "strings"

// pattern recognises names that belong to the monitoring itself. Scrape
// configurations put the scraper's pod and service on every alert, and an
// alert about a node must not restart the exporter that reported it.
type pattern struct{ contains, prefixes, suffixes, names []string }

// Patterns of the monitoring's services and pods: *x* is contained, x* is in
// front, *x is at the end, and x is all. Upper and lower case are the same.
var (
	DefaultMonitoringServices = []string{"*prometheus*", "*kube-state-metrics*", "*alertmanager*", "*grafana*", "*thanos*", "*exporter*",
		"victoria*", "loki*", "jaeger*", "*-operator"}
	DefaultMonitoringPods = []string{"*kube-state-metrics*", "*prometheus-node-exporter*", "*alertmanager-kube-prometheus*",
		"*prometheus-kube-prometheus*", "kube-prometheus-stack-*"}
)

// Monitoring reports whether a label's value names a part of the monitoring.
// Only pod and service labels are ever displaced by the scraper's.
func (r Rules) Monitoring(label, value string) bool {
	switch label {
	case labelService:
		return r.services.matches(value)
	case labelPod:
		return r.pods.matches(value)
	}
	return false
}

// newPattern makes one of many; validPattern accepted them.
func newPattern(list []string) pattern {
	var p pattern
	for _, s := range list {
		core := strings.Trim(s, "*")
		switch {
		case core == s:
			p.names = append(p.names, core)
		case !strings.HasPrefix(s, "*"):
			p.prefixes = append(p.prefixes, core)
		case !strings.HasSuffix(s, "*"):
			p.suffixes = append(p.suffixes, core)
		default:
			p.contains = append(p.contains, core)
		}
	}
	return p
}

// validPattern accepts a part of a name with an asterisk before or behind it.
// One asterisk alone would take every alert for the monitoring's.
func validPattern(s string) bool {
	core := strings.TrimSuffix(strings.TrimPrefix(s, "*"), "*")
	if core == "" {
		return false
	}
	for i := 0; i < len(core); i++ {
		if !alphanumeric(core[i]) && core[i] != '-' && core[i] != '.' {
			return false
		}
	}
	return true
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
	for _, s := range p.names {
		if value == s {
			return true
		}
	}
	return false
}
