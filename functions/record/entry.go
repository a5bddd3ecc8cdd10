package function

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// Recorded is an event as the harness verified it.
type Recorded struct {
	ID, Type, Stage        string
	Time                   time.Time
	Subject                string
	Correlation, Causation string
	Data                   json.RawMessage
	// Body is the whole event in structured mode.
	Body []byte
}

// facts are the parts of any event's data that history indexes. Sections
// that an event lacks stay empty.
type facts struct {
	Remediation event.Remediation  `json:"remediation"`
	Signal      event.Signal       `json:"signal"`
	Suppression *event.Suppression `json:"suppression"`
	Joining     *event.Joining     `json:"joining"`
	Proposal    *event.Proposal    `json:"proposal"`
	Decision    *event.Decision    `json:"decision"`
	Approval    *event.Approval    `json:"approval"`
	Execution   *event.Execution   `json:"execution"`
	Assessment  *event.Assessment  `json:"assessment"`
	End         *event.End         `json:"end"`
}

// entryOf indexes an event. Whose it is and what it says comes from what the seal
// covers: id, type, stage and data. Time and causation are attributes that it does
// not cover, and so is the subject of an event that names no target: whoever can
// post to the Broker can have an event told at a wrong place, and none made up.
func entryOf(r Recorded) (history.Entry, error) {
	var f facts
	if err := json.Unmarshal(r.Data, &f); err != nil {
		return history.Entry{}, fmt.Errorf("read data of %s: %w", r.Type, err)
	}
	entry, _ := event.Lookup(r.Type)
	e := history.Entry{
		ID: r.ID, Type: r.Type, Stage: r.Stage, Causation: r.Causation, Subject: r.Subject, Time: r.Time,
		Remediation: f.Remediation.ID, Fingerprint: f.Remediation.Fingerprint, OpenedAt: f.Remediation.OpenedAt,
		Alert: f.Signal.Name, Kind: f.Signal.Target.Kind, Severity: f.Signal.Severity,
		Event: r.Body,
	}
	e.Action, e.Step = f.action()
	e.Outcome, e.Reason = f.outcome(r.Type)
	e.Alerts = f.alerts(r.Type)
	unapplied := history.UnappliedUndo(e, f.Decision)
	e.Terminal, e.Progress = entry.Terminal && !unapplied, history.Moves(r.Type) && !unapplied
	if f.Signal.Target.Kind != "" {
		e.Subject = f.Signal.Target.String()
	}
	for _, text := range []*string{&e.Subject, &e.Alert, &e.Kind, &e.Severity, &e.Action, &e.Outcome, &e.Reason} {
		*text = storable(*text)
	}
	if f.Suppression != nil && e.Remediation == "" {
		e.Remediation = f.Suppression.Holder
	}
	return e, nil
}

// storable is a text as every database takes it: JSON may hold a zero
// character, PostgreSQL's text may not. The event itself is kept as it is.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

// action is the one that the event is about: what was executed, else decided,
// else proposed.
func (f facts) action() (string, int) {
	switch {
	case f.Execution != nil:
		return f.Execution.Action, f.Execution.Step
	case f.Decision != nil:
		return f.Decision.Action, f.Decision.Step
	case f.Proposal != nil:
		return f.Proposal.Action, f.Proposal.Step
	}
	return "", 0
}

// outcome is the event's own: documents grow, so an earlier section's outcome
// is still inside.
func (f facts) outcome(eventType string) (outcome, reason string) {
	switch {
	case f.End != nil:
		return f.End.Outcome, f.End.Reason
	case eventType == event.EffectivenessAssessed && f.Assessment != nil:
		return f.Assessment.Verdict, ""
	case eventType == event.RemediationExecuted && f.Execution != nil:
		return f.Execution.Outcome, f.Execution.Reason
	case eventType == event.SignalSuppressed && f.Suppression != nil:
		return "suppressed", f.Suppression.Reason
	case eventType == event.SignalJoined && f.Joining != nil:
		return "joined", f.Joining.Reason
	case f.Approval != nil && (eventType == event.ApprovalGranted || eventType == event.ApprovalRefused):
		return map[bool]string{true: "granted", false: "refused"}[f.Approval.Granted], ""
	case f.Decision != nil && (eventType == event.RemediationApproved || eventType == event.RemediationHeld):
		return f.Decision.Outcome, f.Decision.Reason
	}
	return "", ""
}

// alerts counts those that the event stands for.
func (f facts) alerts(eventType string) int64 {
	switch {
	case eventType == event.SignalReceived:
		return 1
	case eventType == event.SignalSuppressed && f.Suppression != nil && f.Suppression.Holder != "":
		return max(f.Suppression.Count, 1)
	}
	return 0
}
