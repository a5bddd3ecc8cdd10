package execute_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
	"kubernaut.ai/shared/stage"

	execute "kubernaut.ai/functions/execute"
)

// calls are the outside calls that were made, to the API server and to Redis.
type calls struct {
	mu       sync.Mutex
	requests []*http.Request
	commands []string
}

func (c *calls) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		c.mu.Lock()
		c.requests = append(c.requests, r)
		c.mu.Unlock()
		return next.RoundTrip(r)
	})
}

func (c *calls) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *calls) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.mu.Lock()
		c.commands = append(c.commands, cmd.Name())
		c.mu.Unlock()
		return next(ctx, cmd)
	}
}

func (c *calls) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.mu.Lock()
		for _, cmd := range cmds {
			c.commands = append(c.commands, cmd.Name())
		}
		c.mu.Unlock()
		return next(ctx, cmds)
	}
}

// onlyRead insists that there were calls, and that none of them writes.
func (c *calls) onlyRead(t *testing.T) {
	t.Helper()
	for _, r := range c.requests {
		require.Equal(t, http.MethodGet, r.Method, r.URL)
		require.Empty(t, r.URL.Query()["dryRun"], r.URL)
	}
	for _, name := range c.commands {
		require.Contains(t, []string{"get", "hello", "client", "ping", "select"}, name)
	}
}

// explain is what an explainer says of the request. It asks the API server and
// Redis nothing but to read, and finds and leaves both as they were.
func (l *lab) explain(r execute.Request) (execute.Result, error) {
	l.t.Helper()
	made := &calls{}
	config := l.cluster.RESTConfig()
	config.Wrap(made.wrap)
	clients, err := cluster.ForConfig(config, event.StageExecute)
	require.NoError(l.t, err)
	memory := l.redis.Ledger(l.t, ledger.WithHook(made))
	x := execute.NewExplainer(execute.View{Kube: reading.Of(clients.Kube), Scope: func() execute.Scoper { return clients.Once() },
		Plans: execute.NewPlans(memory), Now: l.now}, l.settings)
	kept, written, tried := ledgertest.ContentsOf(l.t, l.redis.URL()), len(l.writes()), len(l.cluster.DryRuns())
	res, err := x.Explain(stage.ExplainOnly(l.t.Context()), r)
	made.onlyRead(l.t)
	require.Equal(l.t, kept, ledgertest.ContentsOf(l.t, l.redis.URL()))
	require.Len(l.t, l.writes(), written)
	require.Len(l.t, l.cluster.DryRuns(), tried)
	return res, err
}

// foretold is the execution that is told of beforehand.
func (l *lab) foretold(r execute.Request) event.Execution {
	l.t.Helper()
	res, err := l.explain(r)
	require.NoError(l.t, err)
	return overWire(l.t, res.Execution)
}

func TestAnExplanationForetellsTheChangeAndItsUndo(t *testing.T) {
	for _, c := range each {
		t.Run(c.name, func(t *testing.T) {
			l := prepared(t, c.manifests, c.broken)
			before := l.snapshot(c.target)
			r := l.request(c.action, c.target, c.parameters)
			said := l.foretold(r)
			require.Equal(t, event.ExecutionApplied, said.Outcome, said.Detail)
			require.Equal(t, before, l.snapshot(c.target))
			require.NotEmpty(t, said.Changes)
			require.True(t, said.Undo.Possible)
			require.NotEmpty(t, said.Disturbs)
			require.True(t, c.target.Same(said.Disturbs[0].Target))
			for _, d := range said.Disturbs {
				require.True(t, d.Managed, d)
				require.NotEmpty(t, d.Reason)
			}

			did := l.do(r)
			require.Equal(t, event.ExecutionApplied, did.Outcome, did.Detail)
			require.Equal(t, did.Changes, said.Changes)
			require.Equal(t, did.Undo, said.Undo)
			require.Equal(t, did.Target, said.Target)
			require.Empty(t, did.Disturbs, "history has what was done")

			again := l.foretold(r)
			require.Equal(t, event.ExecutionApplied, again.Outcome)
			require.Equal(t, did.Changes, again.Changes, "what is applied already is told as it was")
			require.Contains(t, again.Observed, "applied already")
		})
	}
}

