package event

import (
	"encoding/json"
	"time"
)

// Rung is one action that an analyst selects, or keeps for later: the ladder
// that a remediation climbs while its actions do not help.
type Rung struct {
	Action string `json:"action"`
	// Target is what the action acts on; not always the signal's target.
	Target Target `json:"target"`
	// Parameters are validated against the action's schema, twice.
	Parameters map[string]any `json:"parameters,omitempty"`
	Rationale  string         `json:"rationale"`
}

// Proposal is one selected action with what speaks for it.
type Proposal struct {
	Rung
	// Step counts the rungs of this remediation from 1.
	Step int `json:"step"`
	// Analyst names who proposed: "rules", or a model.
	Analyst string `json:"analyst"`
	// Confidence is between 0 and 1.
	Confidence float64    `json:"confidence"`
	Evidence   []Evidence `json:"evidence,omitempty"`
	// Next are the rungs to try if this one does not help.
	Next []Rung `json:"next,omitempty"`
	// Risk is low, medium or high, from the action catalogue.
	Risk string `json:"risk"`
}

// Attributes are the filterable extensions that a proposal decides.
func (p Proposal) Attributes() map[string]string {
	return map[string]string{"action": p.Action, "risk": p.Risk}
}

// Evidence is one observation that a proposal or a verdict rests on.
type Evidence struct {
	// Source is where it was seen, such as "pods", "revisions" or "alert".
	Source string `json:"source"`
	Detail string `json:"detail"`
}

// Attempt is a rung that was tried and did not help.
type Attempt struct {
	Step    int    `json:"step"`
	Action  string `json:"action"`
	Outcome string `json:"outcome"`
	Verdict string `json:"verdict,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Analysis is the state that an investigation carries from turn to turn.
type Analysis struct {
	Turn  int             `json:"turn"`
	State json.RawMessage `json:"state,omitempty"`
}

// Outcomes of a Decision.
const (
	DecisionApproved = "approved"
	DecisionHeld     = "held"
	DecisionRejected = "rejected"
)

// Decision is the authority to act: exactly this action with exactly these
// parameters on exactly this object, once, until it expires.
type Decision struct {
	Outcome string `json:"outcome"`
	// Reason is a named reason; Detail is for people.
	Reason     string         `json:"reason"`
	Detail     string         `json:"detail,omitempty"`
	Step       int            `json:"step"`
	Action     string         `json:"action"`
	Target     Target         `json:"target"`
	Parameters map[string]any `json:"parameters,omitempty"`
	Risk       string         `json:"risk"`
	// Undo authorises taking the step's applied change back.
	Undo bool `json:"undo,omitempty"`
	// DryRun authorises a server-side dry run and nothing else.
	DryRun bool `json:"dryRun,omitempty"`
	// Proposal is the digest of the proposal section that was decided upon.
	Proposal string `json:"proposal"`
	// Policy is the digest of the policy that decided.
	Policy string `json:"policy"`
	// Approver is the person who answered, when one was asked.
	Approver  string    `json:"approver,omitempty"`
	DecidedAt time.Time `json:"decidedAt"`
	// ExpiresAt ends the authority of an approval, and the wait of a hold.
	ExpiresAt time.Time `json:"expiresAt"`
}

// Attributes are the filterable extensions that a decision decides.
func (d Decision) Attributes() map[string]string {
	return map[string]string{"action": d.Action, "risk": d.Risk, "outcome": d.Outcome}
}

// Approval is a person's answer to a held decision.
type Approval struct {
	// Approver is the authenticated user name.
	Approver string `json:"approver"`
	Granted  bool   `json:"granted"`
	// Proposal is the digest of the proposal that the person saw.
	Proposal   string    `json:"proposal"`
	Step       int       `json:"step"`
	Comment    string    `json:"comment,omitempty"`
	AnsweredAt time.Time `json:"answeredAt"`
}

// AnswerWithin is how long after a person's answer, or their wish to have a step
// taken back, its event may still arrive: longer than a Broker retries.
const AnswerWithin = 30 * time.Minute

// UndoRequest asks for an applied step to be taken back.
type UndoRequest struct {
	By          string    `json:"by"`
	Reason      string    `json:"reason"`
	Step        int       `json:"step"`
	RequestedAt time.Time `json:"requestedAt"`
}

// Outcomes of an Execution.
const (
	ExecutionApplied = "applied"
	ExecutionRefused = "refused"
	ExecutionDryRun  = "dry_run"
	ExecutionUndone  = "undone"
	ExecutionNothing = "nothing_to_change"
)

// Execution is what execute did to the cluster.
type Execution struct {
	Outcome string `json:"outcome"`
	// Reason is the named reason of a refusal.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	Step   int    `json:"step"`
	Action string `json:"action"`
	// Target carries the UID of the object that was changed.
	Target     Target    `json:"target"`
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt"`
	// Changes are the fields that differ, with values before and after.
	Changes []Change `json:"changes,omitempty"`
	Undo    *Undo    `json:"undo,omitempty"`
	// Observed tells what the first effect looked like.
	Observed string     `json:"observed,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
	// SpecChanged tells whether desired state moved.
	SpecChanged bool `json:"specChanged,omitempty"`
	// Template is the digest of the target's pod template as the action left it,
	// empty where it has none: another one later is somebody else's.
	Template string `json:"template,omitempty"`
	// Disturbs lists what would be touched or disturbed, and whether it may be. It
	// is set in explanations only.
	Disturbs []Disturbed `json:"disturbs,omitempty"`
}

// Disturbed is an object that an action touches or disturbs.
type Disturbed struct {
	Target  Target `json:"target"`
	Managed bool   `json:"managed"`
	// Reason names the label that decided, such as managed_by_namespace_label.
	Reason string `json:"reason"`
	// By is the target's top owner where the label is the owner's, or its
	// namespace's.
	By *Target `json:"by,omitempty"`
}

// Attributes are the filterable extensions that an execution decides.
func (e Execution) Attributes() map[string]string {
	return map[string]string{"action": e.Action, "outcome": e.Outcome}
}

// Change is one field of one object.
type Change struct {
	Target Target `json:"target"`
	// Field is a JSON Pointer into the object.
	Field  string `json:"field"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
}

// Undo is the receipt with which an applied change can be taken back, or the
// reason for which it cannot.
type Undo struct {
	Possible bool `json:"possible"`
	// Summary is one line for people: what undoing would do.
	Summary string `json:"summary"`
	// Changes are the inverse: Before is what must still hold, After what undoing sets.
	Changes []Change `json:"changes,omitempty"`
	// Revision names the ReplicaSet or ControllerRevision that a rollback left.
	Revision string `json:"revision,omitempty"`
}

// Progress is the state that a long action carries from turn to turn.
type Progress struct {
	Turn  int             `json:"turn"`
	State json.RawMessage `json:"state,omitempty"`
}
