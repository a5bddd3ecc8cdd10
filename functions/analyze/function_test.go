package function

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger/tickredis"
	"kubernaut.ai/shared/stage"
)

func settings(t *testing.T) map[string]string {
	server, err := tickredis.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return map[string]string{stage.EnvRedis: server.URL(), stage.EnvSealPrivate: eventtest.PrivateKey(event.StageAnalyze),
		stage.EnvSealPublic: eventtest.PublicKeys(), stage.EnvLogLevel: "fatal", stage.EnvNamespace: eventtest.Namespace}
}

func started(t *testing.T) *stage.Function {
	f := New()
	require.NoError(t, f.Start(t.Context(), settings(t)))
	t.Cleanup(func() { require.NoError(t, f.Stop(context.Background())) })
	return f
}

// sealed is the sample of a type with other sections.
func sealed(t *testing.T, eventType, producer string, sections ...event.Section) cloudevents.Event {
	t.Helper()
	sample := eventtest.Sample(eventType)
	doc, err := event.ParseDocument(sample.Data())
	require.NoError(t, err)
	e, err := event.New(event.Draft{Type: eventType, Stage: producer, Namespace: eventtest.Namespace, Parent: &sample, Document: doc, Sections: sections, Now: start})
	require.NoError(t, err)
	require.NoError(t, eventtest.Key(producer).Seal(&e))
	return e
}

func document(t *testing.T, e *cloudevents.Event) event.Document {
	t.Helper()
	require.NotNil(t, e)
	require.NoError(t, eventtest.Keyring().Verify(*e))
	doc, err := event.ParseDocument(e.Data())
	require.NoError(t, err)
	return doc
}

func TestAClassifiedSignalBecomesAProposal(t *testing.T) {
	f := started(t)
	reply, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	require.NoError(t, err)
	require.Equal(t, event.RemediationProposed, reply.Type())
	require.Equal(t, "rollback_deployment", event.Extension(*reply, "action"))
	require.Equal(t, "medium", event.Extension(*reply, "risk"))
	var p event.Proposal
	require.NoError(t, document(t, reply).Decode(event.SectionProposal, &p))
	require.Equal(t, 1, p.Step)
	require.Equal(t, eventtest.Deployment, p.Target)

	again, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	require.NoError(t, err)
	require.Equal(t, reply.Data(), again.Data(), "a repeated event gets the recorded reply")
}

func TestAnIneffectiveAssessmentStartsTheNextStepAfresh(t *testing.T) {
	reply, err := started(t).Take(t.Context(), sealed(t, event.EffectivenessAssessed, event.StageAssess,
		event.Section{Name: event.SectionAssessment, Value: eventtest.Assessment(event.VerdictIneffective)}))
	require.NoError(t, err)
	require.Equal(t, event.RemediationProposed, reply.Type())
	doc := document(t, reply)
	for _, gone := range []string{event.SectionDecision, event.SectionApproval, event.SectionExecution, event.SectionAssessment} {
		_, there := doc.Raw(gone)
		require.False(t, there, "%s belongs to the step before", gone)
	}
	var p event.Proposal
	require.NoError(t, doc.Decode(event.SectionProposal, &p))
	require.Equal(t, "notify_only", p.Action)
	require.Equal(t, 2, p.Step)
	var tried []event.Attempt
	require.NoError(t, doc.Decode(event.SectionAttempts, &tried))
	require.Equal(t, "rollback_deployment", tried[0].Action)
	require.Equal(t, event.VerdictIneffective, tried[0].Verdict)
}

func TestSpentRungsEscalate(t *testing.T) {
	last := eventtest.Proposal
	last.Next = nil
	reply, err := started(t).Take(t.Context(), sealed(t, event.EffectivenessAssessed, event.StageAssess,
		event.Section{Name: event.SectionProposal, Value: last},
		event.Section{Name: event.SectionAssessment, Value: eventtest.Assessment(event.VerdictIneffective)}))
	require.NoError(t, err)
	require.Equal(t, event.RemediationEscalated, reply.Type())
	var end event.End
	require.NoError(t, document(t, reply).Decode(event.SectionEnd, &end))
	require.Equal(t, event.End{Outcome: event.OutcomeEscalated, Reason: reasonRungsSpent, Detail: end.Detail, Stage: event.StageAnalyze, EndedAt: end.EndedAt}, end)
	require.Contains(t, end.Detail, "rollback_deployment")
}

