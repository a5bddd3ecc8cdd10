package function

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	metadatafake "k8s.io/client-go/metadata/fake"
	clienttesting "k8s.io/client-go/testing"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// world is a cluster that holds testdata/world.yaml.
type world struct {
	kube     *kubefake.Clientset
	metadata *metadatafake.FakeMetadataClient
	enricher enricher
}

func newWorld(t *testing.T, extra ...runtime.Object) *world {
	t.Helper()
	objects := append(load(t, "testdata/world.yaml"), extra...)
	metaScheme := metadatafake.NewTestScheme()
	require.NoError(t, metav1.AddMetaToScheme(metaScheme))
	w := &world{kube: kubefake.NewClientset(objects...), metadata: metadatafake.NewSimpleMetadataClient(metaScheme, metadata(t, objects)...)}
	clients := &cluster.Clients{Kube: w.kube, Metadata: w.metadata, Now: now}
	w.enricher = enricher{clients: clients, directory: clients, meter: fakeMeter{measured: standardUsage}, now: now}
	return w
}

func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// load reads the objects of a YAML file.
func load(t *testing.T, path string) []runtime.Object {
	t.Helper()
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	documents := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(body), 1<<20)
	var objects []runtime.Object
	for {
		var raw runtime.RawExtension
		err := documents.Decode(&raw)
		if err == io.EOF {
			return objects
		}
		require.NoError(t, err)
		o, _, err := scheme.Codecs.UniversalDeserializer().Decode(raw.Raw, nil, nil)
		require.NoError(t, err)
		objects = append(objects, o)
	}
}

// metadata is what a metadata client sees of the objects.
func metadata(t *testing.T, objects []runtime.Object) []runtime.Object {
	t.Helper()
	var out []runtime.Object
	for _, o := range objects {
		kinds, _, err := scheme.Scheme.ObjectKinds(o)
		require.NoError(t, err)
		m, err := meta.Accessor(o)
		require.NoError(t, err)
		p := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: m.GetName(), Namespace: m.GetNamespace(),
			UID: m.GetUID(), Labels: m.GetLabels(), Annotations: m.GetAnnotations(), OwnerReferences: m.GetOwnerReferences()}}
		p.SetGroupVersionKind(kinds[0])
		out = append(out, p)
	}
	return out
}

// fail makes the API server answer a verb on a resource with an error; "*"
// stands for any.
func (w *world) fail(verb, resource string, err error) {
	reaction := func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err }
	w.kube.PrependReactor(verb, resource, reaction)
	w.metadata.PrependReactor(verb, resource, reaction)
}

// reads counts what was asked of the API server.
func (w *world) reads() int { return len(w.kube.Actions()) + len(w.metadata.Actions()) }

type fakeMeter struct {
	measured func(context.Context, podQuery) (usage, error)
}

func (f fakeMeter) measure(ctx context.Context, q podQuery) (usage, error) { return f.measured(ctx, q) }

func standardUsage(context.Context, podQuery) (usage, error) {
	return usage{"app": corev1.ResourceList{"memory": resource.MustParse("120Mi"), "cpu": resource.MustParse("90m")}}, nil
}

func shop(kind event.Target, name string) event.Target {
	kind.Namespace, kind.Name = "shop", name
	return kind
}

func about(target event.Target) event.Signal { return event.Signal{Target: target, Resource: target} }

func crashingPod() event.Signal {
	return event.Signal{Target: shop(kindDeployment, "cart"), Resource: shop(kindPod, "cart-c3-bbbbb")}
}
