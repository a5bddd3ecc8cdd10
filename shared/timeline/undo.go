package timeline

import (
	"cmp"
	"fmt"
	"slices"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// Reversal is what an undo takes back.
type Reversal struct {
	// Entry is the execution; where nothing can be taken back, the one that says why.
	Entry history.Entry
	// Next is an earlier step that can be taken back as well; 0 where none can.
	Next int
}

// ToUndo picks what an undo takes back: of the steps whose change stands, the last
// that can be taken back, whatever came after it and changed nothing, or nothing
// that comes back. Once one was taken back, the others have to be named by their
// number: who asks twice for the first must not get the second. Step 0 names none.
// It tells false if nothing was executed, or not that step.
func ToUndo(entries []history.Entry, number int) (Reversal, bool, error) {
	var s steps
	for _, e := range entries {
		if e.Type != event.RemediationExecuted {
			continue
		}
		d, err := decode(e)
		if err != nil {
			return Reversal{}, false, err
		}
		if d.Execution != nil {
			s.add(e, *d.Execution)
		}
	}
	x, ok := s.best(func(x step) bool { return number == 0 || x.Step == number })
	if number != 0 || len(s.undone) == 0 {
		return Reversal{Entry: x.entry}, ok, nil
	}
	r := Reversal{}
	if s.use(x) == reversible {
		r.Next = x.Step
	}
	last, _ := s.best(func(x step) bool { return x.Outcome == event.ExecutionUndone })
	r.Entry = last.entry
	return r, true, nil
}

// steps are the executions of a remediation, in any order.
type steps struct {
	list   []step
	undone map[int]bool
	// refused says of a step why its last undo was not followed.
	refused map[int]string
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

func (s *steps) refuse(step int, why string) {
	if s.refused == nil {
		s.refused = map[int]string{}
	}
	s.refused[step] = why
}

// undoRefused tells that an event has the end of an undo that was not followed.
func undoRefused(e history.Entry, d everything) bool {
	return d.End != nil && history.UnappliedUndo(e, d.Decision)
}

// best is the execution of most use among those that count, the latest step's of
// several.
func (s *steps) best(counts func(step) bool) (step, bool) {
	list := slices.DeleteFunc(slices.Clone(s.list), func(x step) bool { return !counts(x) })
	if len(list) == 0 {
		return step{}, false
	}
	return slices.MaxFunc(list, func(a, b step) int {
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
	x, ok := s.best(func(step) bool { return true })
	if !ok || s.use(x) < stands || x.Undo == nil {
		return nil
	}
	u := &Undo{Step: x.Step, Possible: x.Undo.Possible, Summary: x.Undo.Summary, Refused: s.refused[x.Step]}
	if u.Possible {
		u.How = "POST /api/v1/remediations/" + remediation + "/undo"
	}
	if u.Possible && len(s.undone) > 0 {
		u.How += fmt.Sprintf(` {"step":%d}`, x.Step)
	}
	return u
}
