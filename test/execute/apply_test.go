package execute_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"

	execute "kubernaut.ai/functions/execute"
)

func TestARollbackBringsBackTheFormerTemplateAndItsUndoRollsForward(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	l.roll("web", "shop/web:broken")

	r := l.request(action.RollbackDeployment, deployment("web"), nil)
	e := l.do(r)
	require.Equal(t, event.ExecutionApplied, e.Outcome, e.Detail)
	require.Equal(t, "shop/web:v1", l.image("web"))
	require.Len(t, l.writes(), 1)
	require.Equal(t, remediation+"/1", l.writes()[0].Applied)
	require.True(t, e.SpecChanged)
	require.NotEmpty(t, e.Template, "by which a later rollout of somebody else is known")
	require.NotEmpty(t, e.Target.UID)
	require.Len(t, e.Changes, 1)
	require.True(t, e.Undo.Possible)
	require.Equal(t, e.Changes[0].Before, e.Undo.Revision)
	l.ready("web")

	back := l.do(undo(r, e))
	require.Equal(t, event.ExecutionUndone, back.Outcome, back.Detail)
	require.Equal(t, "shop/web:broken", l.image("web"))
	require.Equal(t, remediation+"/1-undo", l.writes()[1].Applied)
}

func TestScalingSetsTheReplicasOnceHoweverOftenItIsDelivered(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4})
	first := l.do(r)
	require.Equal(t, event.ExecutionApplied, first.Outcome, first.Detail)
	for range 3 {
		again := l.do(r)
		require.Equal(t, event.ExecutionApplied, again.Outcome)
		require.Equal(t, first.Changes, again.Changes)
		require.Equal(t, first.Undo, again.Undo)
	}
	require.EqualValues(t, 4, l.replicas("web"))
	require.Len(t, l.writes(), 1)
}

func TestAnAppliedChangeIsKnownEvenIfRedisForgotAndTheDecisionExpired(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4})
	first := l.do(r)
	l.redis.Flush()
	r.Decision.ExpiresAt = l.now().Add(-ahead)
	again := l.do(r)
	require.Equal(t, event.ExecutionApplied, again.Outcome, again.Detail)
	require.Equal(t, first.Changes, again.Changes, "the receipt on the object tells what was changed")
	require.Equal(t, first.Undo, again.Undo)
	require.Len(t, l.writes(), 1)
}

// each lists every action that writes, on objects that allow it.
var each = []struct {
	name       string
	manifests  string
	action     action.Name
	target     event.Target
	parameters map[string]any
	// broken gives the Deployment a bad revision first.
	broken bool
}{
	{"scale_deployment", shop, action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4}, false},
	{"scale_statefulset", shop + database, action.ScaleStatefulSet, of("StatefulSet", "db"), map[string]any{"replicas": 3}, false},
	{"increase_resources by the default factor", shop, action.IncreaseResources, deployment("web"), nil, false},
	{"increase_resources to an absolute value", shop, action.IncreaseResources, deployment("web"), map[string]any{"memory": "192Mi"}, false},
	{"update_hpa", shop + autoscaler, action.UpdateHPA, of("HorizontalPodAutoscaler", "web"), map[string]any{"maxReplicas": 6}, false},
	{"rollback_deployment", shop, action.RollbackDeployment, deployment("web"), nil, true},
	{"cordon_node", shop + node, action.CordonNode, event.Target{APIVersion: "v1", Kind: "Node", Name: "tired"}, nil, false},
}

func of(kind, name string) event.Target {
	return event.Target{Kind: kind, Namespace: namespace, Name: name}
}

func TestADryRunTellsTheSameAndLeavesNothing(t *testing.T) {
	for _, c := range each {
		t.Run(c.name, func(t *testing.T) {
			l := prepared(t, c.manifests, c.broken)
			before := l.snapshot(c.target)
			r := l.request(c.action, c.target, c.parameters)
			r.Decision.DryRun = true
			dry := l.do(r)
			require.Equal(t, event.ExecutionDryRun, dry.Outcome, dry.Detail)
			require.False(t, dry.SpecChanged)
			require.Empty(t, l.writes())
			require.Len(t, l.cluster.DryRuns(), 1)
			require.Equal(t, before, l.snapshot(c.target))
			l.forgotten("a dry run leaves nothing in Redis either")

			r.Decision.DryRun = false
			wet := l.do(r)
			require.Equal(t, event.ExecutionApplied, wet.Outcome, wet.Detail)
			require.Equal(t, dry.Changes, wet.Changes)
			require.Equal(t, dry.Undo, wet.Undo)
		})
	}
}

func TestAnUndoRestoresWhatWas(t *testing.T) {
	for _, c := range each {
		t.Run(c.name, func(t *testing.T) {
			l := prepared(t, c.manifests, c.broken)
			before := l.snapshot(c.target)
			r := l.request(c.action, c.target, c.parameters)
			e := l.do(r)
			require.Equal(t, event.ExecutionApplied, e.Outcome, e.Detail)
			require.NotEqual(t, before, l.snapshot(c.target))
			for range 2 {
				back := l.do(undo(r, e))
				require.Equal(t, event.ExecutionUndone, back.Outcome, back.Reason+back.Detail)
			}
			require.Equal(t, before, l.snapshot(c.target))
			require.Len(t, l.writes(), 2)

			late := l.do(r)
			require.Equal(t, execute.ReasonSuperseded, late.Reason, "a step that was taken back is not applied again")
		})
	}
}

// prepared is a lab whose Deployment is ready, or has a bad revision.
func prepared(t *testing.T, manifests string, broken bool) *lab {
	l := newLab(t, manifests)
	l.ready("web")
	if broken {
		l.roll("web", "shop/web:broken")
	}
	if manifests == shop+database {
		l.await(func() bool {
			s, err := l.kube.AppsV1().StatefulSets(namespace).Get(t.Context(), "db", metav1.GetOptions{})
			return err == nil && s.Status.ReadyReplicas == 2
		})
	}
	return l
}

// snapshot is the target's spec.
func (l *lab) snapshot(target event.Target) any {
	l.t.Helper()
	var spec any
	var err error
	switch target.Kind {
	case "Deployment":
		o, e := l.kube.AppsV1().Deployments(namespace).Get(l.t.Context(), target.Name, metav1.GetOptions{})
		spec, err = o.Spec, e
	case "StatefulSet":
		o, e := l.kube.AppsV1().StatefulSets(namespace).Get(l.t.Context(), target.Name, metav1.GetOptions{})
		spec, err = o.Spec, e
	case "HorizontalPodAutoscaler":
		o, e := l.kube.AutoscalingV2().HorizontalPodAutoscalers(namespace).Get(l.t.Context(), target.Name, metav1.GetOptions{})
		spec, err = o.Spec, e
	case "Node":
		o, e := l.kube.CoreV1().Nodes().Get(l.t.Context(), target.Name, metav1.GetOptions{})
		spec, err = o.Spec.Unschedulable, e
	}
	require.NoError(l.t, err)
	return overWire(l.t, spec)
}

const database = `
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: app, image: "shop/db:v1"}]}
`

const autoscaler = `
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  minReplicas: 2
  maxReplicas: 4
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
`

const node = `
---
apiVersion: v1
kind: Node
metadata: {name: tired, labels: {kubernaut.ai/managed: "true"}}
`
