package function

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/stage"
)

func TestLoopbackTrustsOnlyThisMachine(t *testing.T) {
	cases := []struct {
		name         string
		remote, host string
		header       [2]string
		ok           bool
	}{
		{"a peer on the loopback interface", "127.0.0.1:4711", "127.0.0.1:8080", [2]string{}, true},
		{"a peer on the loopback interface by name", "[::1]:4711", "localhost:8080", [2]string{}, true},
		{"a peer from elsewhere", "10.0.0.7:4711", "127.0.0.1:8080", [2]string{}, false},
		{"a peer without an address", "", "127.0.0.1:8080", [2]string{}, false},
		{"a name that somebody made point to this machine", "127.0.0.1:4711", "evil.example:8080", [2]string{}, false},
		{"a page of another site", "127.0.0.1:4711", "127.0.0.1:8080", [2]string{"Sec-Fetch-Site", "cross-site"}, false},
		{"a page of another origin", "127.0.0.1:4711", "127.0.0.1:8080", [2]string{"Origin", "https://evil.example"}, false},
		{"a request that a proxy of this machine passes on for this machine", "127.0.0.1:4711", "127.0.0.1:8080", [2]string{"X-Forwarded-For", "127.0.0.1, ::1"}, true},
		{"a request that a proxy passes on beside its own", "127.0.0.1:4711", "127.0.0.1:8080", [2]string{"X-Forwarded-For", "127.0.0.1, 10.0.0.7"}, false},
		{"a request that a proxy passes on", "127.0.0.1:4711", "127.0.0.1:8080", [2]string{"X-Forwarded-For", "10.0.0.7"}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/api/v1/pause", nil)
			r.RemoteAddr, r.Host = c.remote, c.host
			if c.header[0] != "" {
				r.Header.Set(c.header[0], c.header[1])
			}
			p, err := loopback{name: "me"}.Authenticate(t.Context(), r)
			if c.ok {
				require.NoError(t, err)
				require.Equal(t, "me", p.Name)
				return
			}
			require.ErrorIs(t, err, errUnauthenticated)
			require.Empty(t, p)
		})
	}
}

type tokens func(*authenticationv1.TokenReview) (*authenticationv1.TokenReview, error)

func (f tokens) Create(_ context.Context, r *authenticationv1.TokenReview, _ metav1.CreateOptions) (*authenticationv1.TokenReview, error) {
	return f(r)
}

type accesses func(*authorizationv1.SubjectAccessReview) (*authorizationv1.SubjectAccessReview, error)

func (f accesses) Create(_ context.Context, r *authorizationv1.SubjectAccessReview, _ metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error) {
	return f(r)
}

var jane = authenticationv1.UserInfo{Username: "jane", UID: "u1", Groups: []string{"sre"}, Extra: map[string]authenticationv1.ExtraValue{"scope": {"a"}}}

func TestTheClusterSaysWhoAPersonIs(t *testing.T) {
	known := authenticationv1.TokenReviewStatus{Authenticated: true, User: jane}
	cases := []struct {
		name, header, audience string
		status                 authenticationv1.TokenReviewStatus
		fail                   error
		ok, unauthenticated    bool
	}{
		{name: "a token that the cluster knows", header: "Bearer secret-token", status: known, ok: true},
		{name: "no token", status: known, unauthenticated: true},
		{name: "another scheme", header: "Basic c2VjcmV0", status: known, unauthenticated: true},
		{name: "an empty token", header: "Bearer ", status: known, unauthenticated: true},
		{name: "a token that the cluster does not know", header: "Bearer secret-token", unauthenticated: true},
		{name: "a token that was reviewed with an error", header: "Bearer secret-token", status: authenticationv1.TokenReviewStatus{Authenticated: true, User: jane, Error: "expired"}, unauthenticated: true},
		{name: "a token of nobody", header: "Bearer secret-token", status: authenticationv1.TokenReviewStatus{Authenticated: true}, unauthenticated: true},
		{name: "a token for another audience", header: "Bearer secret-token", audience: "kubernaut", status: known, unauthenticated: true},
		{name: "a cluster that does not answer", header: "Bearer secret-token", fail: errors.New("post secret-token: connection refused")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := reviewer{cluster.Reviewer{Audience: c.audience, Tokens: tokens(func(r *authenticationv1.TokenReview) (*authenticationv1.TokenReview, error) {
				require.Equal(t, "secret-token", r.Spec.Token)
				return &authenticationv1.TokenReview{Status: c.status}, c.fail
			})}}
			r := httptest.NewRequest("POST", "/", nil)
			r.Header.Set("Authorization", c.header)
			p, err := v.Authenticate(t.Context(), r)
			if c.ok {
				require.NoError(t, err)
				require.Equal(t, Person{Name: "jane", UID: "u1", Groups: []string{"sre"}, Extra: map[string][]string{"scope": {"a"}}}, p)
				return
			}
			require.Error(t, err)
			require.Equal(t, c.unauthenticated, errors.Is(err, errUnauthenticated))
			require.NotContains(t, err.Error(), "secret-token", "a token is a secret")
		})
	}
}

func TestTheClusterSaysWhatAPersonMay(t *testing.T) {
	known := Person{Name: "jane", UID: "u1", Groups: []string{"sre"}, Extra: map[string][]string{"scope": {"a"}}}
	cases := []struct {
		name          string
		status        authorizationv1.SubjectAccessReviewStatus
		fail          error
		ok, forbidden bool
	}{
		{name: "allowed", status: authorizationv1.SubjectAccessReviewStatus{Allowed: true}, ok: true},
		{name: "not allowed", forbidden: true},
		{name: "denied", status: authorizationv1.SubjectAccessReviewStatus{Allowed: true, Denied: true}, forbidden: true},
		{name: "allowed by rules of which some could not be read", status: authorizationv1.SubjectAccessReviewStatus{Allowed: true, EvaluationError: "role not found"}, forbidden: true},
		{name: "no answer", fail: errors.New("connection refused")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := reviewer{cluster.Reviewer{Access: accesses(func(r *authorizationv1.SubjectAccessReview) (*authorizationv1.SubjectAccessReview, error) {
				require.Equal(t, authorizationv1.SubjectAccessReviewSpec{User: "jane", UID: "u1", Groups: []string{"sre"},
					Extra:              map[string]authorizationv1.ExtraValue{"scope": {"a"}},
					ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: "shop", Verb: "approve", Group: "kubernaut.ai", Resource: "remediations", Name: "5f0c-1"}}, r.Spec)
				return &authorizationv1.SubjectAccessReview{Status: c.status}, c.fail
			})}}
			err := v.Authorize(t.Context(), known, Access{Verb: verbApprove, Namespace: "shop", Remediation: "5f0c-1"})
			require.Equal(t, c.ok, err == nil)
			require.Equal(t, c.forbidden, errors.Is(err, errForbidden))
		})
	}
}

func TestOnlyTheWordLocalMakesItLocal(t *testing.T) {
	for _, value := range []string{"", "cluster", "Local", "none", "static"} {
		g, err := openGuard(stage.NewConfig(map[string]string{envAuth: value, envApprover: "me", stage.EnvKubeconfig: "testdata/no-such-file"}))
		require.Error(t, err, "%q asks the cluster, which is not there", value)
		require.Nil(t, g)
	}
	g, err := openGuard(stage.NewConfig(map[string]string{envAuth: "local", envApprover: "me"}))
	require.NoError(t, err)
	require.Equal(t, loopback{name: "me"}, g)
}
