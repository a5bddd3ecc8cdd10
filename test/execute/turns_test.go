package execute_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
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

// overOneTurn is more victims than one turn evicts.
const overOneTurn = execute.EvictionsATurn + 2

func TestAPodThatOptedOutIsSeenBeforeTheFirstEvictionWhicheverTurnItIsFor(t *testing.T) {
	l := newLab(t, shop+sick(overOneTurn))
	pods := l.running("sick", overOneTurn)
	l.optOut(pods[overOneTurn-1])
	e := l.do(l.request(action.RestartPod, deployment("sick"), nil))
	require.Equal(t, event.ExecutionRefused, e.Outcome)
	require.Equal(t, execute.ReasonNotManaged, e.Reason, e.Detail)
	require.Empty(t, l.evictions())
	require.Empty(t, e.Changes)
}

func TestTheFirstTurnReadsTheScopeOfEachVictimOnceAndALaterOneThatOfItsOwn(t *testing.T) {
	l := newLab(t, shop+sick(overOneTurn))
	l.running("sick", overOneTurn)
	l.settings.ObserveWithin = 0
	r := l.request(action.RestartPod, deployment("sick"), nil)
	for turn, want := range []int{overOneTurn, overOneTurn - execute.EvictionsATurn} {
		made := &calls{}
		l.wire = made.wrap
		res, err := l.executor().Execute(t.Context(), r)
		require.NoError(t, err)
		require.Len(t, made.metadata("pods"), want, "turn %d", turn+1)
		r.Progress = res.Next
	}
}

// metadata are the reads that asked for nothing but metadata, as the scope's do.
func (c *calls) metadata(resource string) []*http.Request {
	var out []*http.Request
	for _, r := range c.requests {
		if strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadata") && strings.Contains(r.URL.Path, "/"+resource+"/") {
			out = append(out, r)
		}
	}
	return out
}

// afterTheFirstTurn is a request of which one turn is done.
func (l *lab) afterTheFirstTurn(r execute.Request) execute.Request {
	l.t.Helper()
	res, err := l.executor().Execute(l.t.Context(), r)
	require.NoError(l.t, err)
	require.NotNil(l.t, res.Next, res.Execution.Reason+res.Execution.Detail)
	r.Progress = ptr(overWire(l.t, *res.Next))
	return r
}

// laterRefusals are what can end an eviction after its first turn.
var laterRefusals = []struct {
	name      string
	meanwhile func(*lab, *execute.Request)
	want      string
}{
	{"a pod of the later turn opts out", func(l *lab, r *execute.Request) { l.optOut(l.planned(*r)) }, execute.ReasonNotManaged},
	{"the workload opts out", func(l *lab, _ *execute.Request) {
		l.patch("sick", `{"metadata":{"labels":{"kubernaut.ai/managed":"false"}}}`)
	}, execute.ReasonNotManaged},
	{"the scope may not be read", func(l *lab, _ *execute.Request) {
		l.cluster.Fail(match("get", "namespaces"), -1, http.StatusForbidden)
	}, execute.ReasonScopeUnread},
	{"the workload is deleted", func(l *lab, _ *execute.Request) {
		require.NoError(l.t, l.kube.AppsV1().Deployments(namespace).Delete(l.t.Context(), "sick", metav1.DeleteOptions{}))
	}, execute.ReasonTargetGone},
	{"a later step was applied", func(l *lab, _ *execute.Request) {
		l.patch("sick", `{"metadata":{"annotations":{"kubernaut.ai/applied":"`+remediation+`/2"}}}`)
	}, execute.ReasonSuperseded},
	{"another remediation has changed the workload", func(l *lab, _ *execute.Request) {
		l.patch("sick", `{"metadata":{"annotations":{"kubernaut.ai/applied":"other-1/1","kubernaut.ai/applied-at":"`+
			l.now().UTC().Format("2006-01-02T15:04:05Z")+`"}}}`)
	}, execute.ReasonRecentlyChanged},
	{"the evictions are forbidden", func(l *lab, _ *execute.Request) {
		l.cluster.Fail(evicting, -1, http.StatusForbidden)
	}, execute.ReasonForbidden},
	{"the decision expires", func(l *lab, r *execute.Request) { r.Decision.ExpiresAt = l.now().Add(-ahead) }, execute.ReasonExpired},
	{"the executor may only make dry runs", func(l *lab, _ *execute.Request) { l.settings.DryRunOnly = true }, execute.ReasonDryRunOnly},
}

