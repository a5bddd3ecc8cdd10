package function

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

var acted = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, UID: "u1", Generation: 2, Labels: map[string]string{"app": "web"}}
}

func deployment(ready, updated int32, conditions ...appsv1.DeploymentCondition) *appsv1.Deployment {
	n := int32(3)
	return &appsv1.Deployment{ObjectMeta: meta("web"),
		Spec: appsv1.DeploymentSpec{Replicas: &n, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app",
				Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("1Gi")}}}}}}},
		Status: appsv1.DeploymentStatus{ObservedGeneration: 2, ReadyReplicas: ready, UpdatedReplicas: updated, Conditions: conditions}}
}

func pod(name string, change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: meta(name), Status: corev1.PodStatus{Phase: corev1.PodRunning,
		Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: "app"}}}}
	if change != nil {
		change(p)
	}
	return p
}

func ended(reason string, exit int32, after time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{Reason: reason,
			ExitCode: exit, FinishedAt: metav1.NewTime(acted.Add(after))}
	}
}

func waiting(reason string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].State.Waiting = &corev1.ContainerStateWaiting{Reason: reason}
	}
}

func node(conditions ...corev1.NodeCondition) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Status: corev1.NodeStatus{Conditions: conditions}}
}

func hpa(desired int32, conditions ...autoscalingv2.HorizontalPodAutoscalerCondition) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: meta("web"), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 5},
		Status: autoscalingv2.HorizontalPodAutoscalerStatus{CurrentReplicas: desired, DesiredReplicas: desired, Conditions: conditions}}
}

func TestHealthOfLiveObjects(t *testing.T) {
	gone := func(p *corev1.Pod) {
		waiting("CrashLoopBackOff")(p)
		p.DeletionTimestamp, p.Finalizers = &metav1.Time{Time: acted}, []string{"x/y"}
	}
	for name, c := range map[string]struct {
		kind     string
		objects  []runtime.Object
		known    bool
		score    float64
		settling bool
	}{
		"all pods are ready":                   {"Deployment", []runtime.Object{deployment(3, 3), pod("web-1", nil)}, true, 1, false},
		"two of three are ready":               {"Deployment", []runtime.Object{deployment(2, 3)}, true, 0.667, true},
		"a rollout is under way":               {"Deployment", []runtime.Object{deployment(3, 1)}, true, 1, true},
		"the rollout is stuck":                 {"Deployment", []runtime.Object{deployment(3, 1, appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"})}, true, 0.3, false},
		"a pod crash-loops":                    {"Deployment", []runtime.Object{deployment(2, 3), pod("web-1", waiting("CrashLoopBackOff"))}, true, 0.3, false},
		"an image cannot be pulled":            {"Deployment", []runtime.Object{deployment(3, 3), pod("web-1", waiting("ImagePullBackOff"))}, true, 0.3, false},
		"a pod that only starts is no trouble": {"Deployment", []runtime.Object{deployment(2, 3), pod("web-1", waiting("ContainerCreating"))}, true, 0.667, true},
		"a container ran out of memory since":  {"Deployment", []runtime.Object{deployment(3, 3), pod("web-1", ended("OOMKilled", 137, time.Minute))}, true, 0.5, false},
		"a container ran out of memory before": {"Deployment", []runtime.Object{deployment(3, 3), pod("web-1", ended("OOMKilled", 137, -time.Minute))}, true, 1, false},
		"a container ended well":               {"Deployment", []runtime.Object{deployment(3, 3), pod("web-1", ended("Completed", 0, time.Minute))}, true, 1, false},
		"a pod on its way out is not counted":  {"Deployment", []runtime.Object{deployment(3, 3), pod("web-1", gone)}, true, 1, false},
		"the target is gone":                   {"Deployment", nil, false, 0, false},
		"a kind without a health":              {"ConfigMap", nil, false, 0, false},
		"a pod that is ready":                  {"Pod", []runtime.Object{pod("web", nil)}, true, 1, false},
		"a pod that crash-loops":               {"Pod", []runtime.Object{pod("web", waiting("CrashLoopBackOff"))}, true, 0.3, false},
		"an autoscaler at its limit":           {"HorizontalPodAutoscaler", []runtime.Object{hpa(5, autoscalingv2.HorizontalPodAutoscalerCondition{Type: autoscalingv2.ScalingLimited, Status: corev1.ConditionTrue, Reason: "TooManyReplicas"})}, true, 0, false},
		"an autoscaler with room":              {"HorizontalPodAutoscaler", []runtime.Object{hpa(3, autoscalingv2.HorizontalPodAutoscalerCondition{Type: autoscalingv2.ScalingLimited, Status: corev1.ConditionFalse})}, true, 1, false},
		"an autoscaler without metrics":        {"HorizontalPodAutoscaler", []runtime.Object{hpa(3, autoscalingv2.HorizontalPodAutoscalerCondition{Type: autoscalingv2.ScalingActive, Status: corev1.ConditionFalse})}, true, 0.3, false},
		"a node that is ready":                 {"Node", []runtime.Object{node(corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue})}, true, 1, false},
		"a node that is not":                   {"Node", []runtime.Object{node(corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionUnknown})}, true, 0, false},
		"a node under pressure":                {"Node", []runtime.Object{node(corev1.NodeCondition{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionTrue})}, true, 0.3, false},
		"a budget that is not met":             {"PodDisruptionBudget", []runtime.Object{&policyv1.PodDisruptionBudget{ObjectMeta: meta("web"), Status: policyv1.PodDisruptionBudgetStatus{CurrentHealthy: 9, DesiredHealthy: 10}}}, true, 0.7, false},
		"a job that failed":                    {"Job", []runtime.Object{&batchv1.Job{ObjectMeta: meta("web"), Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}}}}}, true, 0, false},
		"a job that runs":                      {"Job", []runtime.Object{&batchv1.Job{ObjectMeta: meta("web"), Status: batchv1.JobStatus{Active: 1}}}, true, 0.5, true},
		"a bound volume may still be full":     {"PersistentVolumeClaim", []runtime.Object{&corev1.PersistentVolumeClaim{ObjectMeta: meta("web"), Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}}}, false, 0, false},
		"a volume that was lost":               {"PersistentVolumeClaim", []runtime.Object{&corev1.PersistentVolumeClaim{ObjectMeta: meta("web"), Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimLost}}}, true, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			target := event.Target{Kind: c.kind, Namespace: "shop", Name: "web"}
			if c.kind == "Node" {
				target.Namespace = ""
			}
			got := clusterEyes{fake.NewSimpleClientset(c.objects...)}.Observe(t.Context(), target, acted).health
			require.Equal(t, c.known, got.Known, got.Detail)
			require.InDelta(t, c.score, got.Score, 0.001, got.Detail)
			require.Equal(t, c.settling, got.Settling, got.Detail)
			require.NotEmpty(t, got.Detail)
		})
	}
}

