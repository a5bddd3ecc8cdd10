package contract

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// Reasons for reading, shared by several grants below.
const (
	scope    = "scope and owners: what an alert can be about, and whether that is managed"
	lost     = "rounds look for what senders lost"
	recovery = "assess looks whether it has recovered"
	drift    = "assess looks whether it has recovered, and whether somebody changed it since"
)

// scopeGrants are what shared/cluster reads of any object, by its metadata.
var scopeGrants = []string{"pods", "services", "nodes", "namespaces", "persistentvolumeclaims", "persistentvolumes",
	"replicationcontrollers", "resourcequotas", "apps/deployments", "apps/statefulsets", "apps/daemonsets", "apps/replicasets",
	"batch/jobs", "batch/cronjobs", "autoscaling/horizontalpodautoscalers", "policy/poddisruptionbudgets", "networking.k8s.io/ingresses",
	"argoproj.io/applications", "argoproj.io/rollouts", "cert-manager.io/certificates", "kustomize.toolkit.fluxcd.io/kustomizations",
	"helm.toolkit.fluxcd.io/helmreleases", "source.toolkit.fluxcd.io/buckets", "source.toolkit.fluxcd.io/gitrepositories",
	"source.toolkit.fluxcd.io/helmcharts", "source.toolkit.fluxcd.io/helmrepositories", "source.toolkit.fluxcd.io/ocirepositories",
	"image.toolkit.fluxcd.io/imagepolicies", "image.toolkit.fluxcd.io/imagerepositories", "image.toolkit.fluxcd.io/imageupdateautomations",
	"postgresql.cnpg.io/clusters", "serving.knative.dev/configurations", "serving.knative.dev/revisions", "serving.knative.dev/services"}

// grants are all that each stage may do in the cluster, as group/resource
// verb, and why. execute's are those of its actions, besides.
var grants = map[string]map[string]string{
	event.StageGateway: withScope(map[string]string{
		"nodes list":      "alerts of node-exporter name nodes by address",
		"events list":     lost,
		"namespaces list": "those that a flood of events in another hides",
		"kustomize.toolkit.fluxcd.io/kustomizations list":  lost,
		"helm.toolkit.fluxcd.io/helmreleases list":         lost,
		"authentication.k8s.io/tokenreviews create":        "who the sender is",
		"authorization.k8s.io/subjectaccessreviews create": "whether the sender may post",
	}),
	event.StageEnrich: withScope(map[string]string{
		"pods list":                     "the pods of a workload",
		"nodes list":                    "nodes that pods could move to",
		"events list":                   "what happened to the target",
		"apps/replicasets list":         "revisions of a Deployment",
		"apps/controllerrevisions list": "revisions of StatefulSets and DaemonSets",
		"batch/jobs list":               "the Jobs that a CronJob made",
		"autoscaling/horizontalpodautoscalers list": "who else sets the replicas",
		"policy/poddisruptionbudgets list":          "what forbids a disruption",
		"metrics.k8s.io/pods get":                   "usage of one pod",
		"metrics.k8s.io/pods list":                  "usage of a workload",
	}),
	event.StageExecute: withScope(nil),
	event.StageAssess: {
		"pods get": recovery, "pods list": recovery, "nodes get": drift, "persistentvolumeclaims get": recovery,
		"apps/deployments get": drift, "apps/statefulsets get": drift, "apps/daemonsets get": drift, "apps/replicasets get": recovery,
		"batch/jobs get": recovery, "autoscaling/horizontalpodautoscalers get": drift, "policy/poddisruptionbudgets get": recovery,
	},
	event.StageApprove: {
		"authentication.k8s.io/tokenreviews create":        "who the person is",
		"authorization.k8s.io/subjectaccessreviews create": "what the person may do",
	},
}

func withScope(more map[string]string) map[string]string {
	out := maps.Clone(more)
	if out == nil {
		out = map[string]string{}
	}
	for _, resource := range scopeGrants {
		out[resource+" get"] = scope
	}
	return out
}

