package simulation_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"kubernaut.ai/local/simulation"
)

func TestOptionsAreChecked(t *testing.T) {
	for name, options := range map[string]simulation.Options{
		"an address that is not loopback": {Listen: "0.0.0.0:0"},
		"an address without port":         {Listen: "127.0.0.1"},
		"a history of nothing":            {History: -1},
		"a negative speed":                {Speed: -1},
		"too many nodes":                  {Nodes: 100_000},
		"a user without a name":           {Users: map[string]simulation.User{"token": {}}},
		"an object that is invalid":       {Objects: []runtime.Object{&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "Bad_Name"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := simulation.Start(t.Context(), options)
			require.Error(t, err)
		})
	}
}

func TestKubeconfigReachesTheCluster(t *testing.T) {
	b := start(t, simulation.Options{})
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, b.WriteKubeconfig(path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	config, err := clientcmd.BuildConfigFromFlags("", path)
	require.NoError(t, err)
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, nodes.Items, simulation.DefaultNodes)
}

func TestOnlyKnownTokensGetIn(t *testing.T) {
	b := start(t, simulation.Options{Users: map[string]simulation.User{"alice-token": {Name: "alice"}}})
	for token, allowed := range map[string]bool{"": false, "wrong": false, "alice-token": true} {
		client, err := kubernetes.NewForConfig(b.RESTConfigFor(token))
		require.NoError(t, err)
		_, err = client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		require.Equal(t, !allowed, apierrors.IsUnauthorized(err), "token %q: %v", token, err)
	}
}

func TestReviewsJudgeTokensAndApprovers(t *testing.T) {
	b := start(t, simulation.Options{
		Users:     map[string]simulation.User{"alice-token": {Name: "alice", Groups: []string{simulation.ApproversGroup}}},
		Approvers: []string{"bob"},
	})
	token := func(value string) authenticationv1.TokenReviewStatus {
		review, err := b.client.AuthenticationV1().TokenReviews().Create(t.Context(), &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: value}}, metav1.CreateOptions{})
		require.NoError(t, err)
		return review.Status
	}
	known := token("alice-token")
	require.True(t, known.Authenticated)
	require.Equal(t, "alice", known.User.Username)
	require.Contains(t, known.User.Groups, simulation.ApproversGroup)
	require.False(t, token("wrong").Authenticated)
	for _, c := range []struct {
		user    string
		groups  []string
		allowed bool
	}{
		{"alice", []string{simulation.ApproversGroup}, true}, {"bob", nil, true}, {"mallory", []string{"developers"}, false}, {"root", []string{"system:masters"}, true},
	} {
		review, err := b.client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: c.user, Groups: c.groups, ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "approve", Group: "kubernaut.ai", Resource: "remediations"},
		}}, metav1.CreateOptions{})
		require.NoError(t, err)
		require.Equal(t, c.allowed, review.Status.Allowed, c.user)
	}
}

