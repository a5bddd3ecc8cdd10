package execute_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"

	execute "kubernaut.ai/functions/execute"
)

// analysed is what enrich would tell of the Deployment web and its autoscaler.
func (l *lab) analysed() event.Context {
	l.t.Helper()
	d, err := l.kube.AppsV1().Deployments(namespace).Get(l.t.Context(), "web", metav1.GetOptions{})
	require.NoError(l.t, err)
	sets, err := l.kube.AppsV1().ReplicaSets(namespace).List(l.t.Context(), metav1.ListOptions{})
	require.NoError(l.t, err)
	const revision = "deployment.kubernetes.io/revision"
	c := event.Context{CollectedAt: l.now(), Target: deployment("web"),
		Workload:   &event.Workload{Desired: *d.Spec.Replicas, Generation: d.Generation},
		Containers: []event.Container{{Name: "app", Requests: map[string]string{"memory": "64Mi", "cpu": "100m"}, Limits: map[string]string{"memory": "128Mi", "cpu": "200m"}}}}
	for _, set := range sets.Items {
		number, err := strconv.ParseInt(set.Annotations[revision], 10, 64)
		require.NoError(l.t, err)
		c.Revisions = append(c.Revisions, event.Revision{Name: set.Name, Number: number, Current: set.Annotations[revision] == d.Annotations[revision]})
	}
	h, err := l.kube.AutoscalingV2().HorizontalPodAutoscalers(namespace).Get(l.t.Context(), "web", metav1.GetOptions{})
	if err == nil {
		c.Autoscaler = &event.Autoscaler{Name: "web", Scales: deployment("web"), Min: *h.Spec.MinReplicas, Max: h.Spec.MaxReplicas}
	}
	return c
}

