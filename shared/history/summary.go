package history

import (
	"slices"
	"time"
)

// Remediation is what a remediation's events add up to.
type Remediation struct {
	ID          string
	Fingerprint string
	// Subject is the target: namespace/Kind/name.
	Subject  string
	Alert    string
	Kind     string
	Severity string
	// Action is the one selected last.
	Action string
	// Phase is the type of the event that moved it last.
	Phase string
	// Outcome and Reason say how it ended; empty while it has not.
	Outcome string
	Reason  string
	// Alerts counts the alerts that joined it.
	Alerts   int64
	OpenedAt time.Time
	// LastAt is when it last moved.
	LastAt time.Time
	// EndedAt is zero while it has not ended.
	EndedAt time.Time
	// Last is the id of the event that moved it last.
	Last string
}

// Ended tells whether any event has ended it.
func (r Remediation) Ended() bool { return !r.EndedAt.IsZero() }

// Cursor is this remediation's place in the list.
func (r Remediation) Cursor() Cursor { return Cursor{OpenedAt: r.OpenedAt, ID: r.ID} }

// Summarise folds a remediation's entries into what they add up to. It
// depends on which entries there are, not on the order in which they came.
func Summarise(entries []Entry) Remediation {
	sorted := InOrder(entries)
	r := Remediation{OpenedAt: opened(sorted)}
	// What moves it on tells what it is: an alert that joined it may have another
	// name, and was posted at the same time where one request brought both.
	for _, moves := range []bool{true, false} {
		for _, e := range sorted {
			if e.Progress == moves {
				r.describe(e)
			}
		}
	}
	for _, e := range sorted {
		if e.Terminal {
			r.Outcome, r.Reason, r.EndedAt = e.Outcome, e.Reason, e.Time
		}
	}
	if last, ok := latest(sorted); ok {
		r.Phase, r.Last, r.LastAt = last.Type, last.ID, last.Time
	}
	return r
}

// describe takes from an entry what none before it has said; of what moves the
// remediation on, the last word on severity and action counts.
func (r *Remediation) describe(e Entry) {
	keep(&r.ID, e.Remediation)
	keep(&r.Fingerprint, e.Fingerprint)
	keep(&r.Subject, e.Subject)
	keep(&r.Alert, e.Alert)
	keep(&r.Kind, e.Kind)
	if e.Severity != "" && e.Progress {
		r.Severity = e.Severity
	}
	if e.Action != "" && e.Progress {
		r.Action = e.Action
	}
	keep(&r.Severity, e.Severity)
	keep(&r.Action, e.Action)
	r.Alerts += e.Alerts
	if r.LastAt.IsZero() {
		r.LastAt = e.Time
	}
}

// opened is when the events say that it was opened; where none does, it is
// the time of the first.
func opened(sorted []Entry) time.Time {
	var at time.Time
	for _, e := range sorted {
		if !e.OpenedAt.IsZero() && (at.IsZero() || e.OpenedAt.Before(at)) {
			at = e.OpenedAt
		}
	}
	if at.IsZero() && len(sorted) > 0 {
		return sorted[0].Time
	}
	return at
}

func keep(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// latest finds the event that moved the remediation last. Clocks of different
// pods differ, causation does not: of the events that none of the others
// answers, it is the one with the latest time.
func latest(sorted []Entry) (Entry, bool) {
	answered := make(map[string]bool, len(sorted))
	for _, e := range sorted {
		if e.Progress && e.Causation != "" {
			answered[e.Causation] = true
		}
	}
	for _, e := range slices.Backward(sorted) {
		if e.Progress && !answered[e.ID] {
			return e, true
		}
	}
	return Entry{}, false
}
