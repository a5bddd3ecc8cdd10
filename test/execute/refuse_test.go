package execute_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/local/simulation"
	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"

	execute "kubernaut.ai/functions/execute"
)

func match(verb, resource string) simulation.Match {
	return simulation.Match{Verb: verb, Resource: resource, UserAgent: "kubernaut-execute"}
}

const foreign = `
---
apiVersion: v1
kind: Namespace
metadata: {name: theirs}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: theirs}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "shop/web:v1"}]}
`

const limits = `
---
apiVersion: v1
kind: LimitRange
metadata: {name: small, namespace: shop}
spec: {limits: [{type: Container, max: {memory: 150Mi}}]}
`

const quota = `
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: team, namespace: shop}
spec: {hard: {limits.memory: 300Mi}}
`

// surgeQuota is enough for two pods of 192Mi, and not for one of 128Mi beside them.
const surgeQuota = `
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: team, namespace: shop}
spec: {hard: {limits.memory: 400Mi}}
`

// refusal is what must not be done.
type refusal struct {
	name       string
	manifests  string
	action     action.Name
	target     event.Target
	parameters map[string]any
	prepare    func(*lab)
	want       string
}

// refusals are those that planning finds; lateRefusals only the start, or the write itself.
var refusals = []refusal{
	{"a namespace that did not opt in", foreign, action.ScaleDeployment,
		event.Target{Kind: "Deployment", Namespace: "theirs", Name: "web"}, map[string]any{"replicas": 3}, nil, execute.ReasonNotManaged},
	{"a resource that opted out of a managed namespace", "", action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 3},
		func(l *lab) { l.patch("web", `{"metadata":{"labels":{"kubernaut.ai/managed":"false"}}}`) }, execute.ReasonNotManaged},
	{"logs of what is not managed", foreign, action.CollectDiagnostics,
		event.Target{Kind: "Deployment", Namespace: "theirs", Name: "web"}, nil, nil, execute.ReasonNotManaged},
	{"a target that is not there", "", action.ScaleDeployment, deployment("ghost"), map[string]any{"replicas": 3}, nil, execute.ReasonTargetGone},
	{"a target that was replaced by another of its name", "", action.ScaleDeployment,
		event.Target{Kind: "Deployment", Namespace: namespace, Name: "web", UID: "another"}, map[string]any{"replicas": 3}, nil, execute.ReasonTargetGone},
	{"a Deployment that an HPA scales", autoscaler, action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 3}, nil, execute.ReasonHPAManaged},
	{"more replicas than the cap", "", action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 51}, nil, execute.ReasonOverCap},
	{"scaling to zero without a person", "", action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 0}, nil, execute.ReasonNeedsApproval},
	{"a StatefulSet scaled down without a person", database, action.ScaleStatefulSet, of("StatefulSet", "db"), map[string]any{"replicas": 1}, nil, execute.ReasonNeedsApproval},
	{"an HPA maximum over the cap", autoscaler, action.UpdateHPA, of("HorizontalPodAutoscaler", "web"), map[string]any{"maxReplicas": 51}, nil, execute.ReasonOverCap},
	{"HPA bounds that cross", autoscaler, action.UpdateHPA, of("HorizontalPodAutoscaler", "web"), map[string]any{"minReplicas": 9}, nil, execute.ReasonMinOverMax},
	{"memory that would shrink", "", action.IncreaseResources, deployment("web"), map[string]any{"memory": "64Mi"}, nil, execute.ReasonWouldShrink},
	{"memory over the cap", "", action.IncreaseResources, deployment("web"), map[string]any{"memory": "9Gi"}, nil, execute.ReasonOverCap},
	{"memory over a LimitRange", limits, action.IncreaseResources, deployment("web"), map[string]any{"memory": "192Mi"}, nil, execute.ReasonOverLimitRange},
	{"memory over a quota, all replicas together", quota, action.IncreaseResources, deployment("web"), map[string]any{"memory": "192Mi"},
		func(l *lab) { l.use("team", "256Mi") }, execute.ReasonOverQuota},
	{"memory over a quota only while the rollout's surge is there", surgeQuota, action.IncreaseResources, deployment("web"), map[string]any{"memory": "192Mi"},
		func(l *lab) { l.use("team", "256Mi") }, execute.ReasonOverQuota},
	{"a container that is not there", "", action.IncreaseResources, deployment("web"), map[string]any{"container": "sidecar"}, nil, execute.ReasonNoContainer},
	{"a rollback without a former revision", "", action.RollbackDeployment, deployment("web"), nil, nil, execute.ReasonNoRevision},
	{"a rollback to a revision that is not there", "", action.RollbackDeployment, deployment("web"), map[string]any{"revision": 7}, nil, execute.ReasonNoRevision},
	{"a rollback of a paused rollout", "", action.RollbackDeployment, deployment("web"), nil,
		func(l *lab) { l.patch("web", `{"spec":{"paused":true}}`) }, execute.ReasonPaused},
	{"a spec that Flux owns", "", action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 3},
		func(l *lab) { l.patch("web", `{"metadata":{"labels":{"kustomize.toolkit.fluxcd.io/name":"apps"}}}`) }, execute.ReasonGitOpsOwned},
	{"a spec that Argo CD owns", "", action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 3},
		func(l *lab) {
			l.patch("web", `{"metadata":{"annotations":{"argocd.argoproj.io/tracking-id":"apps:x"}}}`)
		}, execute.ReasonGitOpsOwned},
	{"a node without the label", "", action.CordonNode, event.Target{Kind: "Node", Name: "node-1"}, nil, nil, execute.ReasonNotManaged},
	{"the last node that takes pods", node, action.CordonNode, event.Target{Kind: "Node", Name: "tired"}, nil,
		func(l *lab) { l.cordonOthers("tired") }, execute.ReasonLastNode},
	{"a target that another remediation has just changed", "", action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 3},
		func(l *lab) {
			r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 5})
			r.Remediation = event.Remediation{ID: "other-1", Fingerprint: "f" + fingerprint[1:]}
			require.Equal(l.t, event.ExecutionApplied, l.do(r).Outcome)
		}, execute.ReasonRecentlyChanged},
}

