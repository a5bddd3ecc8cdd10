package contract

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kubernaut.ai/shared/event"
)

func TestTheNamespaceAdmitsRestrictedPodsOnly(t *testing.T) {
	for _, name := range overlays {
		require.Equal(t, "restricted", all[corev1.Namespace](overlay(t, name))[namespace].Labels["pod-security.kubernetes.io/enforce"])
	}
}

func TestEveryPodIsClosedAndBounded(t *testing.T) {
	checked := 0
	for _, name := range overlays {
		for set, o := range all[appsv1.StatefulSet](overlay(t, name)) {
			pod := o.Spec.Template.Spec
			require.NotNil(t, pod.SecurityContext, set)
			require.True(t, *pod.SecurityContext.RunAsNonRoot, set)
			require.NotZero(t, *pod.SecurityContext.RunAsUser, set)
			require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type, set)
			require.False(t, *pod.AutomountServiceAccountToken, set)
			for _, c := range pod.Containers {
				checked++
				id := name + " " + set + " " + c.Name
				require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, id)
				require.False(t, *c.SecurityContext.AllowPrivilegeEscalation, id)
				require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, id)
				for _, list := range []corev1.ResourceList{c.Resources.Requests, c.Resources.Limits} {
					require.Contains(t, list, corev1.ResourceCPU, id)
					require.Contains(t, list, corev1.ResourceMemory, id)
				}
				require.NotNil(t, c.ReadinessProbe, id)
				require.NotNil(t, c.LivenessProbe, id)
				require.NotContains(t, c.Image, ":latest", id)
			}
			require.NotEmpty(t, o.Spec.VolumeClaimTemplates, "%s: what it holds outlives the pod", set)
		}
	}
	require.Equal(t, 2+2, checked, "dev has two stores; production has Redis and its sentinel")
}

// egress tells to which ports a stage may connect, in any namespace but for
// those that opted in, by the policies that select it.
func egress(t *testing.T, b built, stage string) []int32 {
	t.Helper()
	var ports []int32
	for name, p := range all[networkingv1.NetworkPolicy](b) {
		selector, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
		require.NoError(t, err, name)
		if !selector.Matches(labels.Set{"serving.knative.dev/service": stage}) {
			continue
		}
		for _, rule := range p.Spec.Egress {
			for _, port := range rule.Ports {
				ports = append(ports, port.Port.IntVal)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

func TestAStageReachesWhatItsSettingsNameAndNothingElse(t *testing.T) {
	for _, o := range overlays {
		b := overlay(t, o)
		for _, name := range functionNames(t) {
			want := map[int32]bool{53: true, 5353: true}
			set := functionOf(t, name).envs()
			for setting, ports := range map[string][]int32{"REDIS_URL": {6379, 26379}, "HISTORY_URL": {5432}, "K_SINK": {8080, 8443}} {
				if _, ok := set[setting]; ok {
					for _, port := range ports {
						want[port] = true
					}
				}
			}
			if len(grants[name]) > 0 {
				for _, port := range []int32{443, 6443, 8443, 16443} {
					want[port] = true
				}
			}
			require.Equal(t, slices.Sorted(maps.Keys(want)), egress(t, b, name), "%s: %s", o, name)
		}
		require.Equal(t, []int32{53, 5353}, egress(t, b, event.StageClassify))
	}
}

func TestStoresTakeConnectionsOfTheirStagesOnly(t *testing.T) {
	for setting, store := range map[string]string{"REDIS_URL": "redis", "HISTORY_URL": "postgresql"} {
		policy := all[networkingv1.NetworkPolicy](overlay(t, "dev"))[store]
		require.Equal(t, map[string]string{"app.kubernetes.io/name": store}, policy.Spec.PodSelector.MatchLabels)
		require.Len(t, policy.Spec.Ingress, 1)
		from := policy.Spec.Ingress[0].From
		require.Len(t, from, 1)
		var users []string
		for _, name := range functionNames(t) {
			if _, ok := functionOf(t, name).envs()[setting]; ok {
				users = append(users, name)
			}
		}
		require.ElementsMatch(t, users, from[0].PodSelector.MatchExpressions[0].Values, store)
	}
}

func TestWhatIsNotAllowedIsForbidden(t *testing.T) {
	for _, name := range overlays {
		deny := all[networkingv1.NetworkPolicy](overlay(t, name))["default-deny"]
		require.Equal(t, metav1.LabelSelector{}, deny.Spec.PodSelector, "every pod")
		require.ElementsMatch(t, []networkingv1.PolicyType{"Ingress", "Egress"}, deny.Spec.PolicyTypes)
		require.Empty(t, deny.Spec.Ingress)
		require.Empty(t, deny.Spec.Egress)
	}
}