var evicting = simulation.Match{Resource: "pods", Subresource: "eviction", UserAgent: "kubernaut-execute"}

// planned is a pod that the next turn is for.
func (l *lab) planned(r execute.Request) corev1.Pod {
	l.t.Helper()
	var p struct {
		Plan execute.Plan `json:"plan"`
		Next int          `json:"next"`
	}
	require.NoError(l.t, json.Unmarshal(r.Progress.State, &p))
	pod, err := l.kube.CoreV1().Pods(namespace).Get(l.t.Context(), p.Plan.Victims[p.Next].Name, metav1.GetOptions{})
	require.NoError(l.t, err)
	return *pod
}

func TestARefusalInALaterTurnTellsOfThePodsThatWereEvictedBefore(t *testing.T) {
	for _, c := range laterRefusals {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, shop+sick(overOneTurn))
			l.running("sick", overOneTurn)
			r := l.afterTheFirstTurn(l.request(action.RestartPod, deployment("sick"), nil))
			c.meanwhile(l, &r)
			e := l.do(r)
			require.Equal(t, event.ExecutionRefused, e.Outcome)
			require.Equal(t, c.want, e.Reason, e.Detail)
			require.Len(t, e.Changes, execute.EvictionsATurn)
			for _, change := range e.Changes {
				require.Equal(t, "evicted", change.After)
			}
			require.Contains(t, e.Observed, "10 of 12 pods evicted")
			require.Len(t, l.evictions(), execute.EvictionsATurn)
		})
	}
}

func TestTheEventOfARefusalInALaterTurnCarriesTheEvictions(t *testing.T) {
	l := newLab(t, shop+sick(overOneTurn))
	pods := l.running("sick", overOneTurn)
	// The stage's own clock decides here: a pod of the decision's second would be younger.
	l.await(func() bool {
		second := metav1.NewTime(time.Now().Truncate(time.Second))
		return !slices.ContainsFunc(pods, func(p corev1.Pod) bool { return !p.CreationTimestamp.Before(&second) })
	})
	f, authorize := l.started()
	next, err := f.Take(t.Context(), l.approved(authorize, l.request(action.RestartPod, deployment("sick"), nil)))
	require.NoError(t, err)
	require.Equal(t, event.ExecutionContinued, next.Type())
	evicted := map[string]bool{}
	for _, m := range l.evictions() {
		evicted[m.Name] = true
	}
	for _, p := range pods {
		if !evicted[p.Name] {
			l.optOut(p)
		}
	}
	ended, err := f.Take(t.Context(), *next)
	require.NoError(t, err)
	require.Equal(t, event.RemediationFailed, ended.Type())
	doc, err := event.ParseDocument(ended.Data())
	require.NoError(t, err)
	var e event.Execution
	require.NoError(t, doc.Decode(event.SectionExecution, &e))
	require.Equal(t, execute.ReasonNotManaged, e.Reason)
	require.Len(t, e.Changes, execute.EvictionsATurn)
	for _, c := range e.Changes {
		require.True(t, evicted[c.Target.Name], c.Target.Name)
	}
}

func TestADryRunThatIsRefusedInALaterTurnHasEvictedNobody(t *testing.T) {
	for _, c := range laterRefusals {
		if c.want == execute.ReasonDryRunOnly {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, shop+sick(overOneTurn))
			l.running("sick", overOneTurn)
			r := l.request(action.RestartPod, deployment("sick"), nil)
			r.Decision.DryRun = true
			r = l.afterTheFirstTurn(r)
			c.meanwhile(l, &r)
			e := l.do(r)
			require.Equal(t, c.want, e.Reason, e.Detail)
			require.Empty(t, e.Changes)
			require.Empty(t, e.Observed)
			require.Empty(t, l.evictions())
		})
	}
}

