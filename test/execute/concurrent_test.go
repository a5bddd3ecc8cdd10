package execute_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	execute "kubernaut.ai/functions/execute"
	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// atLastMoment does something when the executor's first write has been sent and
// has not arrived: whatever it was built on is over then.
func (l *lab) atLastMoment(do func()) {
	var once sync.Once
	l.wire = func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPatch {
				once.Do(do)
			}
			return next.RoundTrip(r)
		})
	}
}

// TestWhatChangesAtTheLastMomentCounts: a write is built on what the turn has seen,
// and its guards say whether that is still so.
func TestWhatChangesAtTheLastMomentCounts(t *testing.T) {
	scaleTo := map[string]any{"replicas": 4}
	tests := []struct {
		name       string
		action     action.Name
		parameters map[string]any
		meanwhile  func(*lab)
		outcome    string
		reason     string
	}{
		{"a person scales what is to be scaled", action.ScaleDeployment, scaleTo,
			func(l *lab) { l.patch("web", `{"spec":{"replicas":3}}`) }, event.ExecutionRefused, execute.ReasonTargetMoved},
		{"a person labels what is to be scaled", action.ScaleDeployment, scaleTo,
			func(l *lab) { l.patch("web", `{"metadata":{"labels":{"team":"x"}}}`) }, event.ExecutionApplied, ""},
		{"another remediation changes the target", action.ScaleDeployment, scaleTo,
			func(l *lab) {
				l.patch("web", `{"metadata":{"annotations":{"kubernaut.ai/applied":"other-1/1","kubernaut.ai/applied-at":"`+
					l.now().UTC().Format("2006-01-02T15:04:05Z")+`"}}}`)
			}, event.ExecutionRefused, execute.ReasonRecentlyChanged},
		{"the same step is applied by an attempt that was taken for dead", action.ScaleDeployment, scaleTo,
			func(l *lab) {
				l.patch("web", `{"spec":{"replicas":4},"metadata":{"annotations":{"kubernaut.ai/applied":"`+remediation+`/1"}}}`)
			}, event.ExecutionApplied, ""},
		{"the target is made anew", action.ScaleDeployment, scaleTo,
			func(l *lab) {
				require.NoError(l.t, l.kube.AppsV1().Deployments(namespace).Delete(l.t.Context(), "web", metav1.DeleteOptions{}))
				l.load(shop)
			}, event.ExecutionRefused, execute.ReasonTargetGone},
		{"a rollout goes out before a rollback", action.RollbackDeployment, nil,
			func(l *lab) { l.roll("web", "shop/web:v3") }, event.ExecutionRefused, execute.ReasonTargetMoved},
		{"a person labels what is to be rolled back", action.RollbackDeployment, nil,
			func(l *lab) { l.patch("web", `{"metadata":{"labels":{"team":"x"}}}`) }, event.ExecutionApplied, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t, shop)
			l.ready("web")
			l.roll("web", "shop/web:v2")
			l.ready("web")
			l.atLastMoment(func() { test.meanwhile(l) })
			e := l.do(l.request(test.action, deployment("web"), test.parameters))
			require.Equal(t, test.outcome, e.Outcome, "%s %s", e.Reason, e.Detail)
			require.Equal(t, test.reason, e.Reason, e.Detail)
			if test.outcome == event.ExecutionRefused {
				require.Empty(t, l.writes())
			} else {
				require.LessOrEqual(t, len(l.writes()), 1)
			}
		})
	}
}
