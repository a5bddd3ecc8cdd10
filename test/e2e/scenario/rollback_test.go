package scenario

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

// TestABadRolloutIsRolledBack is the whole way of one alert, on real parts only.
func TestABadRolloutIsRolledBack(t *testing.T) {
	w := enterBeside(t)
	good, bad := "", "-crash"
	d := deployment(w.namespace(t, managed), "checkout", w.container())
	d.Spec.Replicas = ptr.To[int32](3)
	d = w.rolledOut(t, w.deploy(t, d))
	before := w.replicaSets(t, d)[good]

	d.Spec.Template.Spec.Containers[0].Args = []string{bad}
	_, err := w.kube.AppsV1().Deployments(d.Namespace).Update(t.Context(), d, metav1.UpdateOptions{})
	require.NoError(t, err)
	pod := w.sick(t, d)
	target := signal.Workload{Namespace: d.Namespace, Kind: "Deployment", Name: d.Name}
	fired := w.fire(t, map[string]string{"alertname": "KubePodCrashLooping", "severity": "warning",
		"namespace": d.Namespace, "pod": pod, "container": "app"})

	healed := w.rolledBack(t, d, good)
	sets := w.replicaSets(t, healed)
	require.Equal(t, before.UID, sets[good].UID, "the former ReplicaSet serves again, not a new one like it")
	require.EqualValues(t, 3, sets[good].Status.ReadyReplicas)
	require.EqualValues(t, 0, *sets[bad].Spec.Replicas)
	w.resolve(t, fired)

	r := w.opened(t, target)
	v := w.ended(t, r.ID)
	require.Equal(t, event.OutcomeHealed, v.Outcome, "%+v", v)
	require.Equal(t, "rollback_deployment", v.Action)
	require.Equal(t, []string{event.StageGateway, event.StageEnrich, event.StageClassify, event.StageAnalyze,
		event.StageAuthorize, event.StageExecute, event.StageAssess}, stages(v))
	require.Equal(t, r.ID+"/1", healed.Annotations["kubernaut.ai/applied"])
	claim := w.claim(t, target, ledger.Settled)
	require.Equal(t, event.OutcomeHealed, claim.Outcome)
	w.tell(t, v)
}

// rolledBack waits until a Deployment's template has those arguments again, and
// all its pods are of it.
func (w *world) rolledBack(t testing.TB, d *appsv1.Deployment, argument string) *appsv1.Deployment {
	t.Helper()
	until(t, "rollback of "+d.Name, func(context.Context) (bool, any) {
		arguments := w.deployment(t, d).Spec.Template.Spec.Containers[0].Args
		return len(arguments) == 0 && argument == "" || len(arguments) == 1 && arguments[0] == argument, arguments
	})
	return w.rolledOut(t, d)
}
