package scenario

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/test/e2e/product"
)

// owned marks what Flux would put back: policy has a person asked first.
var owned = map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}

const approveURL = "http://approve." + product.Namespace + clusterDomain + "/api/v1/remediations/"

// TestAPersonApprovesThoughTheDoorFallsShut has a held action answered by
// somebody with the right to, to whom the API server gave a token, and somebody
// without; approve is killed with the first answer in its hands.
func TestAPersonApprovesThoughTheDoorFallsShut(t *testing.T) {
	w := enter(t)
	w.keepAwake(t)
	d := w.fakeDeployment(w.namespace(t, managed), "checkout", 2)
	maps.Copy(d.Labels, owned)
	i := w.breakDown(t, d)
	w.tellAlertmanager(t, i)
	id := w.opened(t, i.target()).ID
	w.event(t, id, event.RemediationHeld)
	require.Empty(t, w.changes(t, i.deployment.Namespace), "nothing is done that nobody has approved")

	stranger := w.token(t, i.deployment.Namespace, "stranger")
	require.Equal(t, http.StatusForbidden, w.approve(t, id, stranger))
	jane := w.token(t, i.deployment.Namespace, "jane")
	w.mayApprove(t, i.deployment.Namespace, "jane")
	first := make(chan int, 1)
	w.killAtWork(t, event.StageApprove, func() { go func() { first <- w.tryApprove(context.WithoutCancel(t.Context()), id, jane) }() })
	require.GreaterOrEqual(t, <-first, http.StatusInternalServerError, "she is not told that it was taken")
	w.awake(t, event.StageApprove)
	require.Equal(t, http.StatusAccepted, w.approve(t, id, jane))
	w.acted(t, i)
	w.healedOnce(t, i)
}

// approve answers with a token until the door answers, and returns its status.
func (w *world) approve(t testing.TB, id, token string) (status int) {
	t.Helper()
	until(t, "an answer of approve", func(ctx context.Context) (bool, any) {
		status = w.tryApprove(ctx, id, token)
		return status > 0 && status < http.StatusInternalServerError, status
	})
	return status
}

// tryApprove answers once; 0 is no answer.
func (w *world) tryApprove(ctx context.Context, id, token string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, approveURL+id+"/approve", strings.NewReader(`{"comment": "a scenario says go"}`))
	if err != nil {
		return 0
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := w.http.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// token makes somebody, and has the API server give them a token.
func (w *world) token(t testing.TB, namespace, name string) string {
	t.Helper()
	accounts := w.kube.CoreV1().ServiceAccounts(namespace)
	_, err := accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	require.NoError(t, err)
	made, err := accounts.CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	return made.Status.Token
}

// mayApprove gives somebody the right to answer for a namespace, as the manual says.
func (w *world) mayApprove(t testing.TB, namespace, name string) {
	t.Helper()
	_, err := w.kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "kubernaut-approvers"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "kubernaut-approver"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}
