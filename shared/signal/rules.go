package signal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

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

// meant are labels that mean something else to Kubernaut itself, so that
// nobody can make targets of them.
var meant = []string{LabelAlertName, LabelCluster, LabelSeverity}

// Filters change what Rules take for a target. Each entry is added to the
// defaults; one with a minus in front takes that default away.
type Filters struct {
	// NeverTargets are labels that never name a target: see DefaultNever.
	NeverTargets []string
	// MonitoringServices and MonitoringPods are patterns of names that are never
	// a target: see DefaultMonitoringServices.
	MonitoringServices, MonitoringPods []string
}

// Rules find the objects that alerts mean.
type Rules struct {
	never          map[string]bool
	services, pods pattern
}

// NewRules makes the default rules.
func NewRules() Rules {
	return Rules{never: set(DefaultNever), services: newPattern(DefaultMonitoringServices), pods: newPattern(DefaultMonitoringPods)}
}

// Rules makes rules that keep to the filters, or says all that is wrong with
// these.
func (f Filters) Rules() (Rules, error) {
	never, err := entries{f.NeverTargets, DefaultNever, validLabel}.merge()
	for _, label := range meant {
		if !slices.Contains(never, label) {
			err = errors.Join(err, fmt.Errorf("%q cannot be taken away: it never names a target", label))
		}
	}
	services, servicesErr := entries{lower(f.MonitoringServices), DefaultMonitoringServices, validPattern}.merge()
	pods, podsErr := entries{lower(f.MonitoringPods), DefaultMonitoringPods, validPattern}.merge()
	if err := errors.Join(wrap("labels that never name a target", err), wrap("services of the monitoring", servicesErr),
		wrap("pods of the monitoring", podsErr)); err != nil {
		return Rules{}, err
	}
	return Rules{never: set(never), services: newPattern(services), pods: newPattern(pods)}, nil
}

// entries are one list of Filters.
type entries struct {
	list, defaults []string
	valid          func(string) bool
}

// merge adds entries to the defaults and takes others away.
func (e entries) merge() ([]string, error) {
	out := slices.Clone(e.defaults)
	var errs []error
	for _, entry := range e.list {
		entry = strings.TrimSpace(entry)
		without, minus := strings.CutPrefix(entry, "-")
		i := slices.Index(out, without)
		switch {
		case entry == "":
		case minus && i < 0:
			errs = append(errs, fmt.Errorf("%q takes away what is no default; the defaults are %s", entry, strings.Join(e.defaults, ", ")))
		case minus:
			out = slices.Delete(out, i, i+1)
		case !e.valid(entry):
			errs = append(errs, fmt.Errorf("%q is not valid", entry))
		default:
			out = append(out, entry)
		}
	}
	return out, errors.Join(errs...)
}

// validLabel reports whether s can be a label's key.
func validLabel(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func lower(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}

func set(list []string) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, s := range list {
		out[s] = true
	}
	return out
}
