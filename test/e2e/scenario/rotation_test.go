package scenario

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
	"kubernaut.ai/test/e2e/product"
)

// whoRotate are the stages of which a rotation of the gateway's key needs new
// revisions: itself, and whoever takes what it seals.
const whoRotate = "gateway,enrich,assess,record"

// TestAKeyIsRotatedAsTheManualSays types each step, and sees after each that
// what the gateway seals is believed; at the end by another key.
func TestAKeyIsRotatedAsTheManualSays(t *testing.T) {
	w := enter(t)
	namespace := w.namespace(t, managed)
	deploy := fmt.Sprintf("make deploy OVERLAY=external REGISTRY=%s PLATFORM=%s FUNCTION=%s", w.site.Registry, w.site.Platform, whoRotate)
	steps := commandsOf(t, "Rotate keys")
	require.Len(t, steps, 3)
	before, ring := w.sealedBy(t, namespace, "before"), w.ring(t)
	var keys []string
	for n, step := range steps {
		w.typeIn(t, step)
		w.typeIn(t, deploy)
		keys = append(keys, w.sealedBy(t, namespace, fmt.Sprintf("step-%d", n+1)))
	}
	require.Equal(t, before, keys[0], "the next key is accepted first, and seals nothing yet")
	require.NotEqual(t, before, keys[1], "promoted")
	require.Equal(t, keys[1], keys[2])
	require.NotEqual(t, ring, w.ring(t))
	require.Equal(t, len(strings.Fields(ring)), len(strings.Fields(w.ring(t))), "the former key is forgotten")
}

// commandsOf are the lines of the commands below a heading of deploy/README.md.
func commandsOf(t testing.TB, heading string) []string {
	t.Helper()
	_, section, found := strings.Cut(manual(t), "\n## "+heading+"\n")
	require.True(t, found, heading)
	section, _, _ = strings.Cut(section, "\n## ")
	block := manualCommand.FindStringSubmatch(section)
	require.NotNil(t, block, heading)
	return strings.Split(strings.TrimSpace(block[1]), "\n")
}

// ring is what stages accept of the gateway.
func (w *world) ring(t testing.TB) string {
	t.Helper()
	seals, err := w.kube.CoreV1().ConfigMaps(product.Namespace).Get(t.Context(), "kubernaut-seals", metav1.GetOptions{})
	require.NoError(t, err)
	return seals.Data["public"]
}

// sealedBy fires an alert about a workload of its own, sees that enrich and
// record believe the gateway, and returns the key by which it was sealed.
func (w *world) sealedBy(t testing.TB, namespace, name string) string {
	t.Helper()
	d := w.rolledOut(t, w.deploy(t, w.fakeDeployment(namespace, name, 1)))
	said := w.tellGateway(t, map[string]string{"alertname": "KubeDeploymentReplicasMismatch", "namespace": namespace, "deployment": d.Name})
	require.Equal(t, "created", said.Status, "%+v", said)
	id := w.opened(t, signal.Workload{Namespace: namespace, Kind: "Deployment", Name: name}).ID
	w.event(t, id, event.SignalEnriched)
	var sealed struct{ Sealkey string }
	require.NoError(t, json.Unmarshal(w.event(t, id, event.SignalReceived).Event, &sealed))
	require.NotEmpty(t, sealed.Sealkey)
	return sealed.Sealkey
}
