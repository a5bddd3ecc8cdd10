package function

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func authorised() Request {
	target := event.Target{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	parameters := map[string]any{"replicas": float64(3)}
	return Request{
		Remediation:    event.Remediation{ID: "base-1", Fingerprint: "fp"},
		Proposal:       event.Proposal{Step: 1, Rung: event.Rung{Action: action.ScaleDeployment, Target: target, Parameters: parameters}},
		ProposalDigest: "digest",
		Decision: event.Decision{Outcome: event.DecisionApproved, Step: 1, Action: action.ScaleDeployment, Target: target,
			Parameters: map[string]any{"replicas": float64(3)}, Proposal: "digest",
			DecidedAt: noon.Add(-time.Minute), ExpiresAt: noon.Add(9 * time.Minute)},
	}
}

// applied makes the request an undo of what it had applied.
func applied(r *Request) {
	r.Decision.Undo = true
	r.Applied = &event.Execution{Outcome: event.ExecutionApplied, Step: 1, Action: action.ScaleDeployment,
		Target: r.Decision.Target, Undo: &event.Undo{Possible: true}}
}

func TestADecisionAuthorisesExactlyWhatItSays(t *testing.T) {
	cases := []struct {
		name   string
		change func(*Request)
		want   string
	}{
		{"what was decided is done", func(*Request) {}, ""},
		{"the decision may name the UID that the proposal left open", func(r *Request) { r.Decision.Target.UID = "u1" }, ""},
		{"a decision that expired within the clocks' skew still holds", func(r *Request) { r.Decision.ExpiresAt = noon.Add(-clockSkew) }, ""},
		{"a decision made within the clocks' skew holds already", func(r *Request) { r.Decision.DecidedAt = noon.Add(clockSkew) }, ""},
		{"no parameters and empty ones are the same", func(r *Request) {
			r.Proposal.Action, r.Decision.Action = action.RollbackDeployment, action.RollbackDeployment
			r.Proposal.Parameters, r.Decision.Parameters = nil, map[string]any{}
		}, ""},
		{"an undo of what was applied is done", applied, ""},

		{"a held decision", func(r *Request) { r.Decision.Outcome = event.DecisionHeld }, ReasonNotApproved},
		{"a rejected decision", func(r *Request) { r.Decision.Outcome = event.DecisionRejected }, ReasonNotApproved},
		{"no decision at all", func(r *Request) { r.Decision = event.Decision{} }, ReasonNotApproved},
		{"a decision about another proposal", func(r *Request) { r.Decision.Proposal = "other" }, ReasonProposalMismatch},
		{"a proposal that was altered after the decision", func(r *Request) { r.ProposalDigest = "altered" }, ReasonProposalMismatch},
		{"a decision and a proposal without digests", func(r *Request) { r.ProposalDigest, r.Decision.Proposal = "", "" }, ReasonProposalMismatch},
		{"another action", func(r *Request) { r.Decision.Action = action.RollbackDeployment }, ReasonActionMismatch},
		{"another step", func(r *Request) { r.Decision.Step = 2 }, ReasonStepMismatch},
		{"step zero", func(r *Request) { r.Decision.Step, r.Proposal.Step = 0, 0 }, ReasonStepMismatch},
		{"another object", func(r *Request) { r.Decision.Target.Name = "db" }, ReasonTargetMismatch},
		{"another namespace", func(r *Request) { r.Decision.Target.Namespace = "bank" }, ReasonTargetMismatch},
		{"another group's kind", func(r *Request) { r.Decision.Target.APIVersion = "evil/v1" }, ReasonTargetMismatch},
		{"another UID than the proposed one", func(r *Request) { r.Proposal.Target.UID, r.Decision.Target.UID = "a", "b" }, ReasonTargetMismatch},
		{"another value of a parameter", func(r *Request) { r.Decision.Parameters["replicas"] = float64(30) }, ReasonParameterMismatch},
		{"a parameter more", func(r *Request) { r.Decision.Parameters["force"] = true }, ReasonParameterMismatch},
		{"a parameter less", func(r *Request) { r.Decision.Parameters = nil }, ReasonParameterMismatch},
		{"an action that is not in the catalogue", func(r *Request) { r.Decision.Action, r.Proposal.Action = "rm_rf", "rm_rf" }, ReasonActionUnknown},
		{"a kind that the action does not act on", func(r *Request) { r.Decision.Target.Kind, r.Proposal.Target.Kind = "Secret", "Secret" }, ReasonKindUnsupported},
		{"parameters that the schema refuses", func(r *Request) {
			r.Decision.Parameters, r.Proposal.Parameters = map[string]any{"replicas": float64(-1)}, map[string]any{"replicas": float64(-1)}
		}, ReasonParameters},
		{"an expired decision", func(r *Request) { r.Decision.ExpiresAt = noon.Add(-clockSkew - time.Second) }, ReasonExpired},
		{"a decision without an end", func(r *Request) { r.Decision.ExpiresAt = time.Time{} }, ReasonExpired},
		{"a decision from the future", func(r *Request) { r.Decision.DecidedAt = noon.Add(time.Minute) }, ReasonNotYetValid},

		{"an undo of nothing", func(r *Request) { applied(r); r.Applied = nil }, ReasonUndoImpossible},
		{"an undo without a receipt", func(r *Request) { applied(r); r.Applied.Undo = nil }, ReasonUndoImpossible},
		{"an undo of what was refused", func(r *Request) { applied(r); r.Applied.Outcome = event.ExecutionRefused }, ReasonUndoImpossible},
		{"an undo of a dry run", func(r *Request) { applied(r); r.Applied.Outcome = event.ExecutionDryRun }, ReasonUndoImpossible},
		{"an undo of another step", func(r *Request) { applied(r); r.Applied.Step = 2 }, ReasonUndoMismatch},
		{"an undo on another object", func(r *Request) { applied(r); r.Applied.Target.Name = "db" }, ReasonUndoMismatch},
		{"an undo of what cannot be taken back", func(r *Request) {
			applied(r)
			r.Proposal.Action, r.Decision.Action = action.NotifyOnly, action.NotifyOnly
			r.Proposal.Parameters, r.Decision.Parameters = nil, nil
		}, ReasonUndoImpossible},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := authorised()
			c.change(&r)
			x := &planner{now: func() time.Time { return noon }}
			o, err := x.Verify(r)
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, r.Decision.Target, o.Target)
				return
			}
			require.True(t, refused(err, c.want), "%v", err)
		})
	}
}

