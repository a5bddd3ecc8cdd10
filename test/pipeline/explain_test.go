package pipeline_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gateway "kubernaut.ai/functions/gateway"
	"kubernaut.ai/local/broker"
	"kubernaut.ai/local/simulation"
	"kubernaut.ai/local/system"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger/ledgertest"
	"kubernaut.ai/shared/stage"
)

const explainPath = "/api/v1/explain"

// crashing loads the sample of the bad rollout, and answers the alert about a
// pod of it that crash-loops.
func (b *bed) crashing(t *testing.T) alert {
	t.Helper()
	require.NoError(t, b.Cluster().LoadPath(samplesDir+"/1-bad-rollout/objects.yaml"))
	until(t, "a healthy workload", func() (bool, any) {
		d, err := b.kube.AppsV1().Deployments("shop").Get(t.Context(), "checkout", metav1.GetOptions{})
		return err == nil && d.Status.ReadyReplicas == 3, err
	})
	require.NoError(t, b.Cluster().LoadPath(samplesDir+"/1-bad-rollout/rollout.yaml"))
	var pod string
	until(t, "a crash loop", func() (bool, any) {
		pods, err := b.kube.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{LabelSelector: "app=checkout"})
		require.NoError(t, err)
		for _, p := range pods.Items {
			for _, c := range p.Status.ContainerStatuses {
				if c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff" {
					pod = p.Name
				}
			}
		}
		return pod != "", pods.Items
	})
	return alert{Status: "firing", StartsAt: time.Now().UTC(), Labels: map[string]string{
		"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": pod, "container": "app", "severity": "warning"}}
}

func (b *bed) explained(t *testing.T, a alert) gateway.ExplainedAlert {
	t.Helper()
	got := exchange(t, request(t, http.MethodPost, b.URL()+explainPath+signalsPath, webhook(t, a)))
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	var said gateway.Explanation
	got.decode(t, &said)
	require.Len(t, said.Alerts, 1)
	return said.Alerts[0]
}

// traffic counts what the Broker delivers, refuses or gives up.
type traffic struct{ seen chan string }

func (c traffic) observer() broker.Observer {
	note := func(o broker.Observation) {
		if o.EventType != event.Ping {
			c.seen <- o.EventType
		}
	}
	return broker.Observer{Delivered: note, Retried: note, DeadLettered: note, Dropped: note}
}

// settled is what Redis holds, and how many writes the cluster saw, dry runs
// included, for comparison. A ping comes only seldom here: it is what else writes.
func (b *bed) settled(t *testing.T) (redis map[string]any, written int) {
	t.Helper()
	b.idle(t)
	return ledgertest.ContentsOf(t, b.Redis().URL()), len(b.mutations("shop")) + len(b.Cluster().DryRuns())
}