var lateRefusals = []refusal{
	{"a remediation whose alert stopped before", "", action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 3},
		func(l *lab) {
			memory := l.redis.Ledger(l.t)
			base := strings.TrimSuffix(remediation, "-1")
			_, _, err := memory.Reserve(l.t.Context(), ledger.Reservation{Fingerprint: fingerprint, Base: base, Lease: time.Minute})
			require.NoError(l.t, err)
			outcome, _, err := memory.Cancel(l.t.Context(), fingerprint, remediation, time.Minute)
			require.NoError(l.t, err)
			require.Equal(l.t, ledger.Cancelled, outcome)
		}, execute.ReasonResolved},
	{"a write that the API server forbids", "", action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 3},
		func(l *lab) { l.cluster.Fail(match("patch", "deployments"), -1, http.StatusForbidden) }, execute.ReasonForbidden},
}

// prepared is a lab in which it must not be done.
func (c refusal) prepared(t *testing.T) *lab {
	l := newLab(t, shop+c.manifests)
	l.ready("web")
	if c.manifests == database {
		l.running("db", 2)
	}
	if c.prepare != nil {
		c.prepare(l)
	}
	return l
}

func TestWhatMustNotBeDoneIsRefusedAndChangesNothing(t *testing.T) {
	for _, c := range slices.Concat(refusals, lateRefusals) {
		t.Run(c.name, func(t *testing.T) {
			l := c.prepared(t)
			made := len(l.writes())
			e := l.do(l.request(c.action, c.target, c.parameters))
			require.Equal(t, event.ExecutionRefused, e.Outcome)
			require.Equal(t, c.want, e.Reason, e.Detail)
			require.NotEmpty(t, e.Detail)
			require.Len(t, l.writes(), made)
		})
	}
}

// use sets what a quota's controller would report.
func (l *lab) use(quota, memory string) {
	l.t.Helper()
	q, err := l.kube.CoreV1().ResourceQuotas(namespace).Get(l.t.Context(), quota, metav1.GetOptions{})
	require.NoError(l.t, err)
	q.Status.Hard = q.Spec.Hard
	q.Status.Used = corev1.ResourceList{corev1.ResourceLimitsMemory: resource.MustParse(memory)}
	_, err = l.kube.CoreV1().ResourceQuotas(namespace).UpdateStatus(l.t.Context(), q, metav1.UpdateOptions{})
	require.NoError(l.t, err)
}

func (l *lab) cordonOthers(name string) {
	l.t.Helper()
	list, err := l.kube.CoreV1().Nodes().List(l.t.Context(), metav1.ListOptions{})
	require.NoError(l.t, err)
	for _, n := range list.Items {
		if n.Name != name {
			_, err := l.kube.CoreV1().Nodes().Patch(l.t.Context(), n.Name, "application/merge-patch+json",
				[]byte(`{"spec":{"unschedulable":true}}`), metav1.PatchOptions{})
			require.NoError(l.t, err)
		}
	}
}

func TestAPersonMayDoWhatPolicyMayNot(t *testing.T) {
	t.Run("change a spec that Flux owns", func(t *testing.T) {
		l := newLab(t, shop)
		l.ready("web")
		l.patch("web", `{"metadata":{"labels":{"kustomize.toolkit.fluxcd.io/name":"apps"}}}`)
		r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 3})
		r.Decision.Approver = "jo"
		require.Equal(t, event.ExecutionApplied, l.do(r).Outcome)
	})
	t.Run("scale to zero", func(t *testing.T) {
		l := newLab(t, shop)
		l.ready("web")
		r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 0})
		r.Decision.Approver = "jo"
		require.Equal(t, event.ExecutionApplied, l.do(r).Outcome)
	})
}

