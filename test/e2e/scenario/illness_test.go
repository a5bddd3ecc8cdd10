package scenario

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
	"kubernaut.ai/test/e2e/bed"
)

// fakeDeployment is one whose pods are on fake nodes, where they fall ill when
// an annotation says so: many of them, at once, at no cost.
func (w *world) fakeDeployment(namespace, name string, replicas int32) *appsv1.Deployment {
	d := deployment(namespace, name, w.container())
	d.Labels = map[string]string{"app": name}
	d.Spec.Replicas, d.Spec.MinReadySeconds = ptr.To(replicas), 0
	d.Spec.Template.Spec.NodeSelector = map[string]string{bed.FakeNodeKey: bed.FakeNodeValue}
	d.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Key: bed.FakeNodeKey, Operator: corev1.TolerationOpExists}}
	return d
}

// rollOutBad gives a Deployment a template whose pods crash-loop.
func (w *world) rollOutBad(t testing.TB, of *appsv1.Deployment) {
	t.Helper()
	d := w.deployment(t, of)
	d.Spec.Template.Annotations = map[string]string{bed.FaultAnnotation: "crash"}
	_, err := w.kube.AppsV1().Deployments(d.Namespace).Update(t.Context(), d, metav1.UpdateOptions{})
	require.NoError(t, err)
}

// illness is a Deployment that a bad rollout has broken, and the alert about it.
type illness struct {
	deployment *appsv1.Deployment
	pod        string
	fired      alert
}

// fallIll has a Deployment of fake pods, in a namespace of its own, fall ill.
func (w *world) fallIll(t testing.TB) *illness {
	t.Helper()
	return w.breakDown(t, w.fakeDeployment(w.namespace(t, managed), "checkout", 2))
}

// breakDown rolls a Deployment out, and then a bad version of it.
func (w *world) breakDown(t testing.TB, d *appsv1.Deployment) *illness {
	t.Helper()
	d = w.rolledOut(t, w.deploy(t, d))
	w.rollOutBad(t, d)
	return &illness{deployment: d, pod: w.sick(t, d)}
}

// tellAlertmanager fires the alert that such pods raise.
func (w *world) tellAlertmanager(t testing.TB, i *illness) {
	t.Helper()
	i.fired = w.fire(t, i.labels())
}

func (i *illness) target() signal.Workload {
	return signal.Workload{Namespace: i.deployment.Namespace, Kind: "Deployment", Name: i.deployment.Name}
}

// acted waits for the action on it, and resolves the alert when the pods are well.
func (w *world) acted(t testing.TB, i *illness) {
	t.Helper()
	w.well(t, i)
	w.resolve(t, i.fired)
}

// well waits for the action on it, and until the pods are well.
func (w *world) well(t testing.TB, i *illness) {
	t.Helper()
	until(t, "an action on "+i.deployment.Namespace, func(context.Context) (bool, any) {
		now := w.deployment(t, i.deployment)
		return now.Spec.Template.Annotations[bed.FaultAnnotation] == "", now.Annotations
	})
	w.rolledOut(t, i.deployment)
}

// healedOnce waits for the end, and sees that whatever went wrong on the way
// there was one remediation, with one action, that changed the cluster once.
func (w *world) healedOnce(t testing.TB, i *illness) {
	t.Helper()
	v := w.ended(t, w.opened(t, i.target()).ID)
	w.tell(t, v)
	require.Equal(t, event.OutcomeHealed, v.Outcome, "%+v", v)
	require.Equal(t, "rollback_deployment", v.Action)
	w.actedOnce(t, i)
}

// actedOnce sees that one remediation was opened for it, that took one action,
// and that no stage changed anything but that, once, as the API server wrote down.
func (w *world) actedOnce(t testing.TB, i *illness) {
	t.Helper()
	r := w.remediations(t, i.target())
	require.Len(t, r, 1)
	require.Equal(t, 1, w.count(t, r[0].ID, event.RemediationExecuted))
	require.Equal(t, []bed.Write{{Account: event.StageExecute, Verb: "patch", Resource: "deployments",
		Namespace: i.deployment.Namespace, Name: i.deployment.Name, Status: 200}}, w.changes(t, i.deployment.Namespace))
}

// changes are what the product's stages changed in a namespace, or on the way to.
func (w *world) changes(t testing.TB, namespace string) (done []bed.Write) {
	t.Helper()
	writes, err := w.bed.Writes()
	require.NoError(t, err)
	for _, write := range writes {
		if write.Namespace == namespace && write.Done() {
			done = append(done, write)
		}
	}
	return done
}