// TestWhatSomebodyChangedSinceTheAnalysisIsNotTakenBack: a person may be asked for
// hours, and another may have helped meanwhile.
func TestWhatSomebodyChangedSinceTheAnalysisIsNotTakenBack(t *testing.T) {
	t.Parallel()
	raiseMaximum := func(l *lab) {
		_, err := l.kube.AutoscalingV2().HorizontalPodAutoscalers(namespace).Patch(l.t.Context(), "web",
			types.MergePatchType, []byte(`{"spec":{"maxReplicas":30}}`), metav1.PatchOptions{})
		require.NoError(l.t, err)
	}
	earlierRung := func(l *lab) {
		r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4})
		require.Equal(l.t, event.ExecutionApplied, l.do(r).Outcome)
	}
	for name, c := range map[string]struct {
		manifests  string
		action     action.Name
		target     event.Target
		parameters map[string]any
		step       int
		// forget is what the analysis did not tell.
		forget    func(*event.Context)
		meanwhile func(*lab)
		want      string
	}{
		"a fix that was rolled out": {action: action.RollbackDeployment, target: deployment("web"),
			meanwhile: func(l *lab) { l.roll("web", "shop/web:v3") }, want: execute.ReasonTargetMoved},
		"nothing was rolled out": {action: action.RollbackDeployment, target: deployment("web")},
		"a revision that a person brought back before": {action: action.RollbackDeployment, target: deployment("web"), parameters: map[string]any{"revision": 1},
			meanwhile: func(l *lab) { l.roll("web", "shop/web:v1") }},
		"another revision that a person brought back": {action: action.RollbackDeployment, target: deployment("web"), parameters: map[string]any{"revision": 9},
			meanwhile: func(l *lab) { l.roll("web", "shop/web:v1") }, want: execute.ReasonTargetMoved},
		"memory that was raised a little": {action: action.IncreaseResources, target: deployment("web"), parameters: map[string]any{"memory": "192Mi"},
			meanwhile: func(l *lab) {
				l.patch("web", `{"spec":{"template":{"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":"160Mi"}}}]}}}}`)
			}, want: execute.ReasonTargetMoved},
		"a limit that was taken away": {action: action.IncreaseResources, target: deployment("web"), parameters: map[string]any{"memory": "192Mi"},
			meanwhile: func(l *lab) {
				l.patch("web", `{"spec":{"template":{"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":null}}}]}}}}`)
			}, want: execute.ReasonTargetMoved},
		"memory where a fix was rolled out": {action: action.IncreaseResources, target: deployment("web"), parameters: map[string]any{"memory": "192Mi"},
			meanwhile: func(l *lab) { l.roll("web", "shop/web:v3") }, want: execute.ReasonTargetMoved},
		"memory where only the replicas changed": {action: action.IncreaseResources, target: deployment("web"), parameters: map[string]any{"memory": "192Mi"},
			meanwhile: func(l *lab) { l.patch("web", `{"spec":{"replicas":3}}`) }},
		"replicas that were added": {action: action.ScaleDeployment, target: deployment("web"), parameters: map[string]any{"replicas": 3},
			meanwhile: func(l *lab) { l.patch("web", `{"spec":{"replicas":6}}`) }, want: execute.ReasonTargetMoved},
		"replicas of a workload that the alert did not name": {action: action.ScaleDeployment, target: deployment("web"), parameters: map[string]any{"replicas": 3},
			forget: func(c *event.Context) {
				c.Target, c.Owners = of("PodDisruptionBudget", "web"), []event.Target{of("PodDisruptionBudget", "web"), deployment("web")}
			},
			meanwhile: func(l *lab) { l.patch("web", `{"spec":{"replicas":6}}`) }, want: execute.ReasonTargetMoved},
		"replicas that are those wanted": {action: action.ScaleDeployment, target: deployment("web"), parameters: map[string]any{"replicas": 3},
			meanwhile: func(l *lab) { l.patch("web", `{"spec":{"replicas":3}}`) }},
		"replicas that an earlier rung added": {action: action.ScaleDeployment, target: deployment("web"), parameters: map[string]any{"replicas": 6}, step: 2,
			meanwhile: earlierRung},
		"a maximum that was raised": {manifests: autoscaler, action: action.UpdateHPA, target: of("HorizontalPodAutoscaler", "web"),
			parameters: map[string]any{"maxReplicas": 12}, meanwhile: raiseMaximum, want: execute.ReasonTargetMoved},
		"a maximum as it was": {manifests: autoscaler, action: action.UpdateHPA, target: of("HorizontalPodAutoscaler", "web"),
			parameters: map[string]any{"maxReplicas": 12}},
		"a rollout where no revision could be told": {action: action.RollbackDeployment, target: deployment("web"),
			forget: func(c *event.Context) { c.Revisions, c.CollectedAt = nil, c.CollectedAt.Add(-2*ahead) },
			want:   execute.ReasonTargetMoved},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, shop+c.manifests)
			l.ready("web")
			l.roll("web", "shop/web:v2")
			r := l.request(c.action, c.target, c.parameters)
			r.Context = l.analysed()
			if c.forget != nil {
				c.forget(&r.Context)
			}
			if c.meanwhile != nil {
				c.meanwhile(l)
			}
			if c.step > 0 {
				r.Proposal.Step, r.Decision.Step = c.step, c.step
			}
			before := len(l.writes())
			e := l.do(r)
			if c.want == "" {
				require.NotEqual(t, event.ExecutionRefused, e.Outcome, e.Detail)
				return
			}
			require.Equal(t, c.want, e.Reason, e.Detail)
			require.Len(t, l.writes(), before, "nothing is written")
		})
	}
}

