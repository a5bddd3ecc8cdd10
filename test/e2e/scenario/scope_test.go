package scenario

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// verdict is what the gateway answers about one alert.
type verdict struct {
	Status, Reason, Target string
	RemediationID          string `json:"remediationId"`
}

// tellGateway posts one firing alert to the gateway, as Alertmanager would, and
// returns what it says about it.
func (w *world) tellGateway(t testing.TB, labels map[string]string) verdict {
	t.Helper()
	status, said := post(t, w.http, gatewayURL, webhook(map[string]any{"status": "firing", "labels": labels, "startsAt": time.Now()}))
	require.Less(t, status, http.StatusBadRequest, "%s", said)
	var answer struct{ Results []verdict }
	require.NoError(t, json.Unmarshal(said, &answer))
	require.Len(t, answer.Results, 1, "%s", said)
	return answer.Results[0]
}

// webhook is what Alertmanager posts of such alerts.
func webhook(alerts ...any) map[string]any {
	return map[string]any{"version": "4", "status": "firing", "receiver": "kubernaut", "groupKey": "{}", "alerts": alerts}
}

// TestOnlyWhatIsLabelledIsTouched goes through the labels of namespace and
// resource on real objects; alerts are about pods, labels are on their owners.
func TestOnlyWhatIsLabelledIsTouched(t *testing.T) {
	w := enterBeside(t)
	for _, test := range []struct {
		name              string
		namespace         map[string]string
		resource          string
		reason            string
		remediationOpened bool
	}{
		{name: "a managed namespace", namespace: managed, remediationOpened: true},
		{name: "a namespace without the label", namespace: unmanaged, reason: "not_managed"},
		{name: "an excluded resource in a managed namespace", namespace: managed, resource: "false", reason: "not_managed"},
		{name: "an included resource in a namespace without the label", namespace: unmanaged, resource: "true", remediationOpened: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := deployment(w.namespace(t, test.namespace), "web", w.container())
			if test.resource != "" {
				d.Labels = map[string]string{"kubernaut.ai/managed": test.resource}
			}
			d = w.rolledOut(t, w.deploy(t, d))
			said := w.tellGateway(t, map[string]string{"alertname": "KubePodNotReady", "namespace": d.Namespace, "pod": w.podOf(t, d.Namespace)})
			require.Equal(t, d.Namespace+"/Deployment/"+d.Name, said.Target, "the pod's owner's owner")
			require.Equal(t, test.reason, said.Reason)
			require.Equal(t, test.remediationOpened, said.Status == "created", "%+v", said)
		})
	}
}

// TestAVanishedPodIsNotGuessedAt has a rollout replace the pod that an alert
// is about.
func TestAVanishedPodIsNotGuessedAt(t *testing.T) {
	w := enterBeside(t)
	d := w.rolledOut(t, w.deploy(t, deployment(w.namespace(t, managed), "web", w.container())))
	pod := w.podOf(t, d.Namespace)
	require.NoError(t, w.kube.CoreV1().Pods(d.Namespace).Delete(t.Context(), pod, metav1.DeleteOptions{}))
	until(t, "the pod gone", func(ctx context.Context) (bool, any) {
		_, err := w.kube.CoreV1().Pods(d.Namespace).Get(ctx, pod, metav1.GetOptions{})
		return err != nil, err
	})
	labels := map[string]string{"alertname": "KubePodNotReady", "namespace": d.Namespace, "pod": pod}
	said := w.tellGateway(t, labels)
	require.Equal(t, verdict{Status: "ignored", Reason: "target_gone", Target: d.Namespace + "/Pod/" + pod}, said)
	// Where another label names the workload, that is what the alert is about.
	labels["deployment"] = d.Name
	said = w.tellGateway(t, labels)
	require.Equal(t, "created", said.Status, "%+v", said)
	require.Equal(t, d.Namespace+"/Deployment/"+d.Name, said.Target)
}

// podOf is any running pod of a namespace.
func (w *world) podOf(t testing.TB, namespace string) string {
	t.Helper()
	pods, err := w.kube.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "status.phase=" + string(corev1.PodRunning)})
	require.NoError(t, err)
	require.NotEmpty(t, pods.Items)
	return pods.Items[0].Name
}
