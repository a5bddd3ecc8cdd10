package scenario

import (
	"bufio"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubernaut.ai/test/e2e/platform/manifest"
	"kubernaut.ai/test/e2e/product"
)

var inMemoryChannels = schema.GroupVersionResource{Group: "messaging.knative.dev", Version: "v1", Resource: "inmemorychannels"}

// nobody subscribes to what never comes: a channel without any subscriber
// answers that it is not there.
const nobody = `
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: nobody, namespace: kubernaut-system}
spec:
  broker: kubernaut
  filters: [{exact: {type: never}}]
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: record}}
`

// withoutTriggers takes every subscription of the product away until the test
// ends. The Broker is made anew: one whose Triggers are deleted goes on dispatching
// to them, to nobody, until its dispatcher misses its liveness probe.
func (w *world) withoutTriggers(t testing.TB) {
	t.Helper()
	instead, err := manifest.Parse([]byte(nobody))
	require.NoError(t, err)
	objects, err := product.Render(product.Root(), product.Overlay)
	require.NoError(t, err)
	ours, _ := manifest.Split(objects, manifest.OfKind("Trigger"))
	broker, _ := manifest.Split(objects, manifest.OfKind("Broker"))
	require.Len(t, broker, 1)
	w.replace(t, broker[0], ours, instead)
	t.Cleanup(func() { w.replace(t, broker[0], instead, ours) })
}

// replace makes the Broker anew, with other Triggers.
func (w *world) replace(t testing.TB, broker *unstructured.Unstructured, former, next []*unstructured.Unstructured) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(t.Context()), patience, errImpatient)
	defer cancel()
	require.NoError(t, w.cluster.Delete(ctx, former...))
	require.NoError(t, w.cluster.Delete(ctx, broker))
	// Its channel goes after it, and the new one's has the same name.
	channels := w.dynamic.Resource(inMemoryChannels).Namespace(product.Namespace)
	require.NoError(t, manifest.Await(ctx, func(ctx context.Context) (bool, error) {
		left, err := channels.List(ctx, metav1.ListOptions{})
		return err == nil && len(left.Items) == 0, err
	}), "the former Broker's channel")
	require.NoError(t, w.cluster.Apply(ctx, append([]*unstructured.Unstructured{broker}, next...)...))
	require.NoError(t, w.cluster.AwaitReady(ctx, broker))
	for _, trigger := range next {
		require.NoError(t, w.cluster.AwaitReady(ctx, trigger))
	}
}

// turns are how long each event of a remediation took a stage since a moment.
func (w *world) turns(t testing.TB, stage string, since time.Time) (took []time.Duration) {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(w.logSince(t.Context(), stage, since)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// "took" is in seconds; a line that is none of a turn has none.
		var line struct {
			Remediation string
			Took        float64
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Remediation != "" && line.Took > 0 {
			took = append(took, time.Duration(line.Took*float64(time.Second)))
		}
	}
	require.NoError(t, lines.Err())
	return took
}

// imageSize is what a node of the bed pulls to run a stage, in bytes.
func (w *world) imageSize(t testing.TB, stage string) (size float64) {
	t.Helper()
	service, err := w.dynamic.Resource(knativeServices).Namespace(product.Namespace).Get(t.Context(), stage, metav1.GetOptions{})
	require.NoError(t, err)
	containers, _, err := unstructured.NestedSlice(service.Object, "spec", "template", "spec", "containers")
	require.NoError(t, err)
	require.Len(t, containers, 1)
	reference, err := name.ParseReference(containers[0].(map[string]any)["image"].(string), name.Insecure)
	require.NoError(t, err)
	packed, err := remote.Image(reference, remote.WithContext(t.Context()), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	require.NoError(t, err)
	document, err := packed.Manifest()
	require.NoError(t, err)
	size = float64(document.Config.Size)
	for _, layer := range document.Layers {
		size += float64(layer.Size)
	}
	return size
}
