package contract

import (
	"context"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger/ledgertest"
	"kubernaut.ai/shared/stage"

	analyze "kubernaut.ai/functions/analyze"
)

// unknown is the rule for alerts that no other rule knows.
const unknown = "no rule knows this alert"

// TestTheAnalystKnowsEveryEventThatIsASignal: whoever adds a reason to those that
// are signals without being asked says what to do about it.
func TestTheAnalystKnowsEveryEventThatIsASignal(t *testing.T) {
	f := analyze.New()
	require.NoError(t, f.Start(t.Context(), map[string]string{stage.EnvRedis: ledgertest.Miniredis(t).URL(), stage.EnvLogLevel: "fatal",
		stage.EnvSealPrivate: eventtest.PrivateKey(event.StageAnalyze), stage.EnvSealPublic: eventtest.PublicKeys()}))
	t.Cleanup(func() { require.NoError(t, f.Stop(context.Background())) })
	proposed := func(t *testing.T, alert string) event.Proposal {
		t.Helper()
		reply, err := f.Take(t.Context(), classified(t, alert))
		require.NoError(t, err)
		require.Equal(t, event.RemediationProposed, reply.Type())
		doc, err := event.ParseDocument(reply.Data())
		require.NoError(t, err)
		var p event.Proposal
		require.NoError(t, doc.Decode(event.SectionProposal, &p))
		require.Equal(t, "rule", p.Evidence[1].Source)
		return p
	}
	require.Equal(t, unknown, proposed(t, "SomethingElse").Evidence[1].Detail, "this test tells what is known from what is not")
	for _, entry := range strings.Split(source.DefaultEventReasons, ",") {
		reason, _, _ := strings.Cut(entry, "=")
		t.Run(reason, func(t *testing.T) {
			p := proposed(t, reason)
			require.NotEqual(t, unknown, p.Evidence[1].Detail)
			require.NotEmpty(t, p.Next, "a first step and a next one")
		})
	}
}

// classified is a signal of which nothing is seen but that it is about a healthy
// Deployment, so that only the alert's name tells what to do.
func classified(t *testing.T, alert string) cloudevents.Event {
	t.Helper()
	signal := eventtest.Signal
	signal.Name = alert
	seen := event.Context{CollectedAt: eventtest.Start, Target: eventtest.Deployment,
		Workload: &event.Workload{Desired: 3, Ready: 3, Updated: 3}}
	doc, err := event.ParseDocument(eventtest.Sample(event.SignalClassified).Data())
	require.NoError(t, err)
	e, err := event.New(event.Draft{Type: event.SignalClassified, Stage: event.StageClassify, Namespace: eventtest.Namespace,
		Cause: alert, Document: doc, Correlation: eventtest.RemediationID, Now: time.Now(), Sections: []event.Section{
			{Name: event.SectionSignal, Value: signal}, {Name: event.SectionContext, Value: seen}}})
	require.NoError(t, err)
	require.NoError(t, eventtest.Key(event.StageClassify).Seal(&e))
	return e
}
