package function

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/fake"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/event"
)

// amounts are a resource list as manifests write it.
type amounts map[corev1.ResourceName]string

func (a amounts) list() corev1.ResourceList {
	out := corev1.ResourceList{}
	for name, text := range a {
		out[name] = resource.MustParse(text)
	}
	return out
}

// boxed is a pod template of one container.
func boxed(requests, limits amounts) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{
		{Name: "app", Resources: corev1.ResourceRequirements{Requests: requests.list(), Limits: limits.list()}}}}}
}

// beside adds a container to a template.
func beside(t corev1.PodTemplateSpec, c corev1.Container) corev1.PodTemplateSpec {
	t.Spec.Containers = append(t.Spec.Containers, c)
	return t
}

// after adds an init container to a template.
func after(t corev1.PodTemplateSpec, c corev1.Container) corev1.PodTemplateSpec {
	t.Spec.InitContainers = append(t.Spec.InitContainers, c)
	return t
}

func another(limits amounts) corev1.Container {
	return corev1.Container{Name: "other", Resources: corev1.ResourceRequirements{Limits: limits.list()}}
}

var webMeta = metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "u1"}

func deployed(n int32, t corev1.PodTemplateSpec, s appsv1.DeploymentStrategy) runtime.Object {
	return &appsv1.Deployment{ObjectMeta: webMeta, Spec: appsv1.DeploymentSpec{Replicas: &n, Template: t, Strategy: s}}
}

var recreated = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}

// surging is a rolling update as the API server writes it, its defaults filled in.
func surging(by intstr.IntOrString) appsv1.DeploymentStrategy {
	return appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &by}}
}

func stateful(n int32, t corev1.PodTemplateSpec) runtime.Object {
	return &appsv1.StatefulSet{ObjectMeta: webMeta, Spec: appsv1.StatefulSetSpec{Replicas: &n, Template: t}}
}

func onNodes(n int32, t corev1.PodTemplateSpec, s appsv1.DaemonSetUpdateStrategy) runtime.Object {
	return &appsv1.DaemonSet{ObjectMeta: webMeta, Spec: appsv1.DaemonSetSpec{Template: t, UpdateStrategy: s},
		Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: n}}
}

func ranged(items ...corev1.LimitRangeItem) runtime.Object {
	return &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "small"}, Spec: corev1.LimitRangeSpec{Limits: items}}
}

func quotaOf(hard, used amounts) runtime.Object {
	return &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "team"},
		Status: corev1.ResourceQuotaStatus{Hard: hard.list(), Used: used.list()}}
}

const (
	memory         = corev1.ResourceMemory
	requestsMemory = corev1.ResourceRequestsMemory
	limitsMemory   = corev1.ResourceLimitsMemory
)

