package function

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/policy"
	"kubernaut.ai/shared/policy/policytest"
	"kubernaut.ai/shared/stage"
)

func TestPolicy(t *testing.T) { policytest.Run(t, os.DirFS("policy")) }

// now is when these tests take place: just after the sample's proposal.
var now = eventtest.Start.Add(32 * time.Second)

func clock() time.Time { return now }

// said is a policy that always gives the same answer.
type said func(ctx context.Context, input, out any) (string, error)

func (s said) Decide(ctx context.Context, input, out any) (string, error) { return s(ctx, input, out) }

func answering(text string) said {
	return func(_ context.Context, _, out any) (string, error) {
		return "digest", json.Unmarshal([]byte(text), out)
	}
}

func failing(err error) said {
	return func(context.Context, any, any) (string, error) { return "", err }
}

// breaker is a breaker made of functions.
type breaker struct {
	paused func() (Pause, error)
	admit  func([]Limit) (Trip, error)
}

func (b breaker) Paused(context.Context) (Pause, error) {
	if b.paused == nil {
		return Pause{}, nil
	}
	return b.paused()
}

func (b breaker) Admit(_ context.Context, _ string, limits []Limit) (Trip, error) {
	if b.admit == nil {
		return Trip{}, nil
	}
	return b.admit(limits)
}

func defaults() settings { return readSettings(stage.NewConfig(nil)) }

func authority(t testing.TB) *Authority {
	p, err := openPolicy(stage.NewConfig(nil), clock)
	require.NoError(t, err)
	return &Authority{policy: p, breaker: breaker{}, settings: defaults(), now: clock}
}

// request is the sample's proposal.
func request(t testing.TB, change func(*Request)) Request {
	e := eventtest.Sample(event.RemediationProposed)
	var r Request
	require.NoError(t, json.Unmarshal(e.Data(), &r.RemediationProposedData))
	doc, err := event.ParseDocument(e.Data())
	require.NoError(t, err)
	r.ProposalDigest = doc.Digest(event.SectionProposal)
	if change != nil {
		change(&r)
	}
	return r
}

func TestADecisionCoversExactlyTheProposal(t *testing.T) {
	r := request(t, func(r *Request) { r.Proposal.Target.UID = "" })
	d, err := authority(t).Decide(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, event.Decision{Outcome: event.DecisionApproved, Reason: "within_policy", Detail: d.Detail, Step: 1,
		Action: "rollback_deployment", Target: eventtest.Deployment, Parameters: r.Proposal.Parameters, Risk: "medium",
		Proposal: r.ProposalDigest, Policy: d.Policy, DecidedAt: now, ExpiresAt: now.Add(defaultDecisionWithin)}, d)
	require.NotEmpty(t, d.Policy)
}