// TestWhatRecoveredSinceTheAnalysisIsLeftAlone: so must what is well again be.
func TestWhatRecoveredSinceTheAnalysisIsLeftAlone(t *testing.T) {
	t.Parallel()
	members := func(ready int32) event.Context {
		return event.Context{Target: of("StatefulSet", "db"), Workload: &event.Workload{Desired: 2, Ready: ready}}
	}
	whole := func(l *lab) {
		l.await(func() bool {
			set, err := l.kube.AppsV1().StatefulSets(namespace).Get(l.t.Context(), "db", metav1.GetOptions{})
			return err == nil && set.Status.ReadyReplicas == 2
		})
	}
	scaledDown := func(l *lab, c event.Context) event.Execution {
		r := l.request(action.ScaleStatefulSet, of("StatefulSet", "db"), map[string]any{"replicas": 1})
		r.Context, r.Decision.Approver = c, "alice"
		return l.do(r)
	}
	t.Run("members that a person was told are not ready", func(t *testing.T) {
		l := newLab(t, shop+database)
		whole(l)
		e := scaledDown(l, members(1))
		require.Equal(t, execute.ReasonTargetMoved, e.Reason, e.Detail)
		require.Empty(t, l.writes())
	})
	t.Run("but not members that are still not ready", func(t *testing.T) {
		l := newLab(t, shop+database)
		whole(l)
		l.becomes("db-1", false)
		require.Equal(t, event.ExecutionApplied, scaledDown(l, members(1)).Outcome)
	})
	t.Run("nor members that a person gives up as they are", func(t *testing.T) {
		l := newLab(t, shop+database)
		whole(l)
		require.Equal(t, event.ExecutionApplied, scaledDown(l, members(2)).Outcome)
	})
	t.Run("a node that is ready again", func(t *testing.T) {
		l := newLab(t, shop+node)
		r := l.request(action.CordonNode, event.Target{Kind: "Node", Name: "tired"}, nil)
		r.Context = event.Context{Node: &event.Node{Name: "tired"}}
		l.clock.Store(int64(time.Hour))
		r.Decision.DecidedAt, r.Decision.ExpiresAt = l.now(), l.now().Add(time.Minute)
		e := l.do(r)
		require.Equal(t, execute.ReasonTargetMoved, e.Reason, e.Detail)
		r.Context.Node.Ready = true
		require.Equal(t, event.ExecutionApplied, l.do(r).Outcome, "it was ready then, too")
	})
	t.Run("but not a node that became ready a moment ago", func(t *testing.T) {
		l := newLab(t, shop+node)
		r := l.request(action.CordonNode, event.Target{Kind: "Node", Name: "tired"}, nil)
		r.Context = event.Context{Node: &event.Node{Name: "tired"}}
		require.Equal(t, event.ExecutionApplied, l.do(r).Outcome, "it may flap")
	})
	t.Run("pods that were made after the analysis", func(t *testing.T) {
		l := newLab(t, shop+sick(2))
		l.running("sick", 2)
		r := l.request(action.RestartPod, deployment("sick"), nil)
		r.Context = event.Context{CollectedAt: l.now().Add(-2 * ahead)}
		require.Equal(t, event.ExecutionNothing, l.do(r).Outcome, "nobody has seen them ill")
		r.Proposal.Step, r.Decision.Step = 2, 2
		require.Equal(t, event.ExecutionApplied, l.do(r).Outcome, "a later rung is about what the one before it made")
	})
}