func TestAnExplanationUsesThePlanThatCounts(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	r := l.request(action.IncreaseResources, deployment("web"), nil)
	first := l.foretold(r)
	// An attempt stores its plan and dies at the write.
	l.cluster.Fail(match("patch", "deployments"), 1, http.StatusServiceUnavailable)
	_, err := l.executor().Execute(t.Context(), r)
	require.Error(t, err)
	r.Decision.Parameters, r.Proposal.Parameters = map[string]any{"factor": 3.0}, map[string]any{"factor": 3.0}
	require.Equal(t, first.Changes, l.foretold(r).Changes, "the stored plan, whatever would be planned now")
}

func TestAnExplanationForetellsTheRefusal(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			l := c.prepared(t)
			r := l.request(c.action, c.target, c.parameters)
			said := l.foretold(r)
			require.Equal(t, event.ExecutionRefused, said.Outcome)
			require.Equal(t, c.want, said.Reason, said.Detail)
			require.NotEmpty(t, said.Detail)
			require.Empty(t, said.Changes)
			did := l.do(r)
			require.Equal(t, did.Reason, said.Reason)
			if c.want == execute.ReasonNotManaged {
				require.Len(t, said.Disturbs, 1)
				require.False(t, said.Disturbs[0].Managed)
			}
		})
	}
	for _, c := range lateRefusals {
		t.Run(c.name+" is not foretold", func(t *testing.T) {
			l := c.prepared(t)
			require.Equal(t, event.ExecutionApplied, l.foretold(l.request(c.action, c.target, c.parameters)).Outcome)
		})
	}
}

func TestAnExplanationListsEveryPodThatWouldBeEvicted(t *testing.T) {
	const count = execute.EvictionsATurn + 2
	l := newLab(t, shop+sick(count))
	pods := l.running("sick", count)
	said := l.foretold(l.request(action.RestartPod, of("Deployment", "sick"), nil))
	require.Equal(t, event.ExecutionApplied, said.Outcome, said.Detail)
	require.Len(t, said.Changes, count)
	require.False(t, said.Undo.Possible)
	require.Contains(t, said.Observed, "12 pods are evicted, at most 10 at a time")
	require.Len(t, said.Disturbs, count+1, "the Deployment and its pods")
	for _, d := range said.Disturbs {
		require.Equal(t, cluster.ScopeNamespaceIn, d.Reason)
	}

	// One of them opts out, by its own label: it comes first, and nothing is done.
	out := pods[count-1]
	l.optOut(out)
	said = l.foretold(l.request(action.RestartPod, of("Deployment", "sick"), nil))
	require.Equal(t, event.ExecutionRefused, said.Outcome)
	require.Equal(t, execute.ReasonNotManaged, said.Reason)
	require.Len(t, said.Disturbs, count+1)
	require.Equal(t, event.Disturbed{Target: podTarget(out), Reason: cluster.ScopeResourceOut}, said.Disturbs[0])
}

func TestAnExplanationNamesTheLabelThatDecided(t *testing.T) {
	l := newLab(t, shop+sick(1))
	pod := podTarget(l.running("sick", 1)[0])
	l.patch("sick", `{"metadata":{"labels":{"kubernaut.ai/managed":"false"}}}`)
	said := l.foretold(l.request(action.RestartPod, pod, nil))
	require.Equal(t, execute.ReasonNotManaged, said.Reason)
	require.Len(t, said.Disturbs, 1)
	require.Equal(t, cluster.ScopeResourceOut, said.Disturbs[0].Reason)
	require.Equal(t, "shop/Deployment/sick", said.Disturbs[0].By.String(), "it is the owner's")
}

func TestAnExplanationOfWhatOnlyLooksCollectsNothing(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	for _, name := range []action.Name{action.CollectDiagnostics, action.NotifyOnly} {
		said := l.foretold(l.request(name, deployment("web"), nil))
		require.Equal(t, event.ExecutionNothing, said.Outcome)
		require.Empty(t, said.Evidence)
		require.Empty(t, said.Disturbs)
	}
}

