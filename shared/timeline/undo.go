package timeline

import (
	"cmp"
	"slices"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// ToUndo picks the execution that an undo takes back: of the steps whose change
// stands, the last that can be taken back, whatever came after it and changed
// nothing, or nothing that comes back. Where no step can be, it is the execution
// that says why. It tells false if nothing was executed.
func ToUndo(entries []history.Entry) (history.Entry, bool, error) {
	var s steps
	for _, e := range entries {
		if e.Type != event.RemediationExecuted {
			continue
		}
		d, err := decode(e)
		if err != nil {
			return history.Entry{}, false, err
		}
		if d.Execution != nil {
			s.add(e, *d.Execution)
		}
	}
	x, ok := s.toUndo()
	return x.entry, ok, nil
}

// steps are the executions of a remediation, in any order.
type steps struct {
	list   []step
	undone map[int]bool
}

type step struct {
	entry history.Entry
	event.Execution
}

func (s *steps) add(e history.Entry, x event.Execution) {
	s.list = append(s.list, step{entry: e, Execution: x})
	if x.Outcome != event.ExecutionUndone {
		return
	}
	if s.undone == nil {
		s.undone = map[int]bool{}
	}
	s.undone[x.Step] = true
}

func (s *steps) toUndo() (step, bool) {
	if len(s.list) == 0 {
		return step{}, false
	}
	return slices.MaxFunc(s.list, func(a, b step) int {
		return cmp.Or(cmp.Compare(s.use(a), s.use(b)), cmp.Compare(a.Step, b.Step), history.Chronological(a.entry, b.entry))
	}), true
}

// How much an execution is of use to somebody who wants to undo: that of a step
// that was taken back says at least that.
const (
	useless = iota
	takenBack
	stands
	reversible
)

func (s *steps) use(x step) int {
	switch {
	case x.Outcome == event.ExecutionUndone:
		return takenBack
	case x.Outcome != event.ExecutionApplied || s.undone[x.Step]:
		return useless
	case x.Undo != nil && x.Undo.Possible:
		return reversible
	}
	return stands
}

// undo is what the view says of it: nothing where no change stands.
func (s *steps) undo(remediation string) *Undo {
	x, ok := s.toUndo()
	if !ok || s.use(x) < stands || x.Undo == nil {
		return nil
	}
	u := &Undo{Possible: x.Undo.Possible, Summary: x.Undo.Summary}
	if u.Possible {
		u.How = "POST /api/v1/remediations/" + remediation + "/undo"
	}
	return u
}
