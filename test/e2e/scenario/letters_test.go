package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/test/e2e/product"
)

const lettersURL = "http://approve." + product.Namespace + clusterDomain + "/api/v1/deadletters"

// TestAnOperatorHasADeadLetterDeliveredOnceMore has record refuse what no stage
// may believe, and refuse it again.
func TestAnOperatorHasADeadLetterDeliveredOnceMore(t *testing.T) {
	w := enterBeside(t)
	namespace := w.namespace(t, managed)
	jane, joe := w.token(t, namespace, "jane"), w.token(t, namespace, "joe")
	w.mayApprove(t, namespace, "jane")
	w.mayOperate(t, namespace, "joe")

	e := sample(t, "remediation.closed.json")
	id := "poison-" + uuid.NewString()
	e["id"] = id
	w.publish(t, e)
	first := w.letters(t, id, 1)[event.StageRecord]

	status, _ := w.ask(t, http.MethodGet, lettersURL, jane)
	require.Equal(t, http.StatusForbidden, status, "she may in one namespace")
	status, said := w.ask(t, http.MethodGet, lettersURL, joe)
	require.Equal(t, http.StatusOK, status, "%s", said)
	require.Contains(t, string(said), fmt.Sprintf("%q", first.ID))

	status, said = w.ask(t, http.MethodPost, lettersURL+"/redrive?type=remediation.closed&destination=record", joe)
	require.Equal(t, http.StatusOK, status, "%s", said)
	var sum struct{ Accepted, Failed int }
	require.NoError(t, json.Unmarshal(said, &sum))
	require.Positive(t, sum.Accepted, "%s", said)
	require.Zero(t, sum.Failed, "%s", said)
	until(t, "the dead letter again", func(ctx context.Context) (bool, any) {
		all, err := w.ledger.DeadLetters(ctx, maxLetters)
		for _, letter := range all {
			if letter.ID == first.ID && letter.At.After(first.At) {
				return true, nil
			}
		}
		return false, err
	})
}

// ask asks approve with a token until it answers.
func (w *world) ask(t testing.TB, method, url, token string) (status int, said []byte) {
	t.Helper()
	until(t, "an answer of approve", func(ctx context.Context) (bool, any) {
		request, err := http.NewRequestWithContext(ctx, method, url, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := w.http.Do(request)
		if err != nil {
			return false, err
		}
		defer func() { _ = response.Body.Close() }()
		status = response.StatusCode
		if said, err = io.ReadAll(response.Body); err != nil {
			return false, err
		}
		return status < http.StatusInternalServerError, string(said)
	})
	return status, said
}

// mayOperate gives somebody the right to operate all of it, as the manual says.
func (w *world) mayOperate(t testing.TB, namespace, name string) {
	t.Helper()
	bindings := w.kube.RbacV1().ClusterRoleBindings()
	made, err := bindings.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "kubernaut-operators-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "kubernaut-operator"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, bindings.Delete(context.WithoutCancel(t.Context()), made.Name, metav1.DeleteOptions{}))
	})
}