func TestAnExplanationOfADryRunSaysThatItIsOne(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4})
	r.Decision.DryRun = true
	said := l.foretold(r)
	require.Equal(t, event.ExecutionDryRun, said.Outcome)
	require.EqualValues(t, 4, said.Changes[0].After)
}

// TestWhatTheAPIServerSaidIsForTheLogOnly: it names users, rules and addresses,
// which are nobody's business who may only post alerts.
func TestWhatTheAPIServerSaidIsForTheLogOnly(t *testing.T) {
	cases := []struct {
		name      string
		code      int
		want      string
		transient bool
	}{
		{"who may not read", http.StatusForbidden, execute.ReasonForbidden, false},
		{"a request that it finds malformed", http.StatusBadRequest, execute.ReasonRejected, false},
		{"an API server that is down", http.StatusServiceUnavailable, execute.ReasonClusterDown, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, shop)
			l.ready("web")
			l.cluster.Fail(match("list", "horizontalpodautoscalers"), -1, c.code)
			res, err := l.explain(l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4}))
			if c.transient {
				var p *execute.Passing
				require.ErrorAs(t, err, &p, "the harness answers with the reason, and the gateway with no more than that")
				require.Equal(t, c.want, p.Reason)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, res.Execution.Reason)
			require.ErrorContains(t, res.Cause, "injected failure", "the log has what the API server said")
			require.Equal(t, "list autoscalers: execute's log tells what the API server said", res.Execution.Detail)
		})
	}
	t.Run("a scope that may not be read", func(t *testing.T) {
		l := newLab(t, shop)
		l.ready("web")
		l.cluster.Fail(match("get", "namespaces"), -1, http.StatusForbidden)
		res, err := l.explain(l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4}))
		require.NoError(t, err)
		require.Equal(t, execute.ReasonScopeUnread, res.Execution.Reason)
		require.Equal(t, "shop/Deployment/web: execute's log tells what the API server said", res.Execution.Detail)
	})
}

// TestTheStageExplainsWhatItWouldDoAndTakesNothing asks the stage as it runs in
// production.
func TestTheStageExplainsWhatItWouldDoAndTakesNothing(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	f, authorize := l.started()
	l.patch("web", `{"metadata":{"labels":{"kustomize.toolkit.fluxcd.io/name":"apps"}}}`)
	approved := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4})
	held := approved
	held.Decision.Outcome, held.Decision.ExpiresAt = event.DecisionHeld, l.now().Add(time.Hour)
	for _, c := range []struct {
		name          string
		eventType     string
		request       execute.Request
		want, outcome string
	}{
		{"what is approved, and refused because Flux owns it", event.RemediationApproved, approved, event.RemediationFailed, event.ExecutionRefused},
		{"what is held, as if a person had approved it", event.RemediationHeld, held, event.RemediationExecuted, event.ExecutionApplied},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := l.sealed(authorize, c.eventType, c.request)
			in.SetExtension(event.ExtExplain, "only")
			require.NoError(t, authorize.Seal(&in))
			kept := ledgertest.ContentsOf(t, l.redis.URL())
			for range 2 {
				out, _, err := f.Explain(t.Context(), in)
				require.NoError(t, err)
				require.Equal(t, c.want, out.Type())
				require.True(t, event.ForExplanation(*out))
				doc, err := event.ParseDocument(out.Data())
				require.NoError(t, err)
				var said event.Execution
				require.NoError(t, doc.Decode(event.SectionExecution, &said))
				require.Equal(t, c.outcome, said.Outcome, said.Detail)
				require.NotEmpty(t, said.Disturbs)
				require.Empty(t, said.Evidence)
			}
			require.Equal(t, kept, ledgertest.ContentsOf(t, l.redis.URL()), "no inbox, no plan, no lock")
			_, err := f.Take(t.Context(), in)
			require.Error(t, err)
			require.Empty(t, l.writes())
			require.Empty(t, l.cluster.DryRuns())
		})
	}
	t.Run("what is held is not taken for real either", func(t *testing.T) {
		_, err := f.Take(t.Context(), l.sealed(authorize, event.RemediationHeld, held))
		var failure *stage.Error
		require.ErrorAs(t, err, &failure)
		require.Equal(t, stage.ReasonUnknownType, failure.Reason)
		require.Empty(t, l.writes())
	})
}
