package function

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"kubernaut.ai/shared/event"
)

// leak is a message with a credential, which the bound of texts cuts in two.
var leak = "Failed to pull image: " + strings.Repeat("x", event.MaxText-40) + " https://robot:s3cr3t-of-the-robot@registry.example/cart: token=abcdef"

func leaky(kind event.Target) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Name: "leaky", Namespace: "shop"}
	if kind == kindNode {
		m.Namespace = ""
	}
	return m
}

// Whoever writes a message may put anything into it, and it goes on into events,
// history and prompts.
func TestCredentialsInMessagesAreTakenOut(t *testing.T) {
	tests := []struct {
		name   string
		kind   event.Target
		object runtime.Object
	}{
		{"of an event", kindDeployment, eventAbout("leaky", "leaky.1", now(), leak)},
		{"of a container that waits", kindPod, &corev1.Pod{ObjectMeta: leaky(kindPod), Status: corev1.PodStatus{
			ContainerStatuses: []corev1.ContainerStatus{{Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: leak}}}}}}},
		{"of an init container that waits", kindPod, &corev1.Pod{ObjectMeta: leaky(kindPod), Status: corev1.PodStatus{
			InitContainerStatuses: []corev1.ContainerStatus{{Name: "init", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: leak}}}}}}},
		{"of a Deployment's condition", kindDeployment, &appsv1.Deployment{ObjectMeta: leaky(kindDeployment),
			Status: appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{{Type: "Progressing", Message: leak}}}}},
		{"of a StatefulSet's condition", kindStatefulSet, &appsv1.StatefulSet{ObjectMeta: leaky(kindStatefulSet),
			Status: appsv1.StatefulSetStatus{Conditions: []appsv1.StatefulSetCondition{{Type: "Any", Message: leak}}}}},
		{"of a DaemonSet's condition", kindDaemonSet, &appsv1.DaemonSet{ObjectMeta: leaky(kindDaemonSet),
			Status: appsv1.DaemonSetStatus{Conditions: []appsv1.DaemonSetCondition{{Type: "Any", Message: leak}}}}},
		{"of a ReplicaSet's condition", kindReplicaSet, &appsv1.ReplicaSet{ObjectMeta: leaky(kindReplicaSet),
			Status: appsv1.ReplicaSetStatus{Conditions: []appsv1.ReplicaSetCondition{{Type: "ReplicaFailure", Message: leak}}}}},
		{"of a Job's condition", kindJob, &batchv1.Job{ObjectMeta: leaky(kindJob),
			Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Message: leak}}}}},
		{"of an autoscaler's condition", kindAutoscaler, &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: leaky(kindAutoscaler),
			Status: autoscalingv2.HorizontalPodAutoscalerStatus{Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{{Type: "ScalingActive", Message: leak}}}}},
		{"of a node's condition", kindNode, &corev1.Node{ObjectMeta: leaky(kindNode),
			Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Message: leak}}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			target := test.kind
			target.Namespace, target.Name = leaky(test.kind).Namespace, "leaky"
			got, err := newWorld(t, test.object).enricher.enrich(t.Context(), about(target))
			require.NoError(t, err)
			body, err := json.Marshal(got)
			require.NoError(t, err)
			require.Contains(t, string(body), "Failed to pull image: xxx", "the message is not in the context at all")
			require.NotContains(t, string(body), "robot", "a credential reached the context")
			require.NotContains(t, string(body), "abcdef", "a credential reached the context")
		})
	}
}

// To look for credentials takes long: what the bound leaves out is not looked at,
// and must not be in the list either.
func TestAMessageThatIsNotLookedAtIsNotKept(t *testing.T) {
	var events []corev1.Event
	for i := range 2 * event.MaxNotes {
		events = append(events, *eventAbout("cart", fmt.Sprintf("cart.%d", i), now().Add(-time.Duration(i)*time.Second), "token=abcdef"))
	}
	for i, n := range notes(events, nil) {
		require.NotContains(t, n.Message, "abcdef")
		require.Equal(t, i < event.MaxNotes, n.Message != "")
	}
	pods := make([]corev1.Pod, 2*event.MaxPods)
	for i := range pods {
		pods[i].Name = fmt.Sprintf("cart-%02d", i)
		pods[i].Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Message: "token=abcdef"}}}}
	}
	for i, p := range podStates(pods, past{}, crashingPod()) {
		require.NotContains(t, p.Containers[0].Message, "abcdef")
		require.Equal(t, i < event.MaxPods, p.Containers[0].Message != "")
	}
}

// The API server takes messages of any length, and to look for credentials takes long.
func TestAMessageIsSearchedSoFarAndNoFurther(t *testing.T) {
	key := "-----BEGIN PRIVATE KEY-----" + strings.Repeat("x", maxLookedAt) + "-----END PRIVATE KEY-----"
	require.Equal(t, event.Redacted, text(key+" and what follows it"))
}

func eventAbout(deployment, name string, last time.Time, message string) *corev1.Event {
	return &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}, Reason: "Failed", Message: message,
		InvolvedObject: corev1.ObjectReference{Kind: "Deployment", Name: deployment, Namespace: "shop"}, LastTimestamp: metav1.NewTime(last)}
}
