package function

import (
	"bytes"
	"encoding/json"
	"time"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// clockSkew is how far two pods' clocks may differ before a decision counts
// as expired, or as made in the future.
const clockSkew = 30 * time.Second

// clusterLabel names the alert's own cluster in its labels.
const clusterLabel = "cluster"

// Verify proves that the decision authorises exactly what the proposal says,
// on every turn anew. The order is whole even when the error is that the
// decision has expired: what was applied before the expiry is still reported.
func (x *planner) Verify(r Request) (Order, error) {
	a, err := authority(r)
	if err != nil {
		return orderOf(r, a), err
	}
	o := orderOf(r, a)
	if x.dryRunOnly && !o.DryRun {
		return o, refuse(ReasonDryRunOnly, "this executor only makes dry runs, and the decision is for a real one")
	}
	if o.Undo {
		if err := verifyUndo(r, a); err != nil {
			return o, err
		}
	}
	return o, verifyTime(r.Decision, x.now())
}

// authority checks everything but time.
func authority(r Request) (action.Action, error) {
	d, p := r.Decision, r.Proposal
	switch {
	case d.Outcome != event.DecisionApproved:
		return action.Action{}, refuse(ReasonNotApproved, "the decision is %q", d.Outcome)
	case d.Proposal == "" || d.Proposal != r.ProposalDigest:
		return action.Action{}, refuse(ReasonProposalMismatch, "the decision is about another proposal")
	case d.Action != p.Action:
		return action.Action{}, refuse(ReasonActionMismatch, "decided %q, proposed %q", d.Action, p.Action)
	case d.Step != p.Step || d.Step < 1:
		return action.Action{}, refuse(ReasonStepMismatch, "decided step %d, proposed step %d", d.Step, p.Step)
	case !sameTarget(d.Target, p.Target):
		return action.Action{}, refuse(ReasonTargetMismatch, "decided %s, proposed %s", d.Target, p.Target)
	case !sameParameters(d.Parameters, p.Parameters):
		return action.Action{}, refuse(ReasonParameterMismatch, "the decided parameters are not the proposed ones")
	}
	a, ok := action.Lookup(d.Action)
	if !ok {
		return a, refuse(ReasonActionUnknown, "%q is not in the catalogue", d.Action)
	}
	if !a.Accepts(d.Target.Kind) {
		return a, refuse(ReasonKindUnsupported, "%s does not act on %s", a.Name, d.Target.Kind)
	}
	if err := a.Validate(d.Parameters); err != nil {
		return a, refuse(ReasonParameters, "%v", err)
	}
	return a, nil
}

func verifyTime(d event.Decision, now time.Time) error {
	if d.DecidedAt.After(now.Add(clockSkew)) {
		return refuse(ReasonNotYetValid, "decided at %s, and it is %s", stamp(d.DecidedAt), stamp(now))
	}
	if now.After(d.ExpiresAt.Add(clockSkew)) {
		return refuse(ReasonExpired, "the authority ended at %s, and it is %s", stamp(d.ExpiresAt), stamp(now))
	}
	return nil
}

// verifyUndo checks that there is an applied change to take back, of the very
// step and object that the decision names.
func verifyUndo(r Request, a action.Action) error {
	e := r.Applied
	switch {
	case !a.Reversible:
		return refuse(ReasonUndoImpossible, "%s cannot be taken back", a.Name)
	case e == nil || e.Outcome != event.ExecutionApplied || e.Undo == nil || !e.Undo.Possible:
		return refuse(ReasonUndoImpossible, "no applied change with an undo receipt")
	case e.Step != r.Decision.Step || e.Action != r.Decision.Action || !e.Target.Same(r.Decision.Target):
		return refuse(ReasonUndoMismatch, "the receipt is of step %d, %s on %s", e.Step, e.Action, e.Target)
	}
	return nil
}

func orderOf(r Request, a action.Action) Order {
	d := r.Decision
	if a.Name == "" {
		a.Name = d.Action
	}
	return Order{Remediation: r.Remediation, Step: d.Step, Action: a, Target: d.Target, Parameters: d.Parameters,
		Undo: d.Undo, DryRun: d.DryRun, Approver: d.Approver, Container: r.Signal.Container,
		Cluster: r.Signal.Labels[clusterLabel], DecidedAt: d.DecidedAt, Owner: r.Signal.Target,
		Context: r.Context, applied: r.Applied, progress: r.Progress}
}

// sameTarget allows the decision to name the UID that the proposal left open,
// and nothing else.
func sameTarget(decided, proposed event.Target) bool {
	if proposed.UID != "" && decided.UID != proposed.UID {
		return false
	}
	if proposed.APIVersion != "" && decided.APIVersion != proposed.APIVersion {
		return false
	}
	return decided.Same(proposed)
}

// sameParameters compares as JSON: none and empty are the same.
func sameParameters(a, b map[string]any) bool {
	return len(a) == 0 && len(b) == 0 || sameJSON(a, b)
}

// sameJSON compares two values as what they look like on the wire. Go's maps
// encode with sorted keys, and a trip through any evens numbers out.
func sameJSON(a, b any) bool {
	x, errX := canonical(a)
	y, errY := canonical(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
