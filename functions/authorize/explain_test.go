package function

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
	"kubernaut.ai/shared/policy"
	"kubernaut.ai/shared/stage"
)

// asking is the event, sealed for explanation by its own stage.
func asking(t testing.TB, e cloudevents.Event) cloudevents.Event {
	t.Helper()
	name, _ := event.StageOf(e.Source())
	e = e.Clone()
	e.SetExtension(event.ExtExplain, "only")
	require.NoError(t, eventtest.Key(name).Seal(&e))
	return e
}

// sure is a proposal that the policy approves.
func sure(t testing.TB, cause string) cloudevents.Event {
	return draft{event.RemediationProposed, event.StageAnalyze, cause, eventtest.Sample(event.SignalClassified),
		[]event.Section{today(), seenNow(), {Name: event.SectionClassification, Value: event.Classification{Severity: "medium", Priority: "P2",
			Environment: "staging", SignalMode: "reactive"}}, {Name: event.SectionProposal, Value: eventtest.Proposal}}}.sealed(t)
}

func TestAnExplainedDecisionIsTheOneThatFollowsAndCountsNothing(t *testing.T) {
	for name, proposal := range map[string]cloudevents.Event{"approved": sure(t, "sure"), "held": proposed(t, "unsure")} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			before := ledgertest.ContentsOf(t, b.server.URL())
			var said event.Decision
			for range 3 {
				reply, _, err := b.Explain(t.Context(), asking(t, proposal))
				require.NoError(t, err)
				said, _ = decisionOf(t, reply)
				require.Equal(t, before, ledgertest.ContentsOf(t, b.server.URL()), "no inbox, no breaker, no hold, no due item")
			}
			require.Equal(t, name, said.Outcome)
			reply, err := b.Take(t.Context(), proposal)
			require.NoError(t, err)
			did, _ := decisionOf(t, reply)
			said.DecidedAt, said.ExpiresAt = did.DecidedAt, did.ExpiresAt
			require.Equal(t, did, said)
		})
	}
}

func TestAnExplanationForetellsTheBreakerAndThePause(t *testing.T) {
	b := newBench(t)
	limits := []ledger.Limit{{Name: "namespace/shop", Max: defaultBreakerNamespace, Window: time.Hour}}
	for i := range defaultBreakerNamespace {
		_, err := b.ledger.Admit(t.Context(), "r-"+strconv.Itoa(i+1), limits)
		require.NoError(t, err)
	}
	reason := func() string {
		reply, _, err := b.Explain(t.Context(), asking(t, sure(t, "sure")))
		require.NoError(t, err)
		d, _ := decisionOf(t, reply)
		return d.Outcome + " " + d.Reason
	}
	require.Equal(t, "held "+reasonStormBreaker, reason())
	require.NoError(t, b.ledger.Pause(t.Context(), ledger.Pause{By: "ada", Reason: "incident"}))
	require.Equal(t, "held "+reasonPaused, reason())
}

func TestOnlyProposalsAreExplained(t *testing.T) {
	_, _, err := newBench(t).Explain(t.Context(), asking(t, undoing(t, eventtest.Execution, nil)))
	var failure *stage.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, stage.ReasonCannotExplain, failure.Reason)
}

func TestAnExplanationKeepsAPolicysErrorForTheLog(t *testing.T) {
	a := authority(t)
	a.policy = failing(fmt.Errorf("%w: http.send: dial tcp 10.1.2.3:443", policy.ErrEvaluation))
	for ctx, want := range map[context.Context]string{
		stage.ExplainOnly(t.Context()): "the policy failed: authorize's log tells why",
		t.Context():                    "the policy failed: " + policy.ErrEvaluation.Error() + ": http.send: dial tcp 10.1.2.3:443",
	} {
		d, err := a.Decide(ctx, request(t, nil))
		require.NoError(t, err)
		require.Equal(t, [3]string{event.DecisionHeld, reasonPolicyFailed, want}, [3]string{d.Outcome, d.Reason, d.Detail})
	}
}
