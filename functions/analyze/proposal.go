package function

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// Bounds of what an analyst may hand over, in bytes of JSON or of text.
const (
	maxParameters = 2 << 10
	maxState      = 16 << 10
)

// errNoRung says that nothing an analyst selected can be proposed.
var errNoRung = errors.New("no rung of the ladder can be proposed")

// propose makes the proposal of a finding: the first rung that the action
// catalogue allows, and those after it. What is left out is named in the
// evidence: a selection that cannot be run must not be invisible.
func propose(f Finding, step int) (event.Proposal, error) {
	var valid []event.Rung
	var left []event.Evidence
	for _, r := range f.Rungs {
		if err := check(r); err != nil {
			left = append(left, event.Evidence{Source: "analyst", Detail: event.Cut("left out "+r.Action+": "+err.Error(), event.MaxText)})
			continue
		}
		valid = append(valid, bound(r))
	}
	if len(valid) == 0 {
		return event.Proposal{}, fmt.Errorf("%w: %d selected, none allowed", errNoRung, len(f.Rungs))
	}
	if len(valid) > event.MaxRungs {
		valid = valid[:event.MaxRungs]
	}
	entry, _ := action.Lookup(valid[0].Action) // check has found it
	return event.Proposal{Rung: valid[0], Step: step, Analyst: event.Cut(f.Analyst, event.MaxAttribute),
		Confidence: confidence(f.Confidence), Evidence: evidence(f.Evidence, left), Next: valid[1:], Risk: string(entry.Risk)}, nil
}

// check refuses a rung that authorize would refuse.
func check(r event.Rung) error {
	entry, ok := action.Lookup(r.Action)
	if !ok {
		return errors.New("it is not an action of the catalogue")
	}
	if r.Target.Kind == "" || r.Target.Name == "" {
		return errors.New("it names no target")
	}
	if !entry.Accepts(r.Target.Kind) {
		return fmt.Errorf("it does not act on a %s", r.Target.Kind)
	}
	if body, err := json.Marshal(r.Parameters); err != nil || len(body) > maxParameters {
		return fmt.Errorf("its parameters are not JSON of at most %d bytes", maxParameters)
	}
	return entry.Validate(r.Parameters)
}

func bound(r event.Rung) event.Rung {
	r.Rationale = event.Cut(r.Rationale, event.MaxText)
	return r
}

// confidence takes a number that is none, or out of bounds, for no confidence
// or full confidence.
func confidence(c float64) float64 {
	if math.IsNaN(c) {
		return 0
	}
	return math.Round(min(max(c, 0), 1)*100) / 100
}

// evidence bounds the list; what was left out comes last and is always kept.
func evidence(seen, left []event.Evidence) []event.Evidence {
	left = left[:min(len(left), event.MaxRungs)]
	seen = seen[:min(len(seen), event.MaxEvidence-len(left))]
	out := make([]event.Evidence, 0, len(seen)+len(left))
	for _, e := range slices.Concat(seen, left) {
		out = append(out, event.Evidence{Source: event.Cut(e.Source, event.MaxAttribute), Detail: event.Cut(e.Detail, event.MaxText)})
	}
	return out
}