// TestALaterStepIsNotBegunWhenEveryAlertStopped: only a remediation that has
// changed nothing is cancelled by that.
func TestALaterStepIsNotBegunWhenEveryAlertStopped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		step    int
		expired bool
		firing  bool
		sick    bool
		nobody  bool
		want    string
	}{
		"nobody was asked: it follows at once from its assessment": {step: 2, nobody: true},
		"their pods were replaced, and the new ones are not well":  {step: 2, sick: true},
		"every sender said so":                       {step: 2, want: execute.ReasonResolved},
		"one alert still fires":                      {step: 2, firing: true},
		"one sender only fell silent":                {step: 2, expired: true},
		"the first step is cancelled by the gateway": {step: 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, shop+sick(2))
			l.ready("web")
			l.running("sick", 2)
			memory := l.redis.Ledger(t)
			_, _, err := memory.Reserve(t.Context(), ledger.Reservation{Fingerprint: fingerprint, Base: strings.TrimSuffix(remediation, "-1"), Lease: time.Minute})
			require.NoError(t, err)
			began := time.Now().Add(-time.Hour)
			for _, id := range []string{"a1", "a2"} {
				_, err := memory.JoinAlert(t.Context(), ledger.Alert{ID: id, StartsAt: began, Fingerprint: fingerprint, Remediation: remediation})
				require.NoError(t, err)
			}
			_, found, err := memory.ResolveAlert(t.Context(), "a1", began, began.Add(time.Minute))
			require.NoError(t, err)
			require.True(t, found)
			switch {
			case c.expired:
				_, found, err = memory.ExpireAlert(t.Context(), "a2", began.Add(time.Minute))
			case !c.firing:
				_, found, err = memory.ResolveAlert(t.Context(), "a2", began, began.Add(time.Minute))
			}
			require.NoError(t, err)
			require.True(t, found)
			target := deployment("web")
			if c.sick {
				target = deployment("sick")
			}
			r := l.request(action.ScaleDeployment, target, map[string]any{"replicas": 3})
			r.Proposal.Step, r.Decision.Step = c.step, c.step
			if !c.nobody {
				r.Decision.Approver = "alice"
			}
			e := l.do(r)
			require.Equal(t, c.want, e.Reason, e.Detail)
			if c.want != "" {
				require.Empty(t, l.writes())
			}
		})
	}
}

// TestPodsThatRecoveredSinceTheyWerePlannedAreNotEvicted: an API server that is
// down for minutes has the plan carried out later.
func TestPodsThatRecoveredSinceTheyWerePlannedAreNotEvicted(t *testing.T) {
	for name, c := range map[string]struct {
		pods, well int
		turns      int
	}{
		"two of three":                  {pods: 3, well: 2, turns: 1},
		"one of the first of two turns": {pods: 12, well: 1, turns: 2},
		"all of the first of two turns": {pods: 12, well: execute.EvictionsATurn, turns: 2},
		"all":                           {pods: 3, well: 3, turns: 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, shop+sick(c.pods))
			l.running("sick", c.pods)
			r := l.request(action.RestartPod, deployment("sick"), nil)
			l.cluster.Fail(match("create", "pods"), 1, http.StatusServiceUnavailable)
			_, err := l.executor().Execute(t.Context(), r)
			require.Error(t, err, "the plan is stored, and nothing evicted")
			pods := l.pods("sick")
			slices.SortFunc(pods, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
			var ill []string
			for i, p := range pods {
				if i < c.well {
					l.becomes(p.Name, true)
				} else {
					ill = append(ill, p.Name)
				}
			}
			res, err := l.executor().Execute(t.Context(), r)
			turns := 1
			for ; err == nil && res.Next != nil; turns++ {
				require.Less(t, turns, c.turns, "it does not come to its end")
				r.Progress = ptr(overWire(t, *res.Next))
				res, err = l.executor().Execute(t.Context(), r)
			}
			require.NoError(t, err)
			var evicted []string
			for _, change := range res.Execution.Changes {
				evicted = append(evicted, change.Target.Name)
			}
			require.Equal(t, ill, evicted)
			require.Equal(t, len(ill) > 0, res.Execution.Template != "", "of whatever turn")
			require.Contains(t, res.Execution.Observed, fmt.Sprintf("%d pods are ready again", c.well))
			require.Equal(t, c.turns, turns)
		})
	}
}

// becomes makes a pod ready, or not.
func (l *lab) becomes(pod string, ready bool) {
	l.t.Helper()
	_, err := l.kube.CoreV1().Pods(namespace).Patch(l.t.Context(), pod, types.MergePatchType,
		fmt.Appendf(nil, `{"metadata":{"annotations":{"simulation.kubernaut.ai/unready":"%t"}}}`, !ready), metav1.PatchOptions{})
	require.NoError(l.t, err)
	l.await(func() bool {
		now, err := l.kube.CoreV1().Pods(namespace).Get(l.t.Context(), pod, metav1.GetOptions{})
		return err == nil && cluster.PodReady(now) == ready
	})
}
