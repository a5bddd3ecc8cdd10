package pipeline_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gateway "kubernaut.ai/functions/gateway"
	"kubernaut.ai/shared/event"
)

// backOff hands over the only event that Kubernetes has for an OOM kill: that a
// container is not restarted yet. That memory was what it lacked, the
// container's last termination says.
func (b *bed) backOff(t *testing.T) {
	const namespace = "restarted"
	b.sick(t, namespace, workload{})
	body, err := json.Marshal(b.warning(t, namespace, "BackOff"))
	require.NoError(t, err)
	got := patient(t, b.URL()+"/api/v1/signals/kubernetes-event", body)
	var said gateway.Answer
	got.decode(t, &said)
	require.Contains(t, []int{http.StatusCreated, http.StatusAccepted}, got.status, string(got.body))
	id := said.Results[0].RemediationID

	native := request(t, http.MethodPost, b.URL()+"/", body)
	native.Header.Set("Ce-Specversion", "1.0")
	native.Header.Set("Ce-Type", "dev.knative.apiserver.resource.add")
	again := exchange(t, native)
	require.Equal(t, http.StatusOK, again.status, string(again.body))
	require.Empty(t, again.body)

	require.Equal(t, "increase_resources", b.entry(t, id, event.RemediationProposed).Action)
	until(t, "healed workload", func() (bool, any) { return b.healthy(t, namespace), b.view(t, id).Timeline })
	require.Equal(t, "192Mi", b.memory(t, namespace))
	v := b.ended(t, id)
	require.Equal(t, "BackOff", v.Alert)
	require.Equal(t, namespace+"/Deployment/app", v.Target)
	require.Equal(t, event.OutcomeHealed, v.Outcome, v.Detail)
	require.Len(t, b.mutations(namespace), 1)
}

// warning waits for an event of the namespace's pods.
func (b *bed) warning(t *testing.T, namespace, reason string) (found corev1.Event) {
	t.Helper()
	until(t, "event "+reason, func() (bool, any) {
		list, err := b.kube.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		for _, e := range list.Items {
			if e.Reason == reason && e.Type == corev1.EventTypeWarning && e.InvolvedObject.Kind == "Pod" {
				found = e
				return true, nil
			}
		}
		return false, len(list.Items)
	})
	return found
}
