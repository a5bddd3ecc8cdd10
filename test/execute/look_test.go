package execute_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

const crashing = `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: sick, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: sick}}
  template:
    metadata: {labels: {app: sick}, annotations: {simulation.kubernaut.ai/crash: "1"}}
    spec: {containers: [{name: app, image: "shop/sick:v1", env: [{name: API_TOKEN, value: do-not-tell}]}]}
`

func TestDiagnosticsAreEvidenceAndChangeNothing(t *testing.T) {
	l := newLab(t, shop+crashing)
	l.await(func() bool {
		pods := l.pods("sick")
		for _, p := range pods {
			if len(p.Status.ContainerStatuses) == 0 || p.Status.ContainerStatuses[0].RestartCount == 0 {
				return false
			}
		}
		return len(pods) == 2
	})
	e := l.do(l.request(action.CollectDiagnostics, deployment("sick"), nil))
	require.Equal(t, event.ExecutionNothing, e.Outcome, e.Detail)
	require.Empty(t, l.writes())
	require.LessOrEqual(t, len(e.Evidence), event.MaxEvidence)
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	require.Less(t, len(raw), event.MaxEventSize/4)
	require.NotContains(t, string(raw), "do-not-tell", "no environment leaves the cluster")
	sources := ""
	for _, one := range e.Evidence {
		sources += one.Source + "\n"
	}
	for _, want := range []string{"deployment", "pod ", "log ", "(previous)", "node ", "events"} {
		require.Contains(t, sources, want)
	}
}

func TestDiagnosticsGoOnWithoutThePartsThatCannotBeRead(t *testing.T) {
	l := newLab(t, shop+crashing)
	l.await(func() bool { return len(l.pods("sick")) == 2 && l.pods("sick")[0].Status.Phase == corev1.PodRunning })
	l.cluster.Fail(match("list", "events"), -1, 403)
	e := l.do(l.request(action.CollectDiagnostics, deployment("sick"), nil))
	require.Equal(t, event.ExecutionNothing, e.Outcome)
	raw, err := json.Marshal(e.Evidence)
	require.NoError(t, err)
	require.Contains(t, string(raw), "could not be read: Forbidden")
	require.Contains(t, string(raw), "pod sick-")
}

func TestANoticeNeedsNothingOfItsTarget(t *testing.T) {
	l := newLab(t, shop)
	e := l.do(l.request(action.NotifyOnly, of("Deployment", "ghost"), nil))
	require.Equal(t, event.ExecutionNothing, e.Outcome)
	require.True(t, strings.Contains(e.Observed, "a person"))
	require.Empty(t, l.writes())
}
