package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/test/e2e/product"
)

// everyStage are the ServiceAccounts of the product.
var everyStage = []string{event.StageGateway, event.StageEnrich, event.StageClassify, event.StageAnalyze, event.StageAuthorize,
	event.StageExecute, event.StageAssess, event.StageApprove, event.StageRecord, event.StageDeadletter}

// readers are the stages that know what is in the cluster; the others get to
// know only what events say.
var readers = []string{event.StageGateway, event.StageEnrich, event.StageExecute, event.StageAssess}

// request is one that a stage makes, or must not be able to: a verb on a
// resource of a group (group/resource/subresource; no group is the core).
type request struct{ verb, group, resource, subresource string }

func (r request) String() string {
	return strings.Trim(r.verb+" "+r.group+"/"+r.resource+"/"+r.subresource, "/")
}

// forbidden are what no stage at all may do, and why it matters.
var forbidden = map[request]string{
	{"get", "", "secrets", ""}:                                                      "keys and passwords",
	{"list", "", "secrets", ""}:                                                     "keys and passwords",
	{"get", "", "configmaps", ""}:                                                   "policies are mounted, not read",
	{"update", "", "configmaps", ""}:                                                "a stage that writes policy decides for itself",
	{"create", "", "pods", ""}:                                                      "a way to run anything",
	{"delete", "", "pods", ""}:                                                      "evictions respect budgets, deletes do not",
	{"create", "", "pods", "exec"}:                                                  "a way into every workload",
	{"create", "", "serviceaccounts", "token"}:                                      "a way to be another stage",
	{"impersonate", "", "users", ""}:                                                "a way to be anybody",
	{"create", "rbac.authorization.k8s.io", "clusterrolebindings", ""}:              "a way to any right",
	{"delete", "", "namespaces", ""}:                                                "no action of the catalogue",
	{"patch", "", "namespaces", ""}:                                                 "a stage that labels a namespace widens its own scope",
	{"delete", "apps", "deployments", ""}:                                           "no action of the catalogue",
	{"patch", "batch", "jobs", ""}:                                                  "no action of the catalogue",
	{"delete", "", "nodes", ""}:                                                     "no action of the catalogue",
	{"patch", "serving.knative.dev", "services", ""}:                                "a stage that changes a stage",
	{"update", "eventing.knative.dev", "triggers", ""}:                              "a stage that changes who hears it",
	{"create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", ""}: "a way into every write",
}

// writes are what only execute may do.
var writes = []request{
	{"patch", "apps", "deployments", ""}, {"patch", "apps", "statefulsets", ""},
	{"patch", "autoscaling", "horizontalpodautoscalers", ""}, {"patch", "", "nodes", ""}, {"create", "", "pods", "eviction"},
	{"get", "", "pods", "log"},
}

// reviews are what only the stages may do that people and senders call.
var reviews = []request{
	{"create", "authentication.k8s.io", "tokenreviews", ""}, {"create", "authorization.k8s.io", "subjectaccessreviews", ""},
}

// TestNoStageMayDoMoreThanItsRoleSays asks the API server itself, as each
// ServiceAccount.
func TestNoStageMayDoMoreThanItsRoleSays(t *testing.T) {
	w := enter(t)
	one := func(stage string) map[string]bool { return map[string]bool{stage: true} }
	reading := map[string]bool{}
	for _, stage := range readers {
		reading[stage] = true
	}
	expected := map[request]map[string]bool{{"get", "", "pods", ""}: reading, {"get", "apps", "deployments", ""}: reading}
	for r := range forbidden {
		expected[r] = nil
	}
	for _, r := range writes {
		expected[r] = one(event.StageExecute)
	}
	for _, r := range reviews {
		expected[r] = map[string]bool{event.StageApprove: true, event.StageGateway: true}
	}
	for _, stage := range everyStage {
		t.Run(stage, func(t *testing.T) {
			for r, who := range expected {
				require.Equal(t, who[stage], w.may(t, stage, r), "may %s %s? %s", stage, r, forbidden[r])
			}
		})
	}
}

// may asks the API server whether a stage's ServiceAccount has a right anywhere.
func (w *world) may(t testing.TB, stage string, r request) bool {
	t.Helper()
	group := "system:serviceaccounts"
	review, err := w.kube.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User:   fmt.Sprintf("system:serviceaccount:%s:%s", product.Namespace, stage),
			Groups: []string{group, group + ":" + product.Namespace, "system:authenticated"},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: r.verb, Group: r.group, Resource: r.resource, Subresource: r.subresource, Namespace: product.Namespace},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	return review.Status.Allowed
}

// as connects with a stage's own token, as its pod does.
func (w *world) as(t testing.TB, stage string) kubernetes.Interface {
	t.Helper()
	request, err := w.kube.CoreV1().ServiceAccounts(product.Namespace).CreateToken(t.Context(), stage,
		&authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	config := rest.AnonymousClientConfig(w.config)
	config.BearerToken = request.Status.Token
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	return client
}

// TestTheTokenOfAStageOpensOnlyItsOwnDoors makes real requests, as a pod that
// somebody has taken over would.
func TestTheTokenOfAStageOpensOnlyItsOwnDoors(t *testing.T) {
	w := enter(t)
	d := w.deploy(t, deployment(w.namespace(t, managed), "target", w.container()))
	scale := func(stage string) error {
		_, err := w.as(t, stage).AppsV1().Deployments(d.Namespace).Patch(t.Context(), d.Name, types.MergePatchType,
			[]byte(`{"spec":{"replicas":1}}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	read := func(stage string) error {
		_, err := w.as(t, stage).AppsV1().Deployments(d.Namespace).Get(t.Context(), d.Name, metav1.GetOptions{})
		return err
	}
	steal := func(stage string) error {
		_, err := w.as(t, stage).CoreV1().Secrets(product.Namespace).Get(t.Context(), "seal-authorize", metav1.GetOptions{})
		return err
	}
	for _, test := range []struct {
		name    string
		do      func(stage string) error
		allowed []string
	}{
		{"change a Deployment", scale, []string{event.StageExecute}},
		{"read a Deployment", read, readers},
		{"read another stage's key", steal, nil},
	} {
		for _, stage := range everyStage {
			t.Run(stage+" may not "+test.name+" unless it is its task", func(t *testing.T) {
				err := test.do(stage)
				if slices.Contains(test.allowed, stage) {
					require.NoError(t, err)
					return
				}
				require.True(t, apierrors.IsForbidden(err), "%v", err)
			})
		}
	}
}
