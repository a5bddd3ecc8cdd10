package history

import (
	"slices"

	"kubernaut.ai/shared/event"
)

// about are the types that are about a remediation without moving it on.
var about = []string{event.SignalResolved, event.SignalJoined, event.SignalSuppressed, event.UndoRequested}

// Moves tells that events of a type move their remediation on, unless they are of an
// UnappliedUndo.
func Moves(eventType string) bool { return !slices.Contains(about, eventType) }

// UnappliedUndo tells that an entry, of whose decision this is a part, belongs to an undo
// that has taken nothing back: allowed, tried or refused, it leaves the remediation
// as it was, ended or under way. Only authorize and execute speak of an undo that
// way: what assess and deadletter say settles the claim, so it counts.
func UnappliedUndo(e Entry, d *event.Decision) bool {
	return d != nil && d.Undo && (e.Stage == event.StageAuthorize || e.Stage == event.StageExecute) &&
		e.Outcome != event.ExecutionUndone
}