func TestATargetThatMovedAfterItWasPlannedForIsLeftAlone(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4})
	// The plan is stored, the write fails, and a person scales meanwhile.
	l.cluster.Fail(match("patch", "deployments"), 1, http.StatusServiceUnavailable)
	_, err := l.executor().Execute(t.Context(), r)
	require.Error(t, err)
	l.patch("web", `{"spec":{"replicas":3}}`)
	e := l.do(r)
	require.Equal(t, execute.ReasonTargetMoved, e.Reason, e.Detail)
	require.EqualValues(t, 3, l.replicas("web"))
	require.Empty(t, l.writes())
}

func TestAnUndoLeavesAloneWhatSomebodyMovedSince(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4})
	e := l.do(r)
	l.patch("web", `{"spec":{"replicas":7}}`)
	back := l.do(undo(r, e))
	require.Equal(t, execute.ReasonTargetMoved, back.Reason)
	require.EqualValues(t, 7, l.replicas("web"))

	l.patch("web", `{"spec":{"replicas":4},"metadata":{"labels":{"team":"x"}}}`)
	require.Equal(t, event.ExecutionUndone, l.do(undo(r, e)).Outcome, "only the changed fields matter")
	require.EqualValues(t, 2, l.replicas("web"))
}

func TestAnUndoWorksLongAfterItsRemediationEnded(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4})
	e := l.do(r)
	require.NoError(t, l.redis.Ledger(t).Settle(t.Context(), ledger.Settlement{
		Fingerprint: fingerprint, Remediation: remediation, Outcome: event.OutcomeHealed, Cooldown: time.Minute}))
	res, err := l.executor().Execute(t.Context(), undo(r, e))
	require.NoError(t, err)
	require.Equal(t, event.ExecutionUndone, res.Execution.Outcome)
	require.True(t, res.Detached, "it does not move a claim that has ended")
	require.EqualValues(t, 2, l.replicas("web"))

	res, err = l.executor().Execute(t.Context(), l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 9}))
	require.NoError(t, err)
	require.NotEqual(t, event.ExecutionApplied, res.Execution.Outcome)
	require.EqualValues(t, 2, l.replicas("web"))
}

func TestAnUndoThatIsOnlyTriedChangesNothingAndMovesNoClaim(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4})
	tried := undo(r, l.do(r))
	tried.Decision.DryRun = true
	res, err := l.executor().Execute(t.Context(), tried)
	require.NoError(t, err)
	require.Equal(t, event.ExecutionDryRun, res.Execution.Outcome)
	require.True(t, res.Detached)
	require.EqualValues(t, 4, l.replicas("web"))
	require.Equal(t, event.ExecutionUndone, l.do(undo(r, l.do(r))).Outcome, "it can still be undone for real")
}

func TestSomebodyElseAtWorkMeansTryAgain(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	held := ledger.ExecutionStart{Fingerprint: fingerprint, Remediation: remediation, Step: "7", Lease: time.Minute}
	_, err := l.redis.Ledger(t).StartExecution(t.Context(), held)
	require.NoError(t, err)
	_, err = l.executor().Execute(t.Context(), l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 3}))
	var p *execute.Passing
	require.ErrorAs(t, err, &p)
	require.Equal(t, execute.ReasonBusy, p.Reason)
	require.Empty(t, l.writes())
}

func TestARemediationWithoutItsClaimDoesNothing(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	require.NoError(t, l.redis.Ledger(t).Settle(t.Context(), ledger.Settlement{
		Fingerprint: fingerprint, Remediation: remediation, Outcome: event.OutcomeHealed, Cooldown: time.Minute}))
	res, err := l.executor().Execute(t.Context(), l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 3}))
	require.NoError(t, err)
	require.True(t, res.Ended)
	require.Empty(t, l.writes())
}

func TestAClusterOrARedisThatIsDownMeansTryAgain(t *testing.T) {
	for name, fail := range map[string]func(*lab){
		"the API server is down":     func(l *lab) { l.cluster.Fail(simulation.Match{}, -1, http.StatusInternalServerError) },
		"scope cannot be read":       func(l *lab) { l.cluster.Fail(match("get", "namespaces"), -1, simulation.Cut) },
		"the write is not possible":  func(l *lab) { l.cluster.Fail(match("patch", "deployments"), -1, http.StatusTooManyRequests) },
		"Redis is down before plans": func(l *lab) { l.redis.SetError("LOADING it is not ready") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, shop)
			l.ready("web")
			fail(l)
			_, err := l.executor().Execute(t.Context(), l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 3}))
			require.Error(t, err)
			require.Empty(t, l.writes())
		})
	}
}
