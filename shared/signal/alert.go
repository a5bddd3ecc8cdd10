package signal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"time"
)

// Labels that mean something to Kubernaut wherever they come from.
const (
	LabelAlertName = "alertname"
	LabelNamespace = "namespace"
	LabelSeverity  = "severity"
	LabelCluster   = "cluster"
	LabelContainer = "container"
	labelPod       = "pod"
	labelNode      = "node"
	labelService   = "service"
	labelJob       = "job"
	labelInstance  = "instance"
)

// exportedPrefix is what Prometheus puts in front of a label of the series
// that its own scrape label displaced: the series' word is the better one.
const exportedPrefix = "exported_"

// Alert is one alert, normalised, whoever sent it. Its texts come from
// strangers.
type Alert struct {
	// ID tells this alert from all others: equal labels, equal id.
	ID          string
	Labels      map[string]string
	Annotations map[string]string
	StartsAt    time.Time
	// Undated tells that the sender did not say when it started: StartsAt is when
	// it was received, another each time that it is posted, or EndsAt once it is
	// resolved.
	Undated bool
	// Expires is when an alert that fires counts as ended unless it is posted
	// again: zero where the sender promises to say when it ended. That a sender
	// fell silent is weak evidence: it may have died with the alert firing.
	Expires time.Time
	// EndsAt is when it stopped; it means nothing while Resolved is false.
	EndsAt       time.Time
	Resolved     bool
	GeneratorURL string
	// Object is what the alert is about, where its sender names the object itself
	// and not by labels; its Kind is empty where labels have to tell.
	Object Object
	// Receiver and Group say how the sender routed it.
	Receiver, Group string
}

// Name is the alert's name, empty if it has none.
func (a Alert) Name() string { return a.Labels[LabelAlertName] }

// Label is a label's value; what the series said beats what the scrape said.
func (a Alert) Label(name string) string {
	if v := a.Labels[exportedPrefix+name]; v != "" {
		return v
	}
	return a.Labels[name]
}

// MaxSentID bounds an id that the sender chose, in bytes.
const MaxSentID = 64

// AlertID is the sender's own fingerprint of the alert where it sent a usable
// one, else a hash of the labels, in 32 hex characters.
func AlertID(sent string, labels map[string]string) string {
	if usableID(sent) && !reserved(sent) {
		return sent
	}
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	sort.Strings(names)
	h := sha256.New()
	for _, name := range names {
		// The lengths keep {"a":"b,c"} and {"a,b":"c"} apart.
		fmt.Fprintf(h, "%d:%s%d:%s", len(name), name, len(labels[name]), labels[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:hashBytes])
}

// hashBytes is how much of a hash AlertID makes an id of: more than
// Alertmanager does.
const hashBytes = 16

// Hashed tells that an id is as long as a hash of AlertID, and so none that an
// Alertmanager gives.
func Hashed(id string) bool { return len(id) == hex.EncodedLen(hashBytes) }

// ownPrefix starts the ids of Kubernaut's own alerts.
const ownPrefix = "own-"

// OwnID is the id of an alert of Kubernaut's own: no sender's can be the same.
func OwnID(labels map[string]string) string { return ownPrefix + AlertID("", labels) }

// reserved are ids that mean something wherever they come from.
func reserved(id string) bool { return Momentary(id) || strings.HasPrefix(id, ownPrefix) }

// usableID accepts letters, digits, dashes and underscores: an id becomes part
// of keys.
func usableID(id string) bool {
	if id == "" || len(id) > MaxSentID {
		return false
	}
	for i := 0; i < len(id); i++ {
		if c := id[i]; !alphanumeric(c) && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// Severities, most urgent first.
const (
	SeverityCritical = "critical"
	SeverityHigh     = "high"
	SeverityMedium   = "medium"
	SeverityLow      = "low"
	SeverityUnknown  = "unknown"
)

// Severity maps a sender's word to one of the Severity constants; what it
// does not know is unknown, which is no promise of being harmless.
func Severity(sent string) string {
	switch strings.ToLower(strings.TrimSpace(sent)) {
	case SeverityCritical, "page":
		return SeverityCritical
	case SeverityHigh, "error":
		return SeverityHigh
	case SeverityMedium, "warning":
		return SeverityMedium
	case SeverityLow, "info":
		return SeverityLow
	}
	return SeverityUnknown
}

// neverActed are alerts that say something about alerting, not about a
// workload: a heartbeat that always fires, and a helper that mutes others.
var neverActed = map[string]string{"Watchdog": ReasonHeartbeat, "InfoInhibitor": ReasonInhibitor}

// Reasons for which an alert, by what it says itself, opens nothing.
const (
	ReasonHeartbeat    = "heartbeat"
	ReasonInhibitor    = "inhibitor"
	ReasonOtherCluster = "other_cluster"
	ReasonNoTarget     = "no_target"
	ReasonMonitoring   = "monitoring"
)

// Ignored names the reason for which an alert is never acted on, empty for
// all that may be. Own is this cluster's name; where it is not known, no
// alert counts as another cluster's.
func Ignored(a Alert, own string) string {
	if reason := neverActed[a.Name()]; reason != "" {
		return reason
	}
	if theirs := a.Labels[LabelCluster]; own != "" && theirs != "" && theirs != own {
		return ReasonOtherCluster
	}
	return ""
}
