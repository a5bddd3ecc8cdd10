package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/test/e2e/product"
)

// sendersToken is the credential that make secrets made for senders.
func (w *world) sendersToken(ctx context.Context) (string, error) {
	secret, err := w.kube.CoreV1().Secrets(product.Namespace).Get(ctx, "kubernaut-callers", metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read senders' token, which make secrets makes: %w", err)
	}
	token, _, _ := strings.Cut(string(secret.Data["tokens"]), "\n")
	if token == "" {
		return "", errors.New("read senders' token: the Secret kubernaut-callers holds none; run make secrets")
	}
	return token, nil
}

// asSender shows the gateway a credential, and nobody else.
type asSender struct {
	*http.Transport
	token string
}

func (s asSender) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == gatewayHost && len(r.Header.Values("Authorization")) == 0 {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	return s.Transport.RoundTrip(r)
}

// TestTheGatewayServesOnlyCallersWhomItKnows posts a body that is none: whoever
// is told so was let in.
func TestTheGatewayServesOnlyCallersWhomItKnows(t *testing.T) {
	w := enterBeside(t)
	namespace := w.namespace(t, unmanaged)
	known, stranger := w.account(t, namespace, "known"), w.account(t, namespace, "stranger")
	_, err := w.kube.RbacV1().RoleBindings(product.Namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "scenario-" + namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "kubernaut-sender"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "known", Namespace: namespace}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = w.kube.RbacV1().RoleBindings(product.Namespace).Delete(context.WithoutCancel(t.Context()), "scenario-"+namespace, metav1.DeleteOptions{})
	})
	for _, test := range []struct {
		name, authorization string
		status              int
	}{
		{"the token of the installation", "Bearer " + w.credential, http.StatusBadRequest},
		{"the token of an account that may post", "Bearer " + known, http.StatusBadRequest},
		{"the token of an account that may not", "Bearer " + stranger, http.StatusForbidden},
		{"a token that nobody gave out", "Bearer wrong", http.StatusUnauthorized},
		{"an empty credential", "Bearer ", http.StatusUnauthorized},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gatewayURL, bytes.NewReader([]byte("{}")))
			require.NoError(t, err)
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", test.authorization)
			response, err := w.http.Do(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, test.status, response.StatusCode)
		})
	}
}

// account makes a ServiceAccount and returns a token of it.
func (w *world) account(t testing.TB, namespace, name string) string {
	t.Helper()
	_, err := w.kube.CoreV1().ServiceAccounts(namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	require.NoError(t, err)
	request, err := w.kube.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	return request.Status.Token
}

// postAlone posts without the credential that the world has.
func (w *world) postAlone(ctx context.Context, url string, body []byte, headers map[string]string) (status int, said string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := w.http.Transport.(asSender).Transport.RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}