func TestAnExplanationChangesNothingAndComesTrue(t *testing.T) {
	traffic := traffic{seen: make(chan string, 10_000)}
	b := start(t, system.Options{Observer: traffic.observer(), PingEvery: time.Hour})
	a := b.crashing(t)
	redis, written := b.settled(t)
	require.Empty(t, redis)

	said := b.explained(t, a)
	require.Equal(t, gateway.WouldExecute, said.Would, "%+v", said)
	require.Equal(t, []string{event.StageEnrich, event.StageClassify, event.StageAnalyze, event.StageAuthorize, event.StageExecute}, stagesOf(said))
	text := exchange(t, asText(request(t, http.MethodPost, b.URL()+explainPath, webhook(t, a))))
	require.Contains(t, string(text.body), "would apply rollback_deployment to shop/Deployment/checkout")
	require.Contains(t, string(text.body), "  changes    shop/Deployment/checkout /spec/template  checkout-")
	require.Contains(t, string(text.body), "  disturbs   shop/Deployment/checkout  managed (managed_by_namespace_label)")
	unchanged := func() {
		t.Helper()
		after, now := b.settled(t)
		require.Equal(t, redis, after, "Redis' whole keyspace")
		require.Equal(t, written, now, "the cluster's writes")
		require.Empty(t, traffic.seen, "the Broker's traffic")
		require.Empty(t, b.everything(t), "history")
	}
	unchanged()

	// The real alert does exactly what was said.
	id := b.opened(t, a)
	require.Equal(t, said.Claim.Remediation, id)
	e, did := captured[event.RemediationDecidedData](t, b, id, event.RemediationApproved)
	require.False(t, event.ForExplanation(e))
	require.Equal(t, said.Fingerprint, did.Remediation.Fingerprint)
	require.Equal(t, said.Owners[len(said.Owners)-1], did.Signal.Target)
	require.Equal(t, *said.Stages[1].Classification, did.Classification)
	proposal, decision := *said.Stages[2].Proposal, *said.Stages[3].Decision
	require.Equal(t, did.Proposal.Action, proposal.Action)
	require.Equal(t, did.Proposal.Parameters, proposal.Parameters)
	require.Equal(t, did.Proposal.Confidence, proposal.Confidence)
	require.Equal(t, [3]string{did.Decision.Outcome, did.Decision.Reason, did.Decision.Target.UID},
		[3]string{decision.Outcome, decision.Reason, decision.Target.UID})
	_, done := captured[event.RemediationExecutedData](t, b, id, event.RemediationExecuted)
	execution := *said.Stages[4].Execution
	require.Equal(t, done.Execution.Changes, execution.Changes, "the values before and after")
	require.Equal(t, done.Execution.Undo, execution.Undo)
	require.Equal(t, done.Execution.Target, execution.Target)

	// And an explanation while it is under way, or just over, says so.
	said = b.explained(t, a)
	require.Contains(t, []string{gateway.WouldJoin, gateway.WouldCoolDown}, said.Would)
	require.Equal(t, id, said.Claim.Remediation)
}

func stagesOf(a gateway.ExplainedAlert) []string {
	var names []string
	for _, s := range a.Stages {
		names = append(names, s.Stage)
	}
	return names
}

func asText(r *http.Request) *http.Request {
	r.Header.Set("Accept", "text/plain")
	return r
}

// TestAnExplanationOfWhatIsHeldTellsWhatAYesWouldDo: execute says so, and only the
// person's yes lets it.
func TestAnExplanationOfWhatIsHeldTellsWhatAYesWouldDo(t *testing.T) {
	b := start(t, system.Options{PingEvery: time.Hour})
	const namespace = "asked"
	b.sick(t, namespace, workload{labels: ownedByFlux})
	said := b.explained(t, oomKilled(namespace))
	require.Equal(t, gateway.WouldHold, said.Would, "%+v", said.Stopped)
	require.Equal(t, event.StageAuthorize, said.Stopped.At)
	execution := said.Stages[4].Execution
	require.NotNil(t, execution, "%+v", said.Stages)
	require.Equal(t, event.ExecutionApplied, execution.Outcome, execution.Detail)
	require.NotEmpty(t, execution.Changes)
	require.Empty(t, b.mutations(namespace))
	require.Empty(t, b.Cluster().DryRuns())
	require.Empty(t, ledgertest.ContentsOf(t, b.Redis().URL()))
}

// TestAnExplanationTellsNothingOfWhatTheAPIServerSaid, wherever it says it.
func TestAnExplanationTellsNothingOfWhatTheAPIServerSaid(t *testing.T) {
	b := start(t, system.Options{PingEvery: time.Hour})
	const namespace = "masked"
	b.sick(t, namespace, workload{})
	for _, agent := range []string{"kubernaut-gateway", "kubernaut-enrich", "kubernaut-execute"} {
		for _, code := range []int{http.StatusForbidden, http.StatusServiceUnavailable, simulation.Cut} {
			t.Run(fmt.Sprintf("%s meets %d", agent, code), func(t *testing.T) {
				b.Cluster().Fail(simulation.Match{UserAgent: agent}, -1, code)
				t.Cleanup(b.Cluster().Heal)
				got := exchange(t, asText(request(t, http.MethodPost, b.URL()+explainPath, webhook(t, oomKilled(namespace)))))
				require.Equal(t, http.StatusOK, got.status)
				for _, secret := range []string{"127.0.0.1", "injected failure", "://", "http", "EOF", "system:"} {
					require.NotContains(t, string(got.body), secret)
				}
			})
		}
	}
}