func TestMutationsCountsWhatReallyChanged(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load(manifest("v1", "128Mi"))
	b.awaitAvailable("web")
	require.Empty(t, b.Mutations(), "loading and controllers are not clients")
	apply := func(value string, options metav1.PatchOptions) {
		_, err := b.client.AppsV1().Deployments("default").Patch(t.Context(), "web", types.MergePatchType,
			[]byte(`{"metadata":{"annotations":{"kubernaut.ai/applied":"`+value+`"}}}`), options)
		require.NoError(t, err)
	}
	apply("r1/1", metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
	apply("r1/1", metav1.PatchOptions{FieldManager: "kubernaut"})
	apply("r1/1", metav1.PatchOptions{FieldManager: "kubernaut"})
	mutations := b.Mutations()
	require.Len(t, mutations, 1)
	got := mutations[0]
	require.Equal(t, "r1/1", got.Applied)
	require.Equal(t, "patch", got.Verb)
	require.Equal(t, "deployments", got.Resource.Resource)
	require.Equal(t, "default/web", got.Namespace+"/"+got.Name)
	require.Equal(t, "kubernaut", got.FieldManager)
	require.Equal(t, "simulation-admin", got.User)
	require.NotEmpty(t, got.ResourceVersion)
	require.Len(t, b.DryRuns(), 1)
}

func TestInjectedFailures(t *testing.T) {
	patch := func(b *bed) error {
		_, err := b.client.CoreV1().Nodes().Patch(b.t.Context(), "node-1", types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`), metav1.PatchOptions{})
		return err
	}
	match := simulation.Match{Verb: "patch", Resource: "nodes"}
	for _, c := range []struct {
		name    string
		inject  func(*bed)
		applied bool
	}{
		{"a status code before the request has an effect", func(b *bed) { b.Fail(match, 1, http.StatusBadGateway) }, false},
		{"a cut before the request has an effect", func(b *bed) { b.Fail(match, 1, simulation.Cut) }, false},
		{"a status code after it has", func(b *bed) { b.FailAfter(match, 1, http.StatusGatewayTimeout) }, true},
		{"a cut after it has", func(b *bed) { b.FailAfter(match, 1, simulation.Cut) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := start(t, simulation.Options{})
			c.inject(b)
			require.Error(t, patch(b))
			require.Equal(t, c.applied, len(b.Mutations()) == 1)
			require.NoError(t, patch(b), "only one request fails")
			require.Len(t, b.Mutations(), 1, "applied once in all")
		})
	}
	t.Run("other requests are left alone and healing ends it", func(t *testing.T) {
		b := start(t, simulation.Options{})
		b.Fail(match, -1, http.StatusInternalServerError)
		_, err := b.client.CoreV1().Nodes().Get(t.Context(), "node-1", metav1.GetOptions{})
		require.NoError(t, err)
		require.Error(t, patch(b))
		b.Heal()
		require.NoError(t, patch(b))
	})
}

func TestMediaTypes(t *testing.T) {
	b := start(t, simulation.Options{})
	get := func(accept string) error {
		return b.client.CoreV1().RESTClient().Get().Resource("nodes").SetHeader("Accept", accept).Do(t.Context()).Error()
	}
	require.True(t, apierrors.IsNotAcceptable(get("application/cbor")))
	require.NoError(t, get("application/cbor, application/json"))
	var media string
	answer := b.client.CoreV1().RESTClient().Get().Resource("nodes").SetHeader("Accept", "application/vnd.kubernetes.protobuf, application/json").Do(t.Context())
	require.NoError(t, answer.ContentType(&media).Error())
	require.Equal(t, "application/vnd.kubernetes.protobuf", media, "the first that can be had")
	err := b.client.CoreV1().RESTClient().Post().Namespace("default").Resource("configmaps").SetHeader("Content-Type", "text/csv").Body([]byte("a,b")).Do(t.Context()).Error()
	require.True(t, apierrors.IsUnsupportedMediaType(err), "%v", err)
}

func TestLoadNamesWhatIsWrong(t *testing.T) {
	b := start(t, simulation.Options{})
	for _, c := range []struct{ name, manifests, want string }{
		{"an unknown field", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndatta: {}\n", `unknown field "datta"`},
		{"an unknown kind", "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n", "does not serve this kind"},
		{"the second document", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\nkind: [\n", "document 2"},
		{"an invalid object", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: C_C}\n", "load ConfigMap default/C_C"},
		{"a namespace that does not exist", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: nowhere}\n", `namespaces "nowhere" not found`},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.ErrorContains(t, b.Load(strings.NewReader(c.manifests)), c.want)
		})
	}
	require.ErrorContains(t, b.LoadPath(t.TempDir()), "no .yaml")
	require.Error(t, b.LoadPath(filepath.Join(t.TempDir(), "absent")))
}

func TestLoadPathTakesFilesTogether(t *testing.T) {
	b := start(t, simulation.Options{})
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	write("a.yaml", "# a comment\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: shop}\n")
	write("b.json", `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}]}`)
	write("README.md", "not a manifest")
	require.NoError(t, b.LoadPath(dir))
	require.NoError(t, b.LoadPath(dir), "loading again replaces")
	_, err := b.client.CoreV1().ConfigMaps("shop").Get(t.Context(), "c", metav1.GetOptions{})
	require.NoError(t, err)
}

func TestWatchBehindTheHistoryIsTold(t *testing.T) {
	const history = 8
	b := start(t, simulation.Options{History: history})
	api := b.client.CoreV1().ConfigMaps("default")
	first, err := api.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "c"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	for n := range 3 * history {
		b.load(fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {n: \"%d\"}\n", n))
	}
	w, err := api.Watch(t.Context(), metav1.ListOptions{ResourceVersion: first.ResourceVersion})
	if err == nil {
		w.Stop()
	}
	require.True(t, apierrors.IsResourceExpired(err) || apierrors.IsGone(err), "%v", err)
}

func TestNamespaceDeletionTakesItsContent(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---" + strings.Replace(manifest("v1", "128Mi"), "name: web", "name: web, namespace: shop", 1))
	pods := func() int {
		found, err := b.client.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		return len(found.Items)
	}
	b.await("pods run", func() bool { return pods() == 3 })
	require.NoError(t, b.client.CoreV1().Namespaces().Delete(t.Context(), "shop", metav1.DeleteOptions{}))
	b.await("the namespace is gone", func() bool {
		_, err := b.client.CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	require.Zero(t, pods())
}

func TestCloseEndsWatches(t *testing.T) {
	cluster, err := simulation.Start(context.Background(), simulation.Options{})
	require.NoError(t, err)
	client, err := kubernetes.NewForConfig(cluster.RESTConfig())
	require.NoError(t, err)
	w, err := client.CoreV1().Pods("").Watch(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.NoError(t, cluster.Close())
	require.NoError(t, cluster.Close())
	for range w.ResultChan() { // drained until the server's end is seen
	}
}
