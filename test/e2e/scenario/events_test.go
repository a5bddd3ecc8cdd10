package scenario

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
	"kubernaut.ai/test/e2e/platform/manifest"
	"kubernaut.ai/test/e2e/product"
)

// eventsComponent labels what deploy/components/kubernetes-events adds.
const eventsComponent = "kubernetes-events"

// listening labels the namespaces whose events the scenario has told.
const listening = "scenario.kubernaut.ai/events"

// TestTwoWhoTellOfTheSameEventOpenOneRemediation has Knative's ApiServerSource
// tell of what the kubelet says about pods that a bad rollout has broken, and
// kubernetes-event-exporter's webhook tell of the same.
func TestTwoWhoTellOfTheSameEventOpenOneRemediation(t *testing.T) {
	w := enterBeside(t)
	w.onBed(t, "it takes the bed's own registry not to have an image")
	w.tellEvents(t)
	for _, test := range []struct {
		name, reason string
		// alert is the reason by its meaning: kubelets write Failed for several.
		alert string
		spoil func(*corev1.Container)
	}{
		{"a container that crash-loops", "BackOff", "BackOff", func(c *corev1.Container) { c.Args = []string{"-crash"} }},
		{"an image that cannot be pulled", "Failed", "ErrImagePull", func(c *corev1.Container) { c.Image = w.site.Registry + "/nobody:pushed" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			labels := map[string]string{listening: "told"}
			for key, value := range managed {
				labels[key] = value
			}
			d := w.rolledOut(t, w.deploy(t, deployment(w.namespace(t, labels), "checkout", w.container())))
			good := d.Spec.Template.Spec.Containers[0]
			test.spoil(&d.Spec.Template.Spec.Containers[0])
			_, err := w.kube.AppsV1().Deployments(d.Namespace).Update(t.Context(), d, metav1.UpdateOptions{})
			require.NoError(t, err)

			r := w.opened(t, signal.Workload{Namespace: d.Namespace, Kind: "Deployment", Name: d.Name})
			again := w.export(t, d, test.reason)
			require.Equal(t, "duplicate", again.Status, "%+v", again)
			require.Equal(t, r.ID, again.RemediationID)
			until(t, "rollback of "+d.Name, func(context.Context) (bool, any) {
				now := w.deployment(t, d).Spec.Template.Spec.Containers[0]
				return now.Image == good.Image && len(now.Args) == len(good.Args), now
			})
			w.rolledOut(t, d)
			v := w.ended(t, r.ID)
			w.tell(t, v)
			require.Equal(t, event.OutcomeHealed, v.Outcome, "%+v", v)
			require.Equal(t, test.alert, v.Alert)
			w.actedOnce(t, &illness{deployment: d})
		})
	}
}

// tellEvents installs the component until the test ends, for the namespaces that
// have the label listening: others' events are alerts of other scenarios.
func (w *world) tellEvents(t testing.TB) {
	t.Helper()
	objects, err := product.Render(product.Root(), "test/e2e/scenario/testdata/kubernetes-events")
	require.NoError(t, err)
	component, _ := manifest.Split(objects, func(o *unstructured.Unstructured) bool {
		return o.GetLabels()["app.kubernetes.io/component"] == eventsComponent
	})
	sources, _ := manifest.Split(component, manifest.OfKind("ApiServerSource"))
	require.Len(t, sources, 1)
	require.NoError(t, unstructured.SetNestedStringMap(sources[0].Object, map[string]string{listening: "told"}, "spec", "namespaceSelector", "matchLabels"))
	t.Cleanup(func() { require.NoError(t, w.cluster.Delete(context.WithoutCancel(t.Context()), component...)) })
	ctx, stop := during(t)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errImpatient)
	defer cancel()
	require.NoError(t, w.cluster.Apply(ctx, component...))
	require.NoError(t, w.cluster.AwaitReady(ctx, sources[0]))
}

// export posts a Warning about a Deployment's pods as kubernetes-event-exporter
// does, and returns what the gateway says of it.
func (w *world) export(t testing.TB, d *appsv1.Deployment, reason string) verdict {
	t.Helper()
	body := exported(t, w.warning(t, d.Namespace, reason))
	status, said := post(t, w.http, exporterURL, body)
	require.Less(t, status, http.StatusBadRequest, "%s", said)
	var answer struct{ Results []verdict }
	require.NoError(t, json.Unmarshal(said, &answer))
	require.Len(t, answer.Results, 1, "%s", said)
	return answer.Results[0]
}

// exported is what the exporter makes of an event: the event, with the cluster's
// name, and with what it looked up about the object.
func exported(t testing.TB, e corev1.Event) map[string]any {
	t.Helper()
	text, err := json.Marshal(e)
	require.NoError(t, err)
	var body map[string]any
	require.NoError(t, json.Unmarshal(text, &body))
	body["clusterName"] = ""
	about := body["involvedObject"].(map[string]any)
	about["labels"], about["annotations"], about["deleted"] = map[string]string{"app": "checkout"}, map[string]string{}, false
	return body
}

// warning waits for one of a namespace's pods.
func (w *world) warning(t testing.TB, namespace, reason string) (found corev1.Event) {
	t.Helper()
	until(t, "event "+reason, func(ctx context.Context) (bool, any) {
		list, err := w.kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
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
