package source

import (
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"kubernaut.ai/shared/signal"
)

// Severities of Flux.
const (
	fluxError = "error"
	fluxInfo  = "info"
)

// Reasons for which a notice of Flux opens and resolves nothing.
const (
	// ReasonNotSettled: Flux is still at work, or took a failed change back. What
	// was wanted is not reached, so nothing has recovered.
	ReasonNotSettled = "flux_not_settled"
	// ReasonFluxSeverity: neither an error nor an info.
	ReasonFluxSeverity = "flux_severity_unknown"
	// ReasonFluxTimedOut: an Alertmanager heard no more of a notice. Flux says
	// each once and never that it ended, so that is no word of Flux.
	ReasonFluxTimedOut = "flux_timed_out"
	// ReasonFluxRecovered: an error that is older than what was said of the object's
	// recovery. An Alertmanager has both an error and a later info, until it forgets
	// them by its timeout; and Flux may post them in any order.
	ReasonFluxRecovered = "flux_recovered_since"
)

// unsettled are the reasons of infos that are no recovery.
var unsettled = map[string]bool{"Progressing": true, "ProgressingWithRetry": true, "DependencyNotReady": true,
	"RollbackSucceeded": true, "UninstallSucceeded": true, "Suspended": true}

// fluxGroups are the API groups of Flux's kinds, where a notice names only the
// kind.
var fluxGroups = map[string]string{
	"Kustomization": "kustomize.toolkit.fluxcd.io", "HelmRelease": "helm.toolkit.fluxcd.io",
	"GitRepository": "source.toolkit.fluxcd.io", "OCIRepository": "source.toolkit.fluxcd.io",
	"HelmRepository": "source.toolkit.fluxcd.io", "HelmChart": "source.toolkit.fluxcd.io", "Bucket": "source.toolkit.fluxcd.io",
	"ImageRepository": "image.toolkit.fluxcd.io", "ImagePolicy": "image.toolkit.fluxcd.io", "ImageUpdateAutomation": "image.toolkit.fluxcd.io",
}

// notice is what Flux's notification-controller says of one object, by
// whichever of its providers.
type notice struct {
	object           signal.Object
	severity, reason string
	labels           map[string]string
	annotations      map[string]string
	// at is when it happened; zero where the notice does not say.
	at, now time.Time
	badTime bool
}

// fluxNotice reads what Flux's provider for Alertmanager made of an event. It
// is told by its labels, which no rule of Prometheus sets.
func fluxNotice(p *posted, now time.Time) (notice, bool) {
	kind := p.labels["kind"]
	_, byFlux := p.labels["reportingcontroller"]
	if !byFlux || kind == "" || !strings.HasPrefix(p.labels[signal.LabelAlertName], "Flux"+kind) {
		return notice{}, false
	}
	o := signal.Object{Kind: kind, Namespace: p.labels[signal.LabelNamespace], Name: p.labels["name"]}
	if group := fluxGroups[kind]; group != "" {
		o.APIVersion = group + "/v1"
	}
	return notice{object: o, severity: p.labels[signal.LabelSeverity], reason: p.labels["reason"], labels: p.labels,
		annotations: p.annotations, at: p.starts, now: now, badTime: p.badTime}, true
}

// item is the alert on the notice's object. There is one alert an object,
// whatever the revision and the reason are, from the first error to the info
// that resolves it, or until nobody reports an error any more.
func (n notice) item() Item {
	a := signal.Alert{ID: n.id(), Labels: n.labels, Annotations: n.annotations, Object: n.object, StartsAt: n.at}
	if n.at.IsZero() {
		a.StartsAt, a.Undated = n.now, true
	}
	out := Item{Alert: a, Telling: Reported}
	switch {
	case n.badTime:
		out.Invalid = ReasonBadTime
	case n.severity == fluxError:
		out.Alert.Expires = n.now.Add(MaxSilence)
	case n.severity != fluxInfo:
		out.Ignored = ReasonFluxSeverity
	case unsettled[n.reason]:
		out.Ignored = ReasonNotSettled
	default:
		out.Alert.Resolved, out.Alert.EndsAt = true, a.StartsAt
	}
	return out.judged()
}

// routed is the alert of a notice that an Alertmanager passed on with a status
// of its own. It keeps the time of the first of notices that are alike.
func (n notice) routed(status string) Item {
	out := n.item()
	out.Telling = Stands
	switch status {
	case statusFiring:
	case statusResolved:
		out.Ignored = ReasonFluxTimedOut
	default:
		out.Invalid = ReasonBadStatus
	}
	return out
}

// leaveRecovered leaves out errors of Flux that are no later than an info of
// the same object among the items of an Alertmanager. Only notices name their
// object there.
func leaveRecovered(items []Item) {
	since := map[string]time.Time{}
	notices := func(resolved bool, do func(*Item)) {
		for n := range items {
			i := &items[n]
			if i.Invalid == "" && i.Ignored == "" && i.Alert.Object.Kind != "" && i.Alert.Resolved == resolved {
				do(i)
			}
		}
	}
	notices(true, func(i *Item) {
		if i.Alert.StartsAt.After(since[i.Alert.ID]) {
			since[i.Alert.ID] = i.Alert.StartsAt
		}
	})
	notices(false, func(i *Item) {
		if !since[i.Alert.ID].Before(i.Alert.StartsAt) {
			i.Ignored = ReasonFluxRecovered
		}
	})
}

func (n notice) id() string {
	return signal.AlertID("", map[string]string{"flux": n.object.Kind, signal.LabelNamespace: n.object.Namespace, "name": n.object.Name})
}

// name is the alert's name as Flux's provider for Alertmanager builds it.
func (n notice) name() string {
	if n.reason == "" {
		return "Flux" + n.object.Kind
	}
	_, first := utf8.DecodeRuneInString(n.reason)
	return "Flux" + n.object.Kind + strings.ToUpper(n.reason[:first]) + strings.ToLower(n.reason[first:])
}

// labelled gives a notice the labels that Flux's provider for Alertmanager
// would; of the metadata only the cluster, which decides.
func (n notice) labelled(controller string) notice {
	n.labels = map[string]string{signal.LabelAlertName: n.name(), signal.LabelSeverity: n.severity, "reason": n.reason,
		"kind": n.object.Kind, "name": n.object.Name, signal.LabelNamespace: n.object.Namespace, "reportingcontroller": controller,
		signal.LabelCluster: n.annotations[signal.LabelCluster]}
	maps.DeleteFunc(n.labels, func(_, value string) bool { return value == "" })
	return n
}