func TestOtherVerdictsLeadToNothing(t *testing.T) {
	for _, verdict := range []string{event.VerdictEffective, event.VerdictUnknown} {
		reply, err := started(t).Take(t.Context(), sealed(t, event.EffectivenessAssessed, event.StageAssess,
			event.Section{Name: event.SectionAssessment, Value: eventtest.Assessment(verdict)}))
		require.NoError(t, err)
		require.Nil(t, reply, verdict)
	}
}

func TestAnUnknownAnalystIsRefusedAtTheStart(t *testing.T) {
	s := settings(t)
	s[envAnalyst], s[envMaxMemory] = "oracle", "a lot"
	require.ErrorContains(t, New().Start(t.Context(), s), envMaxMemory)
	delete(s, envMaxMemory)
	require.ErrorContains(t, New().Start(t.Context(), s), "oracle")
}

// analystFunc is an analyst made of a function.
type analystFunc func(Case) (Finding, error)

func (f analystFunc) Analyze(_ context.Context, c Case) (Finding, error) { return f(c) }

func turns(f analystFunc) analyze {
	return analyze{analyst: f, now: func() time.Time { return start }}
}

func input[T any](t *testing.T, e cloudevents.Event) stage.Input[T] {
	t.Helper()
	var in stage.Input[T]
	require.NoError(t, json.Unmarshal(e.Data(), &in.Data))
	return in
}

func TestAnInvestigationTakesTurns(t *testing.T) {
	a := turns(func(c Case) (Finding, error) {
		return Finding{Analyst: "model", Another: true, State: json.RawMessage(`{"asked":"logs"}`)}, nil
	})
	reply, err := a.continued(t.Context(), input[event.AnalysisContinuedData](t, eventtest.Sample(event.AnalysisContinued)))
	require.NoError(t, err)
	require.Equal(t, event.AnalysisContinued, reply.Type)
	require.Equal(t, event.Analysis{Turn: 2, State: json.RawMessage(`{"asked":"logs"}`)}, reply.Sections[0].Value)
}

func TestAnInvestigationEnds(t *testing.T) {
	another := Finding{Analyst: "model", Another: true}
	cases := []struct {
		name    string
		finding Finding
		turn    int
		reason  string
	}{
		{"when it has taken too many turns", another, maxTurns - 1, reasonTurnsSpent},
		{"when it carries too much", Finding{Another: true, State: make(json.RawMessage, maxState+1)}, 1, reasonStateTooLarge},
		{"when the analyst has nothing to propose", Finding{Analyst: "model"}, 1, reasonNothingProposed},
		{"when nothing that the analyst proposes is allowed", Finding{Rungs: []event.Rung{rungOf("rm", nil)}}, 1, reasonNothingProposed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := turns(func(Case) (Finding, error) { return c.finding, nil })
			in := input[event.AnalysisContinuedData](t, eventtest.Sample(event.AnalysisContinued))
			in.Data.Analysis.Turn = c.turn
			reply, err := a.continued(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, event.RemediationEscalated, reply.Type)
			require.Equal(t, c.reason, reply.Sections[0].Value.(event.End).Reason)
		})
	}
}

func TestAnAnalystThatFailsIsAskedAgain(t *testing.T) {
	a := turns(func(Case) (Finding, error) { return Finding{}, errors.New("model is overloaded") })
	_, err := a.classified(t.Context(), input[event.SignalClassifiedData](t, eventtest.Sample(event.SignalClassified)))
	var failure *stage.Error
	require.ErrorAs(t, err, &failure)
	require.False(t, failure.Permanent)
	require.Equal(t, reasonAnalystFailed, failure.Reason)
}
