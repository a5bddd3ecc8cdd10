package cluster_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	discoveryfake "k8s.io/client-go/discovery/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	metadatafake "k8s.io/client-go/metadata/fake"
	clienttesting "k8s.io/client-go/testing"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// bed is a cluster of metadata, with a clock and a count of reads.
type bed struct {
	*cluster.Clients
	meta *metadatafake.FakeMetadataClient
	kube *kubefake.Clientset

	mu    sync.Mutex
	at    time.Time
	reads map[string]int
	fail  func(resource, name string) error
}

func newBed(t *testing.T, objects ...*metav1.PartialObjectMetadata) *bed {
	t.Helper()
	scheme := metadatafake.NewTestScheme()
	require.NoError(t, metav1.AddMetaToScheme(scheme))
	all := make([]runtime.Object, len(objects))
	for i, o := range objects {
		all[i] = o
	}
	b := &bed{meta: metadatafake.NewSimpleMetadataClient(scheme, all...), kube: kubefake.NewClientset(),
		at: time.Unix(1_800_000_000, 0), reads: map[string]int{}}
	b.meta.PrependReactor("get", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		get := a.(clienttesting.GetAction)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reads[get.GetResource().Resource+"/"+get.GetName()]++
		if b.fail != nil {
			if err := b.fail(get.GetResource().Resource, get.GetName()); err != nil {
				return true, nil, err
			}
		}
		return false, nil, nil
	})
	b.kube.Discovery().(*discoveryfake.FakeDiscovery).Resources = served()
	b.Clients = &cluster.Clients{Kube: b.kube, Metadata: b.meta, Now: b.now}
	return b
}

// served are the kinds of the bed that are not built in, and some that are.
func served() []*metav1.APIResourceList {
	get := metav1.Verbs{"get", "list"}
	one := func(version, plural, singular, kind string, namespaced bool) *metav1.APIResourceList {
		return &metav1.APIResourceList{GroupVersion: version, APIResources: []metav1.APIResource{
			{Name: plural, SingularName: singular, Kind: kind, Namespaced: namespaced, Verbs: get},
			{Name: plural + "/scale", SingularName: "scale", Kind: "Scale", Namespaced: namespaced, Verbs: get}}}
	}
	return []*metav1.APIResourceList{
		one("networking.internal.knative.dev/v1alpha1", "ingresses", "ingress", "Ingress", true),
		one("v1", "persistentvolumes", "", "PersistentVolume", false),
		one("networking.k8s.io/v1", "ingresses", "ingress", "Ingress", true),
		one("cert-manager.io/v1", "certificates", "certificate", "Certificate", true),
		one("postgresql.cnpg.io/v1", "clusters", "cluster", "Cluster", true),
		one("argoproj.io/v1alpha1", "rollouts", "rollout", "Rollout", true),
		one("karpenter.sh/v1", "nodepools", "nodepool", "NodePool", false),
		{GroupVersion: "authentication.k8s.io/v1", APIResources: []metav1.APIResource{
			{Name: "tokenreviews", SingularName: "tokenreview", Kind: "TokenReview", Verbs: metav1.Verbs{"create"}}}},
	}
}

func (b *bed) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bed) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(d)
}

func (b *bed) read(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reads[name]
}

// put creates or replaces an object behind every cache's back.
func (b *bed) put(t *testing.T, resource string, o *metav1.PartialObjectMetadata) {
	t.Helper()
	gvr := schema.FromAPIVersionAndKind(o.APIVersion, o.Kind).GroupVersion().WithResource(resource)
	_ = b.meta.Tracker().Delete(gvr, o.Namespace, o.Name)
	require.NoError(t, b.meta.Tracker().Create(gvr, o, o.Namespace))
}

// remove deletes an object behind every cache's back.
func (b *bed) remove(t *testing.T, gvr schema.GroupVersionResource, at types.NamespacedName) {
	t.Helper()
	require.NoError(t, b.meta.Tracker().Delete(gvr, at.Namespace, at.Name))
}

type option func(*metav1.PartialObjectMetadata)

func object(apiVersion, kind, namespace, name string, options ...option) *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: apiVersion, Kind: kind},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("uid-" + name)}}
	for _, option := range options {
		option(o)
	}
	return o
}

func ownedBy(apiVersion, kind, name string) option {
	return func(o *metav1.PartialObjectMetadata) {
		yes := true
		o.OwnerReferences = append(o.OwnerReferences, metav1.OwnerReference{APIVersion: apiVersion, Kind: kind,
			Name: name, UID: types.UID("uid-" + name), Controller: &yes})
	}
}

func labelled(value string) option {
	return func(o *metav1.PartialObjectMetadata) { o.Labels = map[string]string{cluster.LabelManaged: value} }
}

func mirror(o *metav1.PartialObjectMetadata) {
	o.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"}
}

// shop is a Deployment's Pod with all between, in a managed namespace.
func shop() []*metav1.PartialObjectMetadata {
	return []*metav1.PartialObjectMetadata{
		object("v1", "Namespace", "", "shop", labelled("true")),
		object("apps/v1", "Deployment", "shop", "cart"),
		object("apps/v1", "ReplicaSet", "shop", "cart-6d5f", ownedBy("apps/v1", "Deployment", "cart")),
		object("v1", "Pod", "shop", "cart-6d5f-x", ownedBy("apps/v1", "ReplicaSet", "cart-6d5f")),
	}
}

func podOf(name string) event.Target {
	return event.Target{Kind: "Pod", Namespace: "shop", Name: name}
}

func written(chain []event.Target) []string {
	var out []string
	for _, t := range chain {
		out = append(out, t.String())
	}
	return out
}

// failing answers all reads of a resource with the error.
func failing(resource string, err error) func(resource, name string) error {
	return func(r, _ string) error {
		if r == resource {
			return err
		}
		return nil
	}
}