func TestGates(t *testing.T) {
	paused := func() (Pause, error) { return Pause{On: true, By: "alice", Reason: "migration"}, nil }
	cases := []struct {
		name    string
		change  func(*Request)
		policy  Policy
		breaker breaker
		dryRun  bool
		outcome string
		reason  string
	}{
		{name: "a sound proposal is approved", outcome: "approved", reason: "within_policy"},
		{name: "an unknown action is rejected", change: func(r *Request) { r.Proposal.Action = "rm_rf" }, outcome: "rejected", reason: reasonActionUnknown},
		{name: "a target of a kind the action does not take is rejected", change: func(r *Request) { r.Proposal.Target.Kind = "Secret" }, outcome: "rejected", reason: reasonTargetNotAllowed},
		{name: "a target without a name is rejected", change: func(r *Request) { r.Proposal.Target.Name = "" }, outcome: "rejected", reason: reasonTargetNotAllowed},
		{name: "parameters that the schema refuses are rejected", change: func(r *Request) { r.Proposal.Parameters = map[string]any{"revision": 0} }, outcome: "rejected", reason: reasonParametersBad},
		{name: "a parameter that nobody declared is rejected", change: func(r *Request) { r.Proposal.Parameters["force"] = true }, outcome: "rejected", reason: reasonParametersBad},
		{name: "step zero is rejected", change: func(r *Request) { r.Proposal.Step = 0 }, outcome: "rejected", reason: reasonStepInvalid},
		{name: "a step beyond the ladder is rejected", change: func(r *Request) { r.Proposal.Step = event.MaxRungs + 1 }, outcome: "rejected", reason: reasonStepInvalid},
		{name: "the risk is the catalogue's, not the proposal's", change: func(r *Request) {
			r.Proposal = event.Proposal{Rung: event.Rung{Action: "scale_statefulset", Target: event.Target{Kind: "StatefulSet", Namespace: "shop", Name: "db"},
				Parameters: map[string]any{"replicas": 9}}, Step: 1, Confidence: 1, Risk: "none"}
		}, outcome: "held", reason: "high_risk"},
		{name: "everything is held while paused", breaker: breaker{paused: paused}, outcome: "held", reason: reasonPaused},
		{name: "what policy holds keeps its own reason while paused", change: func(r *Request) { r.Proposal.Confidence = 0.3 }, breaker: breaker{paused: paused}, outcome: "held", reason: "low_confidence"},
		{name: "what policy rejects is rejected even while paused", policy: answering(`{"outcome":"rejected","reason":"freeze"}`), breaker: breaker{paused: paused}, outcome: "rejected", reason: "freeze"},
		{name: "a policy without an answer means that a person is asked", policy: failing(policy.ErrUndefined), outcome: "held", reason: reasonPolicyUndefined},
		{name: "a policy that fails means that a person is asked", policy: failing(policy.ErrEvaluation), outcome: "held", reason: reasonPolicyFailed},
		{name: "a policy that takes too long means that a person is asked", policy: failing(policy.ErrTimeout), outcome: "held", reason: reasonPolicyFailed},
		{name: "a policy that answers something else means that a person is asked", policy: failing(policy.ErrShape), outcome: "held", reason: reasonPolicyFailed},
		{name: "an outcome that does not exist means that a person is asked", policy: answering(`{"outcome":"sure","reason":"yes"}`), outcome: "held", reason: reasonPolicyFailed},
		{name: "a reason that is no name means that a person is asked", policy: answering(`{"outcome":"approved","reason":"Because I say so"}`), outcome: "held", reason: reasonPolicyFailed},
		{name: "a limit without a window means that a person is asked", policy: answering(`{"outcome":"approved","reason":"ok","limits":[{"name":"x","max":1}]}`), outcome: "held", reason: reasonPolicyFailed},
		{name: "an empty answer means that a person is asked", policy: answering(`{}`), outcome: "held", reason: reasonPolicyFailed},
		{name: "a tripped breaker means that a person is asked", breaker: breaker{admit: func([]Limit) (Trip, error) { return Trip{Limit: "namespace/shop", Count: 10, Max: 10}, nil }},
			outcome: "held", reason: reasonStormBreaker},
		{name: "a pause that comes while deciding is seen", breaker: breaker{admit: func([]Limit) (Trip, error) { return Trip{Paused: true}, nil }}, outcome: "held", reason: reasonPaused},
		{name: "what changes nothing does not count against the breaker", change: func(r *Request) { r.Proposal.Action, r.Proposal.Parameters = "notify_only", nil },
			breaker: breaker{admit: func([]Limit) (Trip, error) { return Trip{Limit: "all"}, nil }}, outcome: "approved", reason: "within_policy"},
		{name: "a dry run does not count against the breaker", dryRun: true, breaker: breaker{admit: func([]Limit) (Trip, error) { return Trip{Limit: "all"}, nil }},
			outcome: "approved", reason: "within_policy"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := authority(t)
			a.breaker, a.settings.dryRun = c.breaker, c.dryRun
			if c.policy != nil {
				a.policy = c.policy
			}
			d, err := a.Decide(t.Context(), request(t, c.change))
			require.NoError(t, err)
			require.Equal(t, [2]string{c.outcome, c.reason}, [2]string{d.Outcome, d.Reason}, d.Detail)
			require.Equal(t, c.dryRun, d.DryRun)
			require.Equal(t, map[string]time.Duration{"approved": defaultDecisionWithin, "held": stage.DefaultApprovalWithin, "rejected": 0}[d.Outcome], d.ExpiresAt.Sub(now))
		})
	}
}