// TestMarkedEventsOnTheBrokerDoNothing has the events of an explanation, those
// that only their stages can seal included, put on the Broker by somebody.
func TestMarkedEventsOnTheBrokerDoNothing(t *testing.T) {
	b := start(t, system.Options{PingEvery: time.Hour})
	const namespace = "replayed"
	b.sick(t, namespace, workload{labels: ownedByFlux})
	id := b.opened(t, oomKilled(namespace))
	b.held(t, id)
	held, d := captured[event.RemediationDecidedData](t, b, id, event.RemediationHeld)
	approved := d.Decision
	approved.Outcome, approved.Reason, approved.ExpiresAt = event.DecisionApproved, "approved_by_person", time.Now().Add(time.Hour)
	redis, _ := b.settled(t)
	entries := len(b.everything(t))

	marked := func(f forged) cloudevents.Event {
		f.key = nil
		e := f.event(t)
		name, _ := event.StageOf(e.Source())
		e.SetExtension(event.ExtExplain, "only")
		key := b.key(t, name)
		require.NoError(t, key.Seal(&e))
		return e
	}
	all := map[string]cloudevents.Event{
		event.StageExecute: marked(forged{eventType: event.RemediationApproved, parent: held, cause: "explained",
			sections: []event.Section{{Name: event.SectionDecision, Value: approved}}}),
		event.StageAuthorize: marked(forged{eventType: event.RemediationProposed, parent: held, cause: "explained"}),
		event.StageEnrich:    marked(forged{eventType: event.SignalReceived, parent: held, cause: "explained"}),
		event.StageAssess:    marked(forged{eventType: event.SignalResolved, parent: held, cause: "explained"}),
	}
	for name, e := range all {
		b.droppedBy(t, name, stage.ReasonExplanation, e)
	}
	unmarked := all[event.StageExecute].Clone()
	unmarked.SetExtension(event.ExtExplain, nil)
	b.idle(t)
	require.Empty(t, b.mutations(namespace))
	require.Equal(t, redis, ledgertest.ContentsOf(t, b.Redis().URL()), "not even a dead letter")
	require.Len(t, b.everything(t), entries, "history never takes it for real")

	b.publish(t, unmarked)
	b.refusedBy(t, event.StageExecute, "seal_broken", unmarked)
	b.idle(t)
	require.Empty(t, b.mutations(namespace))
	require.NotNil(t, b.view(t, id).Held, "it still waits for a person")
}

// TestAStageThatIsAwayIsNamed: the rest of the explanation is given.
func TestAStageThatIsAwayIsNamed(t *testing.T) {
	b := start(t, system.Options{PingEvery: time.Hour, Settings: map[string]string{"STAGE_URLS": "classify=http://127.0.0.1:1"}})
	const namespace = "away"
	b.sick(t, namespace, workload{})
	said := b.explained(t, oomKilled(namespace))
	require.Equal(t, gateway.WouldUnknown, said.Would)
	require.True(t, said.Scope.Managed)
	require.True(t, slices.ContainsFunc(said.Candidates, func(c gateway.ExplainedCandidate) bool { return c.Verdict == gateway.CandidateTaken }))
	require.True(t, strings.HasPrefix(said.Stopped.Reason, "stage_"), "%+v", said.Stopped)
	require.Empty(t, ledgertest.ContentsOf(t, b.Redis().URL()))
}