func TestDrift(t *testing.T) {
	target := event.Target{Kind: "Deployment", Namespace: "shop", Name: "web", UID: "u1"}
	change := func(field string, after any) event.Change {
		return event.Change{Target: target, Field: field, After: after}
	}
	replaced := change("/spec/replicas", 3.0)
	replaced.Target.UID = "u2"
	gone := change("/spec/replicas", 3.0)
	gone.Target.Name = "other"
	const memory = "/spec/template/spec/containers/0/resources/limits/memory"
	for name, c := range map[string]struct {
		change event.Change
		want   Drift
	}{
		"the value is still there":               {change("/spec/replicas", 3.0), Drift{Known: true}},
		"a number of another Go type":            {change("/spec/replicas", int32(3)), Drift{Known: true}},
		"somebody set another":                   {change("/spec/replicas", 5.0), Drift{Known: true, Moved: true}},
		"a quantity written another way":         {change(memory, "1024Mi"), Drift{Known: true}},
		"another quantity":                       {change(memory, "2Gi"), Drift{Known: true, Moved: true}},
		"a field that is gone":                   {change("/spec/template/spec/containers/7/resources", "x"), Drift{Known: true, Moved: true}},
		"false is left out by the API":           {change("/spec/paused", false), Drift{Known: true}},
		"a whole template is not compared":       {change("/spec/template", "web-5f6d"), Drift{}},
		"the object was replaced":                {replaced, Drift{Known: true, Moved: true}},
		"the object is gone, which drift is not": {gone, Drift{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := clusterEyes{fake.NewSimpleClientset(deployment(3, 3))}.Drift(t.Context(), event.Execution{Changes: []event.Change{c.change}})
			got.Detail = ""
			require.Equal(t, c.want, got)
		})
	}
}

// TestAnotherRolloutIsDrift: whose pods run then is not the action's.
func TestAnotherRolloutIsDrift(t *testing.T) {
	target := event.Target{Kind: "Deployment", Namespace: "shop", Name: "web", UID: "u1"}
	left := deployment(3, 3)
	digest, err := cluster.TemplateDigest(left.Spec.Template)
	require.NoError(t, err)
	rolled := deployment(3, 3)
	rolled.Spec.Template.Spec.Containers[0].Image = "shop/web:v3"
	replaced := deployment(3, 3)
	replaced.UID = "u2"
	scaled := deployment(5, 5)
	*scaled.Spec.Replicas = 5
	for name, c := range map[string]struct {
		now  *appsv1.Deployment
		want Drift
	}{
		"the template that the action left":                      {left, Drift{Known: true}},
		"a template of somebody else":                            {rolled, Drift{Known: true, Moved: true}},
		"another object with the same template":                  {replaced, Drift{Known: true, Moved: true}},
		"more replicas, which the action had nothing to do with": {scaled, Drift{Known: true}},
	} {
		t.Run(name, func(t *testing.T) {
			// An eviction changes pods, which drift does not read.
			x := event.Execution{Target: target, Template: digest, Changes: []event.Change{{Target: event.Target{Kind: "Pod", Namespace: "shop", Name: "web-1"}}}}
			got := clusterEyes{fake.NewSimpleClientset(c.now)}.Drift(t.Context(), x)
			got.Detail = ""
			require.Equal(t, c.want, got)
		})
	}
}

func TestWhatIsScaledToZeroIsNotHealed(t *testing.T) {
	at := func(field string, after any) Case {
		target := event.Target{Kind: "Deployment", Namespace: "shop", Name: "web"}
		return Case{Signal: event.Signal{Target: target}, Execution: event.Execution{Target: target, SpecChanged: true,
			Changes: []event.Change{{Target: target, Field: field, After: after}}}}
	}
	stopped := deployment(0, 0)
	*stopped.Spec.Replicas = 0
	look := eyes{cluster: clusterEyes{fake.NewSimpleClientset(stopped)}}
	health, _ := look.target(t.Context(), at("/spec/template/spec/containers/0/resources/limits/memory", "1Gi"))
	require.False(t, health.Known, health.Detail)
	health, _ = look.target(t.Context(), at("/spec/replicas", 0))
	require.True(t, health.Known, "that was the action itself")
}
