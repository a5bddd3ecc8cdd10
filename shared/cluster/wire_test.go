package cluster_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// server is an API server on the wire, which answers as it is told to.
type server struct {
	*cluster.Clients
	mu      sync.Mutex
	at      time.Time
	objects map[string]any
	// lies are handlers by path, in place of the truth.
	lies map[string]http.HandlerFunc
}

func newServer(t *testing.T, objects ...*metav1.PartialObjectMetadata) *server {
	t.Helper()
	s := &server{at: time.Unix(1_800_000_000, 0), objects: map[string]any{}, lies: map[string]http.HandlerFunc{}}
	plurals := map[string]string{"Pod": "pods", "ReplicaSet": "replicasets", "Deployment": "deployments", "Namespace": "namespaces", "Cluster": "clusters"}
	for _, o := range objects {
		s.objects[pathOf(o, plurals[o.Kind])] = o
	}
	serve := httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(serve.Close)
	clients, err := cluster.ForConfig(&rest.Config{Host: serve.URL}, event.StageGateway)
	require.NoError(t, err)
	clients.Now = func() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.at }
	s.Clients = clients
	return s
}

func pathOf(o *metav1.PartialObjectMetadata, plural string) string {
	path := "/apis/" + o.APIVersion
	if !strings.Contains(o.APIVersion, "/") {
		path = "/api/" + o.APIVersion
	}
	if o.Namespace != "" {
		path += "/namespaces/" + o.Namespace
	}
	return path + "/" + plural + "/" + o.Name
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	lie, object := s.lies[r.URL.Path], s.objects[r.URL.Path]
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case lie != nil:
		lie(w, r)
	case object != nil:
		_ = json.NewEncoder(w).Encode(object)
	default:
		status(http.StatusNotFound, metav1.StatusReasonNotFound)(w, r)
	}
}

func (s *server) lie(path string, as http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies[path] = as
}

func (s *server) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(d)
}

// status is an API server's own error.
func status(code int, reason metav1.StatusReason) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
			Status: metav1.StatusFailure, Code: int32(code), Reason: reason})
	}
}

// plain is an answer of something that is no API server.
func plain(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func in(object *metav1.PartialObjectMetadata) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(object) }
}

func reset(w http.ResponseWriter, _ *http.Request) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
}

func half(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "4096")
	_, _ = io.WriteString(w, `{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":{"na`)
}

// passing are answers after which nothing is known: to post again may help.
var passing = map[string]http.HandlerFunc{
	"too many requests":        status(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests),
	"an internal error":        status(http.StatusInternalServerError, metav1.StatusReasonInternalError),
	"not available":            status(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable),
	"a timeout of its own":     status(http.StatusGatewayTimeout, metav1.StatusReasonTimeout),
	"a token that has run out": status(http.StatusUnauthorized, metav1.StatusReasonUnauthorized),
	"a conflict":               status(http.StatusConflict, metav1.StatusReasonConflict),
	"a proxy's 404":            plain(http.StatusNotFound, "404 page not found"),
	"a proxy's 502":            plain(http.StatusBadGateway, "<html>bad gateway</html>"),
	"a page of a login":        plain(http.StatusOK, "<html>who are you</html>"),
	"an empty body":            plain(http.StatusOK, ""),
	"an empty object":          plain(http.StatusOK, "{}"),
	"another object":           in(object("v1", "Pod", "shop", "other")),
	"an object of that name in another namespace": in(object("v1", "Pod", "bank", "cart-6d5f-x")),
	"half a body": half,
}

// places are where the walk from a pod may meet such an answer.
var places = map[string]string{
	"the pod":        "/api/v1/namespaces/shop/pods/cart-6d5f-x",
	"its ReplicaSet": "/apis/apps/v1/namespaces/shop/replicasets/cart-6d5f",
	"its Deployment": "/apis/apps/v1/namespaces/shop/deployments/cart",
}

func TestWhatIsNotKnownIsNeitherGoneNorAClaimOnThePod(t *testing.T) {
	for what, answer := range passing {
		for where, path := range places {
			t.Run(what+" for "+where, func(t *testing.T) {
				s := newServer(t, shop()...)
				s.lie(path, answer)
				for _, read := range []interface {
					Owners(context.Context, event.Target) ([]event.Target, error)
				}{s.Clients, cluster.NewCache(s.Clients, 0)} {
					chain, err := read.Owners(t.Context(), podOf("cart-6d5f-x"))
					require.Error(t, err)
					require.Empty(t, chain)
					for _, final := range []error{cluster.ErrGone, cluster.ErrForbidden, cluster.ErrUnknownKind} {
						require.NotErrorIs(t, err, final)
					}
				}
			})
		}
		t.Run(what+" for the namespace", func(t *testing.T) {
			s := newServer(t, shop()...)
			s.lie("/api/v1/namespaces/shop", answer)
			scope, err := s.Scope(t.Context(), event.Target{Kind: "Deployment", Namespace: "shop", Name: "cart"})
			require.Error(t, err)
			require.NotErrorIs(t, err, cluster.ErrGone)
			require.False(t, scope.Managed)
		})
	}
}

func TestWhatIsKnownIsFinal(t *testing.T) {
	for where, path := range places {
		for want, answer := range map[error]http.HandlerFunc{
			cluster.ErrGone:      status(http.StatusNotFound, metav1.StatusReasonNotFound),
			cluster.ErrForbidden: status(http.StatusForbidden, metav1.StatusReasonForbidden)} {
			s := newServer(t, shop()...)
			s.lie(path, answer)
			_, err := s.Owners(t.Context(), podOf("cart-6d5f-x"))
			require.ErrorIs(t, err, want, where)
		}
	}
}