// TestARefusalAfterAnAttemptOfUnknownEndTellsWhatIsGone: the first attempt
// evicts three pods, and fails before it could say so.
func TestARefusalAfterAnAttemptOfUnknownEndTellsWhatIsGone(t *testing.T) {
	const before = 3
	for _, c := range []struct {
		name      string
		meanwhile func(*lab, *execute.Request)
		want      string
	}{
		{"the decision expires", func(l *lab, r *execute.Request) { r.Decision.ExpiresAt = l.now().Add(-ahead) }, execute.ReasonExpired},
		{"the workload opts out", func(l *lab, _ *execute.Request) {
			l.patch("sick", `{"metadata":{"labels":{"kubernaut.ai/managed":"false"}}}`)
		}, execute.ReasonNotManaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, shop+sick(overOneTurn))
			l.running("sick", overOneTurn)
			r := l.request(action.RestartPod, deployment("sick"), nil)
			var made atomic.Int64
			failing := evicting
			failing.When = func(simulation.Request) bool { return made.Add(1) > before }
			l.cluster.Fail(failing, -1, http.StatusServiceUnavailable)
			_, err := l.executor().Execute(t.Context(), r)
			require.Error(t, err)
			require.Len(t, l.evictions(), before)
			c.meanwhile(l, &r)

			e := l.do(r)
			require.Equal(t, c.want, e.Reason, e.Detail)
			require.Contains(t, e.Observed, fmt.Sprintf("%d of the first %d pods that were to be evicted are gone or end", before, execute.EvictionsATurn))
			require.Empty(t, e.Changes, "nobody knows who made them go")

			l.cluster.Fail(match("get", "pods"), 1, http.StatusServiceUnavailable)
			_, err = l.executor().Execute(t.Context(), r)
			require.Error(t, err, "what cannot be looked at now is looked at again")
		})
	}
	t.Run("one pod whose end its attempt did not report", func(t *testing.T) {
		l := newLab(t, shop+sick(1))
		pod := l.running("sick", 1)[0]
		r := l.request(action.RestartPod, podTarget(pod), nil)
		l.cluster.FailAfter(evicting, 1, http.StatusGatewayTimeout)
		_, err := l.executor().Execute(t.Context(), r)
		require.Error(t, err)
		require.Len(t, l.evictions(), 1)
		r.Decision.ExpiresAt = l.now().Add(-ahead)
		e := l.do(r)
		require.Equal(t, execute.ReasonExpired, e.Reason)
		require.Contains(t, e.Observed, "1 of the first 1 pods")
	})
	t.Run("nothing is said where nothing is gone", func(t *testing.T) {
		l := newLab(t, shop+sick(2))
		l.running("sick", 2)
		r := l.request(action.RestartPod, deployment("sick"), nil)
		l.cluster.Fail(evicting, 1, http.StatusServiceUnavailable)
		_, err := l.executor().Execute(t.Context(), r)
		require.Error(t, err)
		r.Decision.ExpiresAt = l.now().Add(-ahead)
		e := l.do(r)
		require.Equal(t, execute.ReasonExpired, e.Reason)
		require.Empty(t, e.Observed)
	})
}

func TestAnExplanationSeesTheOptOutOfAPodThatIsNotListed(t *testing.T) {
	const count = event.MaxPods + 2
	l := newLab(t, shop+sick(count))
	out := l.running("sick", count)[count-1]
	l.optOut(out)
	r := l.request(action.RestartPod, of("Deployment", "sick"), nil)
	said := l.foretold(r)
	require.Equal(t, execute.ReasonNotManaged, said.Reason, said.Detail)
	require.Equal(t, podTarget(out), said.Disturbs[0].Target)
	require.Len(t, said.Disturbs, event.MaxPods)
	require.Equal(t, said.Reason, l.do(r).Reason)
}