func TestAGateThatCannotBeAskedDecidesNothing(t *testing.T) {
	down := errors.New("redis unavailable")
	cases := []struct {
		name   string
		change func(*Authority)
	}{
		{"the pause cannot be read", func(a *Authority) { a.breaker = breaker{paused: func() (Pause, error) { return Pause{}, down }} }},
		{"the breaker cannot be asked", func(a *Authority) { a.breaker = breaker{admit: func([]Limit) (Trip, error) { return Trip{}, down }} }},
		{"the policy cannot be read", func(a *Authority) { a.policy = failing(policy.ErrUnreadable) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := authority(t)
			c.change(a)
			d, err := a.Decide(t.Context(), request(t, nil))
			require.Error(t, err)
			require.Empty(t, d.Outcome)
			var failure *stage.Error
			if errors.As(err, &failure) {
				require.False(t, failure.Permanent, "what may pass is tried again")
			}
		})
	}
}

func TestLimits(t *testing.T) {
	var seen []Limit
	a := authority(t)
	a.breaker = breaker{admit: func(l []Limit) (Trip, error) { seen = l; return Trip{}, nil }}
	_, err := a.Decide(t.Context(), request(t, nil))
	require.NoError(t, err)
	require.Equal(t, []Limit{{"all", 30, 10 * time.Minute}, {"action/rollback_deployment", 20, 10 * time.Minute}, {"namespace/shop", 10, 10 * time.Minute}}, seen)

	a.policy = answering(`{"outcome":"approved","reason":"ok","limits":[{"name":"team/cart","max":2,"window":"1h"}]}`)
	_, err = a.Decide(t.Context(), request(t, nil))
	require.NoError(t, err)
	require.Equal(t, []Limit{{"team/cart", 2, time.Hour}}, seen, "the policy's own limits replace the defaults")

	node := request(t, func(r *Request) {
		r.Proposal.Action, r.Proposal.Target = "cordon_node", event.Target{Kind: "Node", Name: "node-a"}
		r.Context.Node = &event.Node{Name: "node-a", OtherSchedulable: 49}
	})
	require.Equal(t, []Limit{{"all", 30, 10 * time.Minute}, {"action/cordon_node", 5, 10 * time.Minute}}, defaults().breaker.limits(node), "a tenth of 50 nodes")
	node.Context.Node = nil
	require.Equal(t, 1, defaults().breaker.forAction(node), "one always may")
}

// TestOtherNodesAreNullWhereTheyAreNotCounted: none would be another statement.
func TestOtherNodesAreNullWhereTheyAreNotCounted(t *testing.T) {
	for _, test := range []struct {
		name string
		kind string
		want any
	}{
		{"of a node that is the target", "Node", 3},
		{"of the node that the target's pod runs on", "Deployment", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := contextInput(event.Context{Target: event.Target{Kind: test.kind, Name: "x"}, Node: &event.Node{Name: "node-a", OtherSchedulable: 3}})
			require.Equal(t, test.want, in["node"].(map[string]any)["otherSchedulable"])
		})
	}
}

