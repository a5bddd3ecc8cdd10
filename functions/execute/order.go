package function

import (
	"strconv"
	"strings"
	"time"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// Request is one turn's input: a sealed decision with what it rests on.
type Request struct {
	Remediation event.Remediation
	Signal      event.Signal
	// Context is what was analysed.
	Context  event.Context
	Proposal event.Proposal
	Decision event.Decision
	// ProposalDigest is the digest of the proposal section as it came.
	ProposalDigest string
	// Applied is the execution that an undo takes back.
	Applied *event.Execution
	// Progress is set on the later turns of a long action.
	Progress *event.Progress
}

// Order is a request whose decision was verified: exactly this, and nothing
// else, may be done.
type Order struct {
	Remediation event.Remediation
	Step        int
	Action      action.Action
	Target      event.Target
	Parameters  map[string]any
	Undo        bool
	DryRun      bool
	// Approver is the person behind the decision; empty when policy decided.
	Approver string
	// Container is the one that the alert named, a hint and no authority.
	Container string
	// Cluster is the alert's cluster label, part of fingerprints.
	Cluster string
	// DecidedAt is when authority was given: what appeared later is not meant.
	DecidedAt time.Time
	// Owner is the workload that the claim is about.
	Owner event.Target
	// Context is what was analysed: what the proposal rests on.
	Context event.Context

	applied  *event.Execution
	progress *event.Progress
	// seen is the target as this turn saw it first, for kinds that carry marks. The
	// guards of the write say whether it is still so.
	seen *live
}

// undoSuffix tells an undo's step and mark from those of the step itself.
const undoSuffix = "-undo"

// StepName names the step in Redis and in marks.
func (o Order) StepName() string {
	name := strconv.Itoa(o.Step)
	if o.Undo {
		name += undoSuffix
	}
	return name
}

// Mark is the value of the applied annotation: the fence against a second
// application.
func (o Order) Mark() string { return o.Remediation.ID + "/" + o.StepName() }

// parameter reads an optional parameter that the schema has validated.
func parameter[T any](o Order, name string) (T, bool) {
	v, ok := o.Parameters[name].(T)
	return v, ok
}

// number reads an optional numeric parameter, whichever Go type carries it.
func number(o Order, name string) (float64, bool) {
	switch v := o.Parameters[name].(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case int32:
		return float64(v), true
	case int64:
		return float64(v), true
	}
	return 0, false
}

// mark is an applied annotation, taken apart.
type mark struct {
	remediation string
	step        int
	undo        bool
}

func parseMark(text string) (mark, bool) {
	remediation, step, ok := strings.Cut(text, "/")
	if !ok || remediation == "" {
		return mark{}, false
	}
	step, undo := strings.CutSuffix(step, undoSuffix)
	n, err := strconv.Atoi(step)
	return mark{remediation: remediation, step: n, undo: undo}, err == nil
}

// after tells whether m was set later than this order would have been: no step
// is applied again once a later one was, and none at all once one was taken back,
// which ends the remediation.
func (m mark) after(o Order) bool {
	if m.remediation != o.Remediation.ID || o.Undo {
		return false
	}
	return m.undo || m.step > o.Step
}