// granted is what deploy/ lets a stage do, as in grants.
func granted(t *testing.T, b built, stage string) []string {
	t.Helper()
	roles := all[rbacv1.ClusterRole](b)
	var out []string
	for name, binding := range all[rbacv1.ClusterRoleBinding](b) {
		if !slices.Contains(binding.Subjects, rbacv1.Subject{Kind: "ServiceAccount", Name: stage, Namespace: namespace}) {
			continue
		}
		require.Equal(t, "ClusterRole", binding.RoleRef.Kind, name)
		role := roles[binding.RoleRef.Name]
		require.NotNil(t, role, "%s binds %s, which is not there", name, binding.RoleRef.Name)
		out = append(out, permissions(t, rulesOf(t, roles, role))...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// rulesOf are a role's rules, as the control plane makes them where the role
// is made of others.
func rulesOf(t *testing.T, roles map[string]*rbacv1.ClusterRole, role *rbacv1.ClusterRole) []rbacv1.PolicyRule {
	t.Helper()
	if role.AggregationRule == nil {
		return role.Rules
	}
	require.Empty(t, role.Rules, "%s: the control plane would write over them, and every later apply meet a conflict", role.Name)
	var out []rbacv1.PolicyRule
	for _, s := range role.AggregationRule.ClusterRoleSelectors {
		selector, err := metav1.LabelSelectorAsSelector(&s)
		require.NoError(t, err)
		for _, name := range slices.Sorted(maps.Keys(roles)) {
			if selector.Matches(labels.Set(roles[name].Labels)) {
				out = append(out, roles[name].Rules...)
			}
		}
	}
	return out
}

// TestUsersMayLetItSeeTheirOwnKinds applies what the manual says they should.
func TestUsersMayLetItSeeTheirOwnKinds(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join(root, "deploy", "README.md"))
	require.NoError(t, err)
	_, text, ok := strings.Cut(string(manual), "```yaml\napiVersion: rbac.authorization.k8s.io/v1\n")
	require.True(t, ok, "the manual shows no role")
	text, _, _ = strings.Cut(text, "```")
	var role rbacv1.ClusterRole
	require.NoError(t, yaml.UnmarshalStrict([]byte("apiVersion: rbac.authorization.k8s.io/v1\n"+text), &role))
	for _, name := range overlays {
		b := maps.Clone(overlay(t, name))
		b["ClusterRole/"+role.Name] = &role
		for stage, may := range map[string]bool{event.StageGateway: true, event.StageEnrich: true, event.StageExecute: true, event.StageAnalyze: false} {
			for _, p := range permissions(t, role.Rules) {
				require.Equal(t, may, slices.Contains(granted(t, b, stage), p), "%s: %s", stage, p)
				require.True(t, strings.HasSuffix(p, " get"), p)
			}
		}
	}
}

func permissions(t *testing.T, rules []rbacv1.PolicyRule) []string {
	t.Helper()
	var out []string
	for _, r := range rules {
		require.Empty(t, r.NonResourceURLs)
		for _, list := range [][]string{r.APIGroups, r.Resources, r.Verbs} {
			require.NotContains(t, list, "*", "nothing is granted by asterisk")
		}
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					out = append(out, permission(group, resource, verb))
				}
			}
		}
	}
	return out
}

func permission(group, resource, verb string) string {
	if group != "" {
		resource = group + "/" + resource
	}
	return resource + " " + verb
}

// wanted is what a stage needs: what this file gives a reason for, and for
// execute the rules of every action.
func wanted(stage string) []string {
	out := slices.Collect(maps.Keys(grants[stage]))
	if stage == event.StageExecute {
		for _, a := range action.All() {
			for _, r := range a.Rules {
				for _, resource := range r.Resources {
					for _, verb := range r.Verbs {
						out = append(out, permission(r.Group, resource, verb))
					}
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestEveryStageMayDoWhatItNeedsAndNothingElse(t *testing.T) {
	for _, name := range overlays {
		b := overlay(t, name)
		for _, stage := range functionNames(t) {
			t.Run(name+" "+stage, func(t *testing.T) {
				require.ElementsMatch(t, wanted(stage), granted(t, b, stage), "say in this test what it may do in the cluster, and why")
			})
		}
	}
}

func TestEveryStageHasItsServiceAccountAndATokenOnlyIfItNeedsOne(t *testing.T) {
	for _, name := range overlays {
		accounts := all[corev1.ServiceAccount](overlay(t, name))
		require.ElementsMatch(t, functionNames(t), slices.Collect(maps.Keys(accounts)))
		for stage, account := range accounts {
			if len(grants[stage]) == 0 {
				require.NotNil(t, account.AutomountServiceAccountToken, stage)
				require.False(t, *account.AutomountServiceAccountToken, "%s asks the API server nothing", stage)
				continue
			}
			require.Nil(t, account.AutomountServiceAccountToken, stage)
		}
	}
}

func TestOnlyExecuteChangesObjectsAndNobodyReadsSecrets(t *testing.T) {
	reading := []string{"get", "list", "create"}
	for _, name := range overlays {
		b := overlay(t, name)
		for _, stage := range functionNames(t) {
			for _, p := range granted(t, b, stage) {
				resource, verb, _ := strings.Cut(p, " ")
				require.NotContains(t, []string{"secrets", "configmaps", "pods/exec"}, resource, "%s: %s", stage, p)
				if stage == event.StageExecute {
					continue
				}
				require.Contains(t, reading, verb, "%s: %s", stage, p)
				if verb == "create" {
					require.True(t, strings.HasSuffix(resource, "reviews"), "%s: %s asks a question and makes nothing", stage, p)
				}
			}
		}
	}
}

func TestTheSendersRoleHoldsTheVerbThatTheGatewayAsksFor(t *testing.T) {
	role := all[rbacv1.ClusterRole](overlay(t, "dev"))["kubernaut-sender"]
	require.NotNil(t, role)
	require.Equal(t, []string{permission("kubernaut.ai", "signals", "create")}, permissions(t, role.Rules))
}

func TestPeoplesRolesHoldTheVerbsThatApproveAsksFor(t *testing.T) {
	roles := all[rbacv1.ClusterRole](overlay(t, "dev"))
	for name, verbs := range map[string][]string{
		"kubernaut-viewer":   {"get", "list"},
		"kubernaut-approver": {"approve", "get", "list", "undo"},
		"kubernaut-operator": {"approve", "get", "list", "pause", "redrive", "undo"},
	} {
		var want []string
		for _, verb := range verbs {
			want = append(want, permission("kubernaut.ai", "remediations", verb))
		}
		got := permissions(t, roles[name].Rules)
		slices.Sort(got)
		require.Equal(t, want, got, name)
	}
}
