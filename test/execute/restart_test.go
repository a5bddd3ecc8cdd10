package execute_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/local/simulation"
	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"

	execute "kubernaut.ai/functions/execute"
)

// sick is a Deployment whose pods never become ready.
func sick(replicas int) string {
	return fmt.Sprintf(`
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: sick, namespace: shop}
spec:
  replicas: %d
  selector: {matchLabels: {app: sick}}
  template:
    metadata: {labels: {app: sick}, annotations: {simulation.kubernaut.ai/unready: "true"}}
    spec: {containers: [{name: app, image: "shop/sick:v1"}]}
`, replicas)
}

func (l *lab) pods(app string) []corev1.Pod {
	l.t.Helper()
	list, err := l.kube.CoreV1().Pods(namespace).List(l.t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
	require.NoError(l.t, err)
	return list.Items
}

// running waits until so many pods run, ready or not, and none is ending.
func (l *lab) running(app string, want int) []corev1.Pod {
	l.t.Helper()
	var pods []corev1.Pod
	l.await(func() bool {
		pods = l.pods(app)
		for _, p := range pods {
			if p.Status.Phase != corev1.PodRunning || p.DeletionTimestamp != nil {
				return false
			}
		}
		return len(pods) == want
	})
	return pods
}

func podTarget(p corev1.Pod) event.Target {
	return event.Target{APIVersion: "v1", Kind: "Pod", Namespace: p.Namespace, Name: p.Name}
}

func (l *lab) evictions() []simulation.Mutation {
	var out []simulation.Mutation
	for _, m := range l.writes() {
		if m.Subresource == "eviction" {
			out = append(out, m)
		}
	}
	return out
}

func TestUnhealthyPodsAreEvictedInTurnsEachOnce(t *testing.T) {
	const count = 23
	l := newLab(t, shop+sick(count))
	old := map[string]bool{}
	for _, p := range l.running("sick", count) {
		old[string(p.UID)] = true
	}
	r := l.request(action.RestartPod, deployment("sick"), nil)
	res, err := l.executor().Execute(t.Context(), r)
	require.NoError(t, err)
	require.NotNil(t, res.Next, "ten pods a turn")
	require.Len(t, l.evictions(), execute.EvictionsATurn)

	e := l.do(r)
	require.Equal(t, event.ExecutionApplied, e.Outcome, e.Detail)
	require.Contains(t, e.Observed, "23 of 23 pods evicted")
	require.Len(t, e.Changes, event.MaxPods)
	require.False(t, e.Undo.Possible)
	require.Len(t, l.evictions(), count)
	for _, m := range l.evictions() {
		require.True(t, old[m.UID], "only pods of the plan")
	}
}

func TestReplacementsAreNotEvictedEvenIfRedisForgetsBetweenTurns(t *testing.T) {
	const count = 12
	l := newLab(t, shop+sick(count))
	l.running("sick", count)
	r := l.request(action.RestartPod, deployment("sick"), nil)
	// The clock of the cluster, now: whatever is made from here on is younger.
	r.Decision.DecidedAt = r.Decision.DecidedAt.Add(-ahead)
	for _, p := range l.pods("sick") {
		if !p.CreationTimestamp.Before(&metav1.Time{Time: r.Decision.DecidedAt.Truncate(1e9)}) {
			r.Decision.DecidedAt = p.CreationTimestamp.Add(1e9)
		}
	}
	res, err := l.executor().Execute(t.Context(), r)
	require.NoError(t, err)
	require.NotNil(t, res.Next)
	l.redis.Flush()
	r.Progress = ptr(overWire(t, *res.Next))
	e := l.do(r)
	require.Equal(t, event.ExecutionApplied, e.Outcome, e.Detail)
	require.Len(t, l.evictions(), count)
}

func TestEachPodIsEvictedOnceWhereverTheProcessDies(t *testing.T) {
	const count = 3
	l := newLab(t, shop+sick(count))
	for n, lived := int64(1), false; !lived; n++ {
		require.Less(t, n, int64(maxCalls))
		lived = l.evictMortally(count, &mortal{at: n, after: n%2 == 0})
	}
}

func TestEachPodIsEvictedOnceInWhicheverTurnTheProcessDies(t *testing.T) {
	const count = execute.EvictionsATurn + 1
	l := newLab(t, shop+sick(count))
	evicts := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/eviction") }
	for _, n := range []int64{1, 2, execute.EvictionsATurn, count} {
		for _, after := range []bool{false, true} {
			require.False(t, l.evictMortally(count, &mortal{at: n, after: after, counts: evicts}))
		}
	}
}

// evictMortally restarts all pods in a process that dies, then in one that
// does not, and insists that each was evicted once and no other ever.
func (l *lab) evictMortally(count int, m *mortal) (lived bool) {
	l.t.Helper()
	l.settings.ObserveWithin = time.Millisecond
	l.redis.Flush()
	planned := map[string]bool{}
	for _, p := range l.running("sick", count) {
		planned[string(p.UID)] = true
	}
	made := len(l.evictions())
	r := l.request(action.RestartPod, deployment("sick"), nil)
	r.Remediation.ID = fmt.Sprintf("crash%d%t-1", m.at, m.after)
	lived = l.mortally(m, r)
	e := l.do(r)
	require.Equal(l.t, event.ExecutionApplied, e.Outcome, "%d: %s %s", m.at, e.Reason, e.Detail)
	require.Len(l.t, l.evictions(), made+count, "death at call %d", m.at)
	for _, one := range l.evictions()[made:] {
		require.True(l.t, planned[one.UID], "death at call %d", m.at)
	}
	return lived
}

func TestOnePodIsEvictedOnceAndItsSuccessorNever(t *testing.T) {
	l := newLab(t, shop+database)
	l.await(func() bool { return len(l.pods("db")) == 2 })
	pod := l.running("db", 2)[0]
	r := l.request(action.RestartPod, podTarget(pod), map[string]any{"grace": 0})
	for range 3 {
		e := l.do(r)
		require.Equal(t, event.ExecutionApplied, e.Outcome, e.Reason+e.Detail)
		l.running("db", 2)
	}
	require.Len(t, l.evictions(), 1)
	require.Equal(t, string(pod.UID), l.evictions()[0].UID)

	l.redis.Flush()
	r.Decision.Target.UID = string(pod.UID)
	e := l.do(r)
	require.Equal(t, event.ExecutionNothing, e.Outcome, "another pod has its name by now")
	require.Len(t, l.evictions(), 1)
}

func TestADryRunOfAnEvictionEvictsNobody(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	r := l.request(action.RestartPod, podTarget(l.pods("web")[0]), nil)
	r.Decision.DryRun = true
	require.Equal(t, event.ExecutionDryRun, l.do(r).Outcome)
	require.Empty(t, l.writes())
	require.Len(t, l.cluster.DryRuns(), 1)
}

const budget = `
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec: {minAvailable: %d, selector: {matchLabels: {app: web}}}
`

func (l *lab) budgeted(allowed int32) {
	l.t.Helper()
	l.await(func() bool {
		b, err := l.kube.PolicyV1().PodDisruptionBudgets(namespace).Get(l.t.Context(), "web", metav1.GetOptions{})
		return err == nil && b.Status.ObservedGeneration >= b.Generation && b.Status.ExpectedPods == 2 && b.Status.DisruptionsAllowed == allowed
	})
}

func TestADisruptionBudgetIsHonoured(t *testing.T) {
	l := newLab(t, shop+fmt.Sprintf(budget, 2))
	l.ready("web")
	l.budgeted(0)
	e := l.do(l.request(action.RestartPod, podTarget(l.pods("web")[0]), nil))
	require.Equal(t, event.ExecutionRefused, e.Outcome)
	require.Equal(t, execute.ReasonPDB, e.Reason)
	require.Empty(t, l.writes())
}

const bare = `
---
apiVersion: v1
kind: Pod
metadata: {name: lonely, namespace: shop}
spec: {containers: [{name: app, image: "shop/lonely:v1"}]}
`

func TestAPodThatNobodyWouldReplaceIsNotEvicted(t *testing.T) {
	l := newLab(t, shop+bare)
	e := l.do(l.request(action.RestartPod, of("Pod", "lonely"), nil))
	require.Equal(t, execute.ReasonBarePod, e.Reason)
	require.Empty(t, l.writes())
}

// optOut labels the pod as one that nobody may touch.
func (l *lab) optOut(pod corev1.Pod) {
	l.t.Helper()
	_, err := l.kube.CoreV1().Pods(namespace).Patch(l.t.Context(), pod.Name, "application/merge-patch+json",
		[]byte(`{"metadata":{"labels":{"kubernaut.ai/managed":"false"}}}`), metav1.PatchOptions{})
	require.NoError(l.t, err)
}

func TestAPodThatOptedOutKeepsAllOthersFromBeingEvicted(t *testing.T) {
	l := newLab(t, shop+sick(2))
	l.optOut(l.running("sick", 2)[0])
	e := l.do(l.request(action.RestartPod, deployment("sick"), nil))
	require.Equal(t, execute.ReasonNotManaged, e.Reason)
	require.Empty(t, l.evictions())
}

func TestAHealthyWorkloadHasNothingToRestart(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	e := l.do(l.request(action.RestartPod, deployment("web"), nil))
	require.Equal(t, event.ExecutionNothing, e.Outcome)
	require.Empty(t, l.writes())
}
