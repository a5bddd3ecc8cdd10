package event

import "time"

// Remediation identifies one attempt to heal one target. Every event of a
// remediation carries it unchanged, under the seal.
type Remediation struct {
	// ID names the remediation; it is also the correlationid attribute.
	ID string `json:"id"`
	// Fingerprint is the claim: one remediation at a time per top owner.
	Fingerprint string    `json:"fingerprint"`
	OpenedAt    time.Time `json:"openedAt"`
}

// Target names one Kubernetes object. Kind is the bare kind for Kubernetes'
// own API groups; APIVersion tells it apart from others of that kind.
type Target struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	UID        string `json:"uid,omitempty"`
}

// String is the target as event subjects write it: namespace/Kind/name, with
// an empty namespace for what is cluster-scoped.
func (t Target) String() string { return t.Namespace + "/" + t.Kind + "/" + t.Name }

// Same reports whether both name the same object, whatever their UIDs.
func (t Target) Same(o Target) bool {
	return t.Kind == o.Kind && t.Namespace == o.Namespace && t.Name == o.Name
}

// Signal is one alert, normalised, with the workload that it is about. Its
// labels and annotations are what a stranger sent: never trusted.
type Signal struct {
	// Name is the alert's name.
	Name string `json:"name"`
	// Source is the adapter that received it, such as "prometheus".
	Source string `json:"source"`
	// Severity is critical, high, medium, low or unknown.
	Severity string `json:"severity"`
	// SenderSeverity is the severity as the sender wrote it.
	SenderSeverity string `json:"senderSeverity,omitempty"`
	// Target is the top owner, which the claim is about.
	Target Target `json:"target"`
	// Resource is the object that the alert named; often a Pod of the target.
	Resource Target `json:"resource"`
	// Container is the container that the alert named, if any.
	Container    string            `json:"container,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"startsAt"`
	ReceivedAt   time.Time         `json:"receivedAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
	// AlertID is the sender's own fingerprint of the alert.
	AlertID string `json:"alertID"`
	// Receiver and Group say how Alertmanager routed it.
	Receiver string `json:"receiver,omitempty"`
	Group    string `json:"group,omitempty"`
	// Cut names what was shortened to keep the event within its bounds.
	Cut []string `json:"cut,omitempty"`
}

// Attributes are the filterable extensions that a signal decides.
func (s Signal) Attributes() map[string]string {
	return map[string]string{"alertname": s.Name, "severity": s.Severity, "kind": s.Target.Kind}
}

// Resolution says that an alert stopped.
type Resolution struct {
	AlertID  string    `json:"alertID"`
	StartsAt time.Time `json:"startsAt"`
	EndsAt   time.Time `json:"endsAt"`
	// StillFiring counts the alerts of the same claim that have not stopped.
	StillFiring int `json:"stillFiring"`
	// Cancelled tells that nothing had started, and now nothing will.
	Cancelled bool `json:"cancelled,omitempty"`
	// Expired tells that nobody said so: the alert was not posted again in time.
	// That is weak evidence.
	Expired bool `json:"expired,omitempty"`
}

// Reasons of a Joining.
const (
	JoiningAnother    = "another_alert"
	JoiningMoreSevere = "more_severe"
)

// Joining says why an alert that opened nothing is worth knowing.
type Joining struct {
	// Reason is one of the Joining constants.
	Reason string `json:"reason"`
	// Before is the severity in which alerts of this name were told of before.
	Before string `json:"before,omitempty"`
}

// Attributes are the filterable extensions that a joining decides.
func (j Joining) Attributes() map[string]string { return map[string]string{"outcome": j.Reason} }

// Suppression says why a signal opened no remediation.
type Suppression struct {
	// Reason is a named reason, such as not_managed or duplicate.
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
	// Holder is the remediation that the signal was counted against.
	Holder string `json:"holder,omitempty"`
	// Count tells how many were suppressed since the last such event.
	Count int64 `json:"count,omitempty"`
}

// Attributes are the filterable extensions that a suppression decides.
func (s Suppression) Attributes() map[string]string { return map[string]string{"outcome": s.Reason} }