func TestAReadThatTakesTooLongEndsWithItsCaller(t *testing.T) {
	for where, path := range places {
		s := newServer(t, shop()...)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		s.lie(path, func(http.ResponseWriter, *http.Request) { cancel(); <-done })
		for _, read := range []interface {
			Owners(context.Context, event.Target) ([]event.Target, error)
		}{s.Clients, cluster.NewCache(s.Clients, 0)} {
			_, err := read.Owners(ctx, podOf("cart-6d5f-x"))
			require.ErrorIs(t, err, context.Canceled, where)
		}
		close(done)
	}
}

// TestAConnectionThatIsResetIsTriedAgain has client-go try again, which it
// does until the caller's time is over.
func TestAConnectionThatIsResetIsTriedAgain(t *testing.T) {
	for where, path := range places {
		s := newServer(t, shop()...)
		ctx, cancel := context.WithCancel(t.Context())
		s.lie(path, func(w http.ResponseWriter, r *http.Request) { reset(w, r); cancel() })
		_, err := s.Owners(ctx, podOf("cart-6d5f-x"))
		require.Error(t, err, where)
		require.NotErrorIs(t, err, cluster.ErrGone)
		s.lie(path, nil)
		_, err = s.Owners(t.Context(), podOf("cart-6d5f-x"))
		require.NoError(t, err, where)
	}
}

// TestARememberedPodThatSeemsToHaveLostItsOwnerNeedsTheAPIServer is the stale
// cache of a rollout restart, at a moment when nobody can say more.
func TestARememberedPodThatSeemsToHaveLostItsOwnerNeedsTheAPIServer(t *testing.T) {
	s := newServer(t, object("v1", "Pod", "shop", "cart-6d5f-x"))
	cache := cluster.NewCache(s.Clients, 0)
	chain, err := cache.Owners(t.Context(), podOf("cart-6d5f-x"))
	require.NoError(t, err)
	require.Len(t, chain, 1)
	s.advance(2 * time.Second)
	for what, answer := range passing {
		s.lie(places["the pod"], answer)
		chain, err = cache.Owners(t.Context(), podOf("cart-6d5f-x"))
		require.Error(t, err, what)
		require.Empty(t, chain, what)
	}
}

// groups lets the server serve a foreign group beside one that may be down.
func (s *server) groups() {
	s.lie("/api", plain(http.StatusNotFound, "404 page not found"))
	s.objects["/apis"] = json.RawMessage(`{"kind":"APIGroupList","apiVersion":"v1","groups":[
		{"name":"postgresql.cnpg.io","versions":[{"groupVersion":"postgresql.cnpg.io/v1","version":"v1"}],"preferredVersion":{"groupVersion":"postgresql.cnpg.io/v1","version":"v1"}},
		{"name":"custom.example","versions":[{"groupVersion":"custom.example/v1","version":"v1"}],"preferredVersion":{"groupVersion":"custom.example/v1","version":"v1"}}]}`)
	list := func(version, plural, singular, kind string) json.RawMessage {
		return json.RawMessage(`{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"` + version + `","resources":[
			{"name":"` + plural + `","singularName":"` + singular + `","namespaced":true,"kind":"` + kind + `","verbs":["get"]}]}`)
	}
	s.objects["/apis/postgresql.cnpg.io/v1"] = list("postgresql.cnpg.io/v1", "clusters", "cluster", "Cluster")
	s.objects["/apis/custom.example/v1"] = list("custom.example/v1", "things", "thing", "Thing")
}

func TestAnAggregatedAPIThatIsDown(t *testing.T) {
	owned := object("v1", "Pod", "shop", "x", ownedBy("custom.example/v1", "Thing", "t"))
	s := newServer(t, append(shop(), owned)...)
	s.groups()
	down := status(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable)
	s.lie("/apis/custom.example/v1", down)

	kinds, err := s.KindsByWord(t.Context(), "cluster")
	require.NoError(t, err, "it costs its own kinds only")
	require.Len(t, kinds, 1)
	_, err = s.Owners(t.Context(), podOf("x"))
	require.Error(t, err)
	require.NotErrorIs(t, err, cluster.ErrUnknownKind, "an owner of it may be served again: this is no claim on the pod")

	s.lie("/apis/custom.example/v1", nil)
	s.advance(time.Minute)
	_, err = s.Owners(t.Context(), podOf("x"))
	require.ErrorIs(t, err, cluster.ErrGone, "the kind is served, and there is no such object")

	s.lie("/apis/custom.example/v1", down)
	s.advance(time.Hour)
	kinds, err = s.KindsByWord(t.Context(), "thing")
	require.NoError(t, err)
	require.Len(t, kinds, 1, "what was known of it is kept")
}

func TestAKindThatWasTakenAwayIsForgotten(t *testing.T) {
	db := object("v1", "Pod", "shop", "db-1", ownedBy("postgresql.cnpg.io/v1", "Cluster", "db"))
	s := newServer(t, append(shop(), db, object("postgresql.cnpg.io/v1", "Cluster", "shop", "db"))...)
	s.groups()
	chain, err := s.Owners(t.Context(), podOf("db-1"))
	require.NoError(t, err)
	require.Len(t, chain, 2)
	s.lie("/apis/postgresql.cnpg.io/v1/namespaces/shop/clusters/db", plain(http.StatusNotFound, "404 page not found"))
	s.objects["/apis"] = json.RawMessage(`{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`)
	_, err = s.Owners(t.Context(), podOf("db-1"))
	require.Error(t, err)
	require.NotErrorIs(t, err, cluster.ErrGone)
	chain, err = s.Owners(t.Context(), podOf("db-1"))
	require.NoError(t, err, "the next try knows that the kind is served no more")
	require.Equal(t, []string{"shop/Pod/db-1"}, written(chain))
}
