package timeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/stage"
)

// View is one remediation, told from its events.
type View struct {
	ID     string `json:"id"`
	Phase  string `json:"phase"`
	Ended  bool   `json:"ended"`
	Alert  string `json:"alert"`
	Target string `json:"target"`
	// Outcome, Reason and Detail say how it ended, or stands.
	Outcome string   `json:"outcome,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Action  string   `json:"action,omitempty"`
	Reasons []string `json:"reasons,omitempty"`

	Severity    string `json:"severity,omitempty"`
	Priority    string `json:"priority,omitempty"`
	Environment string `json:"environment,omitempty"`

	// DryRun tells that the changes were only tried.
	DryRun bool `json:"dryRun,omitempty"`
	// Approver is the person on whose word it was done, if one was asked.
	Approver string `json:"approver,omitempty"`

	OpenedAt   time.Time  `json:"openedAt"`
	EndedAt    *time.Time `json:"endedAt,omitempty"`
	Duplicates int64      `json:"duplicates"`

	Changes []event.Change    `json:"changes,omitempty"`
	Undo    *Undo             `json:"undo,omitempty"`
	Held    *Held             `json:"held,omitempty"`
	Verdict *event.Assessment `json:"verdict,omitempty"`
	// Alerts are all that joined it, as far as they are still known.
	Alerts []Alert `json:"alerts,omitempty"`
	// AlertsNotListed counts joins of more alerts than a list keeps.
	AlertsNotListed int `json:"alertsNotListed,omitempty"`
	// Unavailable names the parts of this view that could not be read just now.
	Unavailable []string `json:"unavailable,omitempty"`
	Timeline    []Line   `json:"timeline"`
	// NotListed counts the events, duplicates before all others, that the timeline
	// has no room for.
	NotListed int             `json:"notListed,omitempty"`
	Attempts  []event.Attempt `json:"attempts,omitempty"`

	namespaces map[string]bool
}

// Namespaces are those of everything that the remediation is about: of the
// alert's target, and of what was proposed, decided and done. The empty name
// stands for targets without one. Who may read all of them may read the view.
func (v View) Namespaces() []string { return slices.Sorted(maps.Keys(v.namespaces)) }

// Alert is one alert that joined a remediation.
type Alert struct {
	Name      string    `json:"name"`
	Severity  string    `json:"severity,omitempty"`
	State     string    `json:"state"`
	StartsAt  time.Time `json:"startsAt"`
	FirstSeen time.Time `json:"firstSeen"`
	LastSeen  time.Time `json:"lastSeen"`
	// EndsAt is set where it does not fire any more.
	EndsAt *time.Time `json:"endsAt,omitempty"`
	// Times counts how often it was posted.
	Times int64  `json:"times"`
	ID    string `json:"id"`
}

// States of an Alert.
const (
	StateFiring   = "firing"
	StateResolved = "resolved"
	// StateExpired: it was not posted any more, and nobody said that it stopped.
	StateExpired = "expired"
)

// Undo is what taking a step back would do, and how to ask for it: the request,
// and its body where it needs one.
type Undo struct {
	Step     int    `json:"step"`
	Possible bool   `json:"possible"`
	Summary  string `json:"summary"`
	How      string `json:"how,omitempty"`
	// Refused says why the last request to take it back was not followed.
	Refused string `json:"refused,omitempty"`
}

// Held is what waits for a person's answer, until when, and how to give it.
type Held struct {
	Reason    string    `json:"reason"`
	ExpiresAt time.Time `json:"expiresAt"`
	Approve   string    `json:"approve"`
	Refuse    string    `json:"refuse"`
}

func heldBy(remediation string, d *event.Decision) *Held {
	path := "POST /api/v1/remediations/" + remediation
	return &Held{Reason: d.Reason, ExpiresAt: d.ExpiresAt, Approve: path + "/approve", Refuse: path + "/refuse"}
}

// HeldOf reads what waits from the entry of the event that says so.
func HeldOf(e history.Entry) (*Held, error) {
	d, err := decode(e)
	if err != nil {
		return nil, err
	}
	if e.Type != event.RemediationHeld || d.Decision == nil {
		return nil, fmt.Errorf("read event %s: it is %s and holds nothing", e.ID, event.ShortType(e.Type))
	}
	return heldBy(d.Remediation.ID, d.Decision), nil
}

// Line is one event of the timeline.
type Line struct {
	At    time.Time `json:"at"`
	Stage string    `json:"stage"`
	Type  string    `json:"type"`
	// Took is the time since the event that this one answers.
	Took time.Duration `json:"tookNanoseconds"`
	// Summary is one line for people.
	Summary string `json:"summary"`
	Event   string `json:"event"`
}

// everything is any event's data: the sections that are there.
type everything struct {
	event.RemediationEndedData
	End         *event.End         `json:"end"`
	Approval    *event.Approval    `json:"approval"`
	UndoRequest *event.UndoRequest `json:"undoRequest"`
	Resolution  *event.Resolution  `json:"resolution"`
	Suppression *event.Suppression `json:"suppression"`
	Joining     *event.Joining     `json:"joining"`
	Progress    *event.Progress    `json:"progress"`
	Analysis    *event.Analysis    `json:"analysis"`
}

// Of tells the remediation whose entries these are.
func Of(entries []history.Entry) (View, error) {
	sorted := history.InOrder(entries)
	sum := history.Summarise(entries)
	v := View{namespaces: map[string]bool{}, ID: sum.ID, Phase: event.ShortType(sum.Phase), Ended: sum.Ended(), Alert: sum.Alert, Target: sum.Subject,
		Action: sum.Action, Outcome: sum.Outcome, Reason: sum.Reason, OpenedAt: sum.OpenedAt}
	if v.Ended {
		v.EndedAt = &sum.EndedAt
	}
	times := make(map[string]time.Time, len(sorted))
	for _, e := range sorted {
		times[e.ID] = e.Time
	}
	var executions steps
	for _, e := range sorted {
		data, err := decode(e)
		if err != nil {
			return v, err
		}
		line := Line{At: e.Time, Stage: e.Stage, Type: event.ShortType(e.Type), Event: e.ID, Summary: summary(e, data)}
		if cause, ok := times[e.Causation]; ok {
			line.Took = max(e.Time.Sub(cause), 0)
		}
		v.Timeline = append(v.Timeline, line)
		v.NotListed += e.LeftOut
		v.concern(data)
		v.learn(e, data)
		if undoRefused(e, data) {
			executions.refuse(data.Decision.Step, join(data.End.Reason, data.End.Detail))
		}
		if x := data.Execution; e.Type == event.RemediationExecuted && x != nil {
			v.Changes = append(v.Changes, x.Changes...)
			executions.add(e, *x)
		}
	}
	v.Undo = executions.undo(v.ID)
	if v.Ended {
		v.Held = nil
	}
	return v, nil
}

func decode(e history.Entry) (everything, error) {
	var d everything
	ce, err := stage.Decode(e.Event)
	if err == nil {
		err = json.Unmarshal(ce.Data(), &d)
	}
	if err != nil {
		return d, fmt.Errorf("read event %s: %w", e.ID, err)
	}
	return d, nil
}

// concern notes the namespaces of all targets that an event names.
func (v *View) concern(d everything) {
	v.namespaces[d.Signal.Target.Namespace] = true
	if d.Proposal != nil {
		v.namespaces[d.Proposal.Target.Namespace] = true
	}
	if d.Decision != nil {
		v.namespaces[d.Decision.Target.Namespace] = true
	}
	if d.Execution == nil {
		return
	}
	v.namespaces[d.Execution.Target.Namespace] = true
	for _, c := range d.Execution.Changes {
		v.namespaces[c.Target.Namespace] = true
	}
}

// learn takes from an event what the view says of the whole.
func (v *View) learn(e history.Entry, d everything) {
	if c := d.Classification; c != nil {
		v.Severity, v.Priority, v.Environment = c.Severity, c.Priority, c.Environment
	}
	if len(d.Attempts) > len(v.Attempts) {
		v.Attempts = d.Attempts
	}
	switch e.Type {
	case event.RemediationProposed:
		v.Reasons = append(v.Reasons, d.Proposal.Rationale)
	case event.RemediationHeld:
		v.Held = heldBy(d.Remediation.ID, d.Decision)
		v.Reasons = append(v.Reasons, join(d.Decision.Reason, d.Decision.Detail))
	case event.RemediationApproved:
		if !d.Decision.Undo {
			v.Held, v.DryRun, v.Approver = nil, d.Decision.DryRun, d.Decision.Approver
		}
		v.Reasons = append(v.Reasons, join(d.Decision.Reason, d.Decision.Detail))
	case event.EffectivenessAssessed:
		v.Verdict = d.Assessment
		v.Reasons = append(v.Reasons, d.Assessment.Reasons...)
	case event.SignalSuppressed:
		v.Duplicates += max(d.Suppression.Count, 1)
	}
	if d.End != nil && e.Terminal {
		v.Outcome, v.Reason, v.Detail = d.End.Outcome, d.End.Reason, d.End.Detail
	}
}

func join(reason, detail string) string {
	if detail == "" {
		return reason
	}
	return reason + ": " + detail
}