func TestAnExecutorForDryRunsRefusesARealOne(t *testing.T) {
	x := &planner{now: func() time.Time { return noon }, dryRunOnly: true}
	r := authorised()
	_, err := x.Verify(r)
	require.True(t, refused(err, ReasonDryRunOnly))
	r.Decision.DryRun = true
	_, err = x.Verify(r)
	require.NoError(t, err)
}

func TestProgressOfAnotherOrderIsRefused(t *testing.T) {
	o := Order{Target: event.Target{Kind: "Deployment", Namespace: "shop", Name: "web"}}
	for name, state := range map[string]string{
		"not JSON":                  `{`,
		"another object":            `{"plan":{"target":{"kind":"Deployment","namespace":"bank","name":"web"}}}`,
		"past the end of the plan":  `{"plan":{"target":{"kind":"Deployment","namespace":"shop","name":"web"}},"next":1}`,
		"before the plan's first":   `{"plan":{"target":{"kind":"Deployment","namespace":"shop","name":"web"}},"next":-1}`,
		"more evicted than planned": `{"plan":{"target":{"kind":"Deployment","namespace":"shop","name":"web"}},"evicted":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			o.progress = &event.Progress{Turn: 2, State: []byte(state)}
			_, err := carriedBy(o)
			require.True(t, refused(err, ReasonProgressInvalid), "%v", err)
		})
	}
}

func TestMarksTellWhatCameLater(t *testing.T) {
	o := Order{Remediation: event.Remediation{ID: "base-1"}, Step: 2}
	cases := []struct {
		name, mark string
		after      bool
	}{
		{"an earlier step of the same remediation", "base-1/1", false},
		{"this very step", "base-1/2", false},
		{"the undo of an earlier step, which ends the remediation", "base-1/1-undo", true},
		{"the undo of this step", "base-1/2-undo", true},
		{"a later step", "base-1/3", true},
		{"a later step of another remediation", "base-2/3", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, ok := parseMark(c.mark)
			require.True(t, ok)
			require.Equal(t, c.after, m.after(o))
		})
	}
	for _, text := range []string{"", "base", "/1", "base/x"} {
		_, ok := parseMark(text)
		require.False(t, ok, text)
	}
}
