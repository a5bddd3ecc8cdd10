package history

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what a store keeps and answers.
const (
	// MaxEvent bounds one entry's event, in bytes before compression.
	MaxEvent = 128 << 10
	// MaxField bounds each text field of an entry, in bytes.
	MaxField = 1 << 10
	// MaxTimeline bounds the entries that Timeline answers.
	MaxTimeline = 1000
	// MaxPage bounds the remediations that one query answers.
	MaxPage = 200
)

// Entry is one event as history keeps it: the event itself, and the facts
// about it that queries need.
type Entry struct {
	// ID is the event's id: appending it again changes nothing.
	ID   string
	Type string
	// Stage is the stage that sealed the event.
	Stage string
	// Remediation is empty for events that belong to none, such as a signal
	// that was dropped.
	Remediation string
	Fingerprint string
	// Causation is the id of the event that this one answers.
	Causation string
	// Subject is the target: namespace/Kind/name.
	Subject string
	// Time is the event's own, by the clock of the stage that made it.
	Time time.Time
	// OpenedAt is when the remediation was opened, as each of its events says.
	OpenedAt time.Time

	Alert    string
	Kind     string
	Severity string
	Action   string
	// Outcome is the event's: a decision's, a verdict, how it ended.
	Outcome string
	// Reason is the named reason that goes with the outcome.
	Reason string
	// Step counts the rungs of the remediation from 1; 0 before the first.
	Step int
	// Alerts counts the alerts that this event stands for.
	Alerts int64
	// Progress marks events that move the remediation on, as opposed to those
	// that are only about it.
	Progress bool
	// Terminal marks events that end the remediation.
	Terminal bool

	// Event is the sealed event in structured mode, byte for byte.
	Event []byte

	// LeftOut is not kept: on the first entry of a timeline it counts the others
	// that there are and for which there was no room.
	LeftOut int
}

// Validate refuses an entry that no retry can store.
func (e Entry) Validate() error {
	switch {
	case e.ID == "" || e.Type == "":
		return fmt.Errorf("%w: an entry needs an id and a type", ErrInvalid)
	case e.Time.IsZero():
		return fmt.Errorf("%w: entry %s has no time", ErrInvalid, e.ID)
	case len(e.Event) == 0:
		return fmt.Errorf("%w: entry %s has no event", ErrInvalid, e.ID)
	case len(e.Event) > MaxEvent:
		return fmt.Errorf("%w: event of entry %s has %d bytes, at most %d are kept", ErrInvalid, e.ID, len(e.Event), MaxEvent)
	}
	for _, field := range []string{e.ID, e.Type, e.Stage, e.Remediation, e.Fingerprint, e.Causation,
		e.Subject, e.Alert, e.Kind, e.Severity, e.Action, e.Outcome, e.Reason} {
		if len(field) > MaxField {
			return fmt.Errorf("%w: a field of entry %.64q is longer than %d bytes", ErrInvalid, e.ID, MaxField)
		}
		if !utf8.ValidString(field) || strings.ContainsRune(field, 0) {
			return fmt.Errorf("%w: a field of entry %.64q holds what no database takes for text", ErrInvalid, e.ID)
		}
	}
	return nil
}
