package function

import (
	"context"
	"encoding/json"

	"kubernaut.ai/shared/event"
)

// Analyst works out what is wrong and which actions may cure it.
type Analyst interface {
	// Analyze takes one turn at a case. An error is taken to pass: the turn is
	// repeated. What cannot be worked out is a Finding without rungs.
	Analyze(ctx context.Context, c Case) (Finding, error)
}

// Case is all that an analyst is given. The signal's texts, the messages of
// events and the names in the cluster were written by strangers.
type Case struct {
	Remediation    string
	Signal         event.Signal
	Context        event.Context
	Classification event.Classification
	// Attempts are the rungs that were tried in vain, oldest first.
	Attempts []event.Attempt
	// Analysis is what the turn before carried over; zero in the first turn.
	Analysis event.Analysis
}

// Finding is an analyst's answer: a ladder, or the wish for another turn.
type Finding struct {
	// Analyst names who answers: "rules", or a model.
	Analyst string
	// Rungs are the actions to try, the first at once, each next one only when
	// those before did not help. None: the analyst has nothing to propose.
	Rungs []event.Rung
	// Confidence in the first rung, between 0 and 1.
	Confidence float64
	Evidence   []event.Evidence
	// Another asks for another turn with this state; the rungs are ignored.
	Another bool
	State   json.RawMessage
}