// TestARaiseIsRefusedWhenItsPodsWouldBe: every raise is of memory, from 128Mi to 192Mi.
func TestARaiseIsRefusedWhenItsPodsWouldBe(t *testing.T) {
	limited, requested := boxed(nil, amounts{memory: "128Mi"}), boxed(amounts{memory: "128Mi"}, nil)
	both := boxed(amounts{memory: "128Mi"}, amounts{memory: "128Mi"})
	perContainer := func(maximum, standard amounts) runtime.Object {
		return ranged(corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Max: maximum.list(), Default: standard.list()})
	}
	perPod := func(maximum string) runtime.Object {
		return ranged(corev1.LimitRangeItem{Type: corev1.LimitTypePod, Max: amounts{memory: maximum}.list()})
	}
	quarter := surging(intstr.FromString("25%"))
	cases := []struct {
		name     string
		workload runtime.Object
		bounds   []runtime.Object
		want     string
		details  []string
	}{
		// What stands only as a limit is requested too.
		{"a limit alone, over a quota on requests", deployed(2, limited, recreated),
			[]runtime.Object{quotaOf(amounts{requestsMemory: "383Mi"}, amounts{requestsMemory: "256Mi"})}, ReasonOverQuota,
			[]string{"requests.memory", "256Mi is used", "128Mi more", "2 pods grow from 128Mi to 192Mi", "quota team allows 383Mi"}},
		{"a limit alone, over a quota on memory", deployed(2, limited, recreated),
			[]runtime.Object{quotaOf(amounts{memory: "383Mi"}, amounts{memory: "256Mi"})}, ReasonOverQuota, nil},
		{"a limit alone, just within a quota on requests", deployed(2, limited, recreated),
			[]runtime.Object{quotaOf(amounts{requestsMemory: "384Mi", memory: "384Mi"}, amounts{requestsMemory: "256Mi", memory: "256Mi"})}, "", nil},

		// What stands only as a request gets the limit of a LimitRange.
		{"a request alone, over a LimitRange's maximum", deployed(2, requested, recreated),
			[]runtime.Object{perContainer(amounts{memory: "191Mi"}, nil)}, ReasonOverLimitRange, []string{"192Mi", "limit range small", "191Mi", "Container"}},
		{"a request alone, over the limit that a LimitRange gives by default", deployed(2, requested, recreated),
			[]runtime.Object{perContainer(amounts{memory: "1Gi"}, amounts{memory: "191Mi"})}, ReasonOverLimitRange, []string{"192Mi", "limit range small", "191Mi"}},
		{"a request alone, just within both", deployed(2, requested, recreated),
			[]runtime.Object{perContainer(amounts{memory: "192Mi"}, amounts{memory: "192Mi"})}, "", nil},
		{"a limit, whatever a LimitRange gives by default", deployed(2, limited, recreated),
			[]runtime.Object{perContainer(amounts{memory: "1Gi"}, amounts{memory: "64Mi"})}, "", nil},
		{"a request alone, over a LimitRange's maximum for pods", deployed(2, beside(requested, another(amounts{memory: "1Mi"})), recreated),
			[]runtime.Object{perPod("192Mi")}, ReasonOverLimitRange, []string{"193Mi", "192Mi", "Pod"}},
		{"a request alone, where a LimitRange for pods wants a limit", deployed(2, requested, recreated),
			[]runtime.Object{perPod("1Gi")}, ReasonOverLimitRange, []string{"no container sets one"}},
		{"limits over a LimitRange's maximum for pods", deployed(2, beside(limited, another(amounts{memory: "1Mi"})), recreated),
			[]runtime.Object{perPod("192Mi")}, ReasonOverLimitRange, nil},
		{"limits just within a LimitRange's maximum for pods", deployed(2, beside(limited, another(amounts{memory: "1Mi"})), recreated),
			[]runtime.Object{perPod("193Mi")}, "", nil},

		// The rollout needs more than what it leads to.
		{"a surge pod beside the others, over the quota", deployed(2, both, quarter),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "511Mi"}, amounts{limitsMemory: "256Mi"})}, ReasonOverQuota,
			[]string{"limits.memory", "256Mi is used", "256Mi more", "2 pods grow from 128Mi to 192Mi", "1 former of 128Mi", "511Mi"}},
		{"a surge pod beside the others, just within the quota", deployed(2, both, quarter),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "512Mi"}, amounts{limitsMemory: "256Mi"})}, "", nil},
		{"a strategy that nobody wrote surges by a quarter", deployed(2, both, appsv1.DeploymentStrategy{}),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "511Mi"}, amounts{limitsMemory: "256Mi"})}, ReasonOverQuota, nil},
		{"a share of the pods, rounded up", deployed(5, both, surging(intstr.FromString("30%"))),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "1215Mi"}, amounts{limitsMemory: "640Mi"})}, ReasonOverQuota, []string{"2 former"}},
		{"a share of the pods, rounded up, just within", deployed(5, both, surging(intstr.FromString("30%"))),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "1216Mi"}, amounts{limitsMemory: "640Mi"})}, "", nil},
		{"more surge than there are pods", deployed(1, both, surging(intstr.FromInt32(5))),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "320Mi"}, amounts{limitsMemory: "128Mi"})}, "", nil},
		{"no surge where pods are replaced at once", deployed(2, both, recreated),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "384Mi"}, amounts{limitsMemory: "256Mi"})}, "", nil},
		{"no surge where none is allowed", deployed(2, both, surging(intstr.FromInt32(0))),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "384Mi"}, amounts{limitsMemory: "256Mi"})}, "", nil},
		{"what a StatefulSet comes to, over the quota", stateful(2, both),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "383Mi"}, amounts{limitsMemory: "256Mi"})}, ReasonOverQuota, nil},
		{"what a StatefulSet comes to, just within the quota", stateful(2, both),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "384Mi"}, amounts{limitsMemory: "256Mi"})}, "", nil},
		{"a DaemonSet has no surge", onNodes(2, both, appsv1.DaemonSetUpdateStrategy{}),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "384Mi"}, amounts{limitsMemory: "256Mi"})}, "", nil},
		{"a DaemonSet that was given a surge", onNodes(2, both, appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxSurge: ptrTo(intstr.FromInt32(1))}}),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "511Mi"}, amounts{limitsMemory: "256Mi"})}, ReasonOverQuota, nil},
		{"a surge pod that is one pod too many", deployed(2, both, quarter),
			[]runtime.Object{quotaOf(amounts{corev1.ResourcePods: "2"}, amounts{corev1.ResourcePods: "2"})}, ReasonOverQuota, []string{"pods: 2 is used", "1 more", "1 former"}},
		{"a surge pod whose other resources are too much", deployed(2, boxed(nil, amounts{memory: "128Mi", corev1.ResourceCPU: "100m"}), quarter),
			[]runtime.Object{quotaOf(amounts{corev1.ResourceRequestsCPU: "250m"}, amounts{corev1.ResourceRequestsCPU: "200m"})}, ReasonOverQuota, []string{"requests.cpu"}},

		// What counts is what the pods come to.
		{"a surge pod with the limit that a LimitRange gives by default", deployed(2, requested, quarter),
			[]runtime.Object{perContainer(nil, amounts{memory: "256Mi"}),
				quotaOf(amounts{limitsMemory: "767Mi"}, amounts{limitsMemory: "512Mi"})}, ReasonOverQuota, []string{"256Mi more"}},
		{"a raised request leaves a default limit as it is", deployed(2, requested, recreated),
			[]runtime.Object{perContainer(nil, amounts{memory: "256Mi"}),
				quotaOf(amounts{limitsMemory: "512Mi"}, amounts{limitsMemory: "512Mi"})}, "", nil},
		{"a quota on limits where the container has none", deployed(2, requested, recreated),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "1Gi"}, nil)}, ReasonOverQuota, []string{"limits.memory", "app"}},
		{"an init container that needs more than all others", deployed(2, after(limited, another(amounts{memory: "1Gi"})), recreated),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "2Gi"}, amounts{limitsMemory: "2Gi"})}, "", nil},
		{"a quota on what pods do not use", deployed(2, limited, quarter),
			[]runtime.Object{quotaOf(amounts{corev1.ResourceRequestsStorage: "1Gi"}, amounts{corev1.ResourceRequestsStorage: "2Gi"})}, "", nil},
		{"a Deployment without pods", deployed(0, limited, quarter),
			[]runtime.Object{quotaOf(amounts{limitsMemory: "1Mi"}, amounts{limitsMemory: "1Mi"})}, "", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			kube := fake.NewClientset(append(c.bounds, c.workload)...)
			a := increaseResources{kube: reading.Of(kube), caps: DefaultSettings().Caps}
			var kind string
			switch c.workload.(type) {
			case *appsv1.Deployment:
				kind = "Deployment"
			case *appsv1.StatefulSet:
				kind = "StatefulSet"
			case *appsv1.DaemonSet:
				kind = "DaemonSet"
			}
			_, err := a.Plan(t.Context(), Order{Target: event.Target{Kind: kind, Namespace: "shop", Name: "web"},
				Parameters: map[string]any{"container": "app", "memory": "192Mi"}})
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.True(t, refused(err, c.want), "%v", err)
			for _, detail := range c.details {
				require.ErrorContains(t, err, detail)
			}
		})
	}
}

func ptrTo[T any](v T) *T { return &v }