func TestAUsersPolicyReplacesTheDefault(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.rego"), []byte(`package kubernaut.authorize
decision := {"outcome": "held", "reason": "change_freeze"} if input.classification.priority == "P2"`), 0o600))
	p, err := openPolicy(stage.NewConfig(map[string]string{stage.EnvPolicyDir: dir}), clock)
	require.NoError(t, err)
	a := authority(t)
	a.policy = p
	d, err := a.Decide(t.Context(), request(t, nil))
	require.NoError(t, err)
	require.Equal(t, "change_freeze", d.Reason)
	d, err = a.Decide(t.Context(), request(t, func(r *Request) { r.Classification.Priority = "P0" }))
	require.NoError(t, err)
	require.Equal(t, reasonPolicyUndefined, d.Reason)
}

// TestThresholdsOfAUser: whatever a data file says or leaves out, what the
// default would hold is not approved unless the file says so.
func TestThresholdsOfAUser(t *testing.T) {
	unsure := func(r *Request) { r.Proposal.Confidence = 0.3 }
	cases := []struct {
		name, data string
		change     func(*Request)
		reason     string
	}{
		{"a file with one threshold leaves the one that holds", "thresholds: {production_below: 0.95}", unsure, "low_confidence"},
		{"a file with one threshold leaves the one that rejects", "thresholds: {production_below: 0.95}", func(r *Request) { r.Proposal.Confidence = 0.05 }, "not_believed"},
		{"the threshold that it names counts", "thresholds: {production_below: 0.95}", nil, "unsure_in_production"},
		{"a threshold may be lowered", "thresholds: {hold_below: 0.2, production_below: 0.2}", unsure, "within_policy"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := authority(t)
			a.policy = userData(t, c.data)
			r := request(t, c.change)
			d, err := a.Decide(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, c.reason, d.Reason, d.Detail)
		})
	}
}

func TestThresholdsThatWouldNotCountAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ data, says string }{
		"a misspelt threshold":           {"thresholds: {hold_bellow: 0.7}", `thresholds has no "hold_bellow"`},
		"misspelt thresholds altogether": {"treshholds: {hold_below: 0.7}", `sets "treshholds"`},
		"a threshold in quotes":          {`thresholds: {hold_below: "0.7"}`, "thresholds.hold_below is not a number"},
		"a threshold that is taken away": {"thresholds: {hold_below: null}", "thresholds.hold_below is not a number"},
		"thresholds without any":         {"thresholds:", "thresholds.hold_below is not a number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openUserData(t, c.data)
			require.ErrorIs(t, err, policy.ErrInvalid)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func openUserData(t *testing.T, data string) (Policy, error) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "thresholds.yaml"), []byte(data), 0o600))
	return openPolicy(stage.NewConfig(map[string]string{stage.EnvPolicyDir: dir}), clock)
}

func userData(t *testing.T, data string) Policy {
	p, err := openUserData(t, data)
	require.NoError(t, err)
	return p
}

func BenchmarkDecide(b *testing.B) {
	a, r := authority(b), request(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Decide(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// TestWhatWasSeenLongAgoTakesAPerson: after an outage, events of hours ago go on.
func TestWhatWasSeenLongAgoTakesAPerson(t *testing.T) {
	for _, test := range []struct {
		name    string
		age     time.Duration
		step    int
		outcome string
	}{
		{"it was seen moments ago", 30 * time.Second, 1, event.DecisionApproved},
		{"it was seen long ago", maxContextAge + time.Second, 1, event.DecisionHeld},
		{"a later rung rests on the assessment of the one before", maxContextAge + time.Second, 2, event.DecisionApproved},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := authority(t)
			a.policy = answering(`{"outcome":"approved","reason":"ok"}`)
			d, err := a.Decide(t.Context(), request(t, func(r *Request) {
				r.Context.CollectedAt, r.Proposal.Step = now.Add(-test.age), test.step
			}))
			require.NoError(t, err)
			require.Equal(t, test.outcome, d.Outcome, d.Detail)
			if d.Outcome == event.DecisionHeld {
				require.Equal(t, reasonContextOld, d.Reason)
			}
		})
	}
}
