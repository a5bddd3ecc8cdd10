package source

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"kubernaut.ai/shared/signal"
)

// Settings of both sources of Kubernetes' events.
const (
	// EnvEventReasons lists, separated by commas, the events that are signals,
	// instead of DefaultEventReasons: by their reason, or by the name that it has
	// as a signal (see clusterEvent.name). Reason=severity gives one another
	// severity than medium.
	EnvEventReasons = "EVENT_REASONS"
	// EnvEventMaxAge is how long after its last occurrence an event still counts.
	EnvEventMaxAge = "EVENT_MAX_AGE"
)

// DefaultEventReasons are what kubelets, controllers and the scheduler report as
// Warning of workloads that do not run, with the severity each has.
//
// Kubernetes reports no container's OOM kill: it is BackOff that follows one, and
// the last termination of the container says the rest; OOMKilled and
// CrashLoopBackOff are what others make of it. A kubelet's Failed is here by what
// it means, so that nobody else's Failed is a signal. Left out is what passes by
// itself or belongs to every end of a pod (FailedSync, FailedKillPod,
// FailedPreStopHook, ProbeWarning, NetworkNotReady), and what an autoscaler says
// before its metrics are there.
const DefaultEventReasons = "" +
	// kubelet, of containers
	"BackOff=high,CrashLoopBackOff=high,OOMKilled=high,CreateContainerError=high,FailedPostStartHook=high,Unhealthy=medium," +
	// kubelet, of images
	"ErrImagePull=medium,ImagePullBackOff=medium,ErrImageNeverPull=medium,InvalidImageName=medium,ImageInspectError=medium," +
	"InspectFailed=medium,RegistryUnavailable=medium,SignatureValidationFailed=medium," +
	// kubelet, of pods
	"Evicted=high,FailedCreatePodSandBox=medium,FailedCreatePodContainer=medium," +
	// kubelet and controllers, of volumes
	"FailedMount=high,FailedMapVolume=high,FailedAttachVolume=high,ProvisioningFailed=high,VolumeResizeFailed=medium,FileSystemResizeFailed=medium," +
	// scheduler and controllers of pods
	"FailedScheduling=high,FailedCreate=high,BackoffLimitExceeded=high,DeadlineExceeded=high,PodFailurePolicy=high," +
	// kubelet, node controller and node-problem-detector, of nodes
	"NodeNotReady=critical,OOMKilling=critical,SystemOOM=critical"

// DefaultEventMaxAge is no longer than it takes to call a workload healed, and
// to count its alerts as duplicates afterwards (STABILIZATION and COOLDOWN):
// whoever hands over all events again, as an ApiServerSource does when it
// starts, opens nothing for what is healed.
const DefaultEventMaxAge = 10 * time.Minute

// Reasons for which an event opens nothing.
const (
	ReasonNormalEvent = "normal_event"
	ReasonNotWanted   = "event_reason_not_wanted"
	ReasonOldEvent    = "event_too_old"
	ReasonEventGone   = "event_deleted"
)

var errNoReason = errors.New("it gives no reason")

func init() { Register(openExporter) }

// exporter reads what kubernetes-event-exporter posts by its webhook: the
// event as it is, and a little more of its object. It posts once, whatever the
// answer is.
type exporter struct{ rules eventRules }

func openExporter(s Settings) (Source, error) {
	rules, err := readEventRules(s)
	return exporter{rules}, err
}

func (exporter) Name() string         { return "kubernetes-event" }
func (exporter) Paths() []string      { return []string{"/api/v1/signals/kubernetes-event"} }
func (exporter) MediaTypes() []string { return []string{MediaJSON} }
func (exporter) Reply() Reply         { return Report }

// Read reads one event.
func (s exporter) Read(in Request) (Batch, error) {
	var e clusterEvent
	err := document(in.Body, e.read)
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return Batch{}, failure("read Kubernetes event", err)
	}
	return Batch{Items: []Item{s.rules.item(e, in.Now)}}, nil
}

// eventRules say which events are signals.
type eventRules struct {
	severities map[string]string
	maxAge     time.Duration
}

func readEventRules(s Settings) (eventRules, error) {
	rules := eventRules{severities: map[string]string{}, maxAge: s.Duration(EnvEventMaxAge, DefaultEventMaxAge)}
	for _, entry := range strings.Split(s.String(EnvEventReasons, DefaultEventReasons), ",") {
		reason, severity, given := strings.Cut(strings.TrimSpace(entry), "=")
		if !given {
			severity = signal.SeverityMedium
		}
		if reason == "" || signal.Severity(severity) != severity || severity == signal.SeverityUnknown {
			return eventRules{}, fmt.Errorf("setting %s: %q: want Reason or Reason=severity, one of critical, high, medium, low", EnvEventReasons, entry)
		}
		rules.severities[reason] = severity
	}
	return rules, nil
}

// item is the alert that an event makes, or why it makes none.
func (e eventRules) item(c clusterEvent, now time.Time) Item {
	out := Item{Alert: c.alert(now)}
	severity, wanted := e.severities[c.name()]
	if !wanted {
		severity, wanted = e.severities[c.reason]
	}
	switch {
	case c.badTime:
		out.Invalid = ReasonBadTime
	case c.kind == "Normal":
		out.Ignored = ReasonNormalEvent
	case !wanted:
		out.Ignored = ReasonNotWanted
	case now.Sub(c.last(now)) > e.maxAge:
		out.Ignored = ReasonOldEvent
	}
	if wanted {
		out.Alert.Labels[signal.LabelSeverity] = severity
	}
	return out.judged()
}
