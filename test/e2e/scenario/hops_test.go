package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/test/e2e/platform/manifest"
)

// chainHops is how many events lead from an alert to its action: received,
// enriched, classified, proposed, approved.
const chainHops = 5

// BenchmarkBareHops measures as many hops as an alert makes to its action, over a
// Broker of the same class, through a function that does nothing: what no
// pipeline on it can be faster than.
func BenchmarkBareHops(b *testing.B) {
	w := enter(b)
	w.keepAwake(b)
	namespace := w.namespace(b, unmanaged)
	sink := "http://broker-ingress.knative-eventing.svc.cluster.local/" + namespace + "/chain"
	w.chain(b, namespace, sink)
	began := map[string]time.Time{}
	rate := time.NewTicker(warmPause / 4)
	defer rate.Stop()
	for n := range warmAlerts + warmUp {
		<-rate.C
		id := fmt.Sprintf("chain-%03d", n)
		began[id] = time.Now()
		w.startChain(b, sink, id)
	}
	var ended map[string]time.Time
	until(b, "the end of every chain", func(ctx context.Context) (bool, any) {
		ended = w.chainsEnded(ctx, namespace)
		delete(ended, "first")
		return len(ended) == len(began), len(ended)
	})
	var took []time.Duration
	for n := warmUp; n < warmAlerts+warmUp; n++ {
		id := fmt.Sprintf("chain-%03d", n)
		took = append(took, ended[id].Sub(began[id]))
	}
	report(b, took)
}

// BenchmarkBareFromIdle measures how long a function that does nothing takes to
// answer from zero: the first alert after idle needs as many such starts as there
// are stages up to the action.
func BenchmarkBareFromIdle(b *testing.B) {
	w := enter(b)
	w.onBed(b, "it would change Knative's settings")
	require.NoError(b, w.letIdle(b.Context()))
	w.withoutPings(b)
	namespace := w.namespace(b, unmanaged)
	w.applyAndAwait(b, fmt.Sprintf(relayManifest, namespace, w.patient, 1, "{}"))
	const rounds = 5
	var took []time.Duration
	for range rounds {
		w.atZero(b)
		until(b, "the bare function at zero", func(context.Context) (bool, any) {
			pods := w.pods(b, namespace)
			return len(pods) == 0, len(pods)
		})
		began := time.Now()
		require.NotNil(b, w.chainsEnded(b.Context(), namespace))
		took = append(took, time.Since(began))
	}
	report(b, took)
}

// relayManifest is a function that hands so many events on, and does nothing else.
const relayManifest = `
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: relay, namespace: %[1]s, labels: {networking.knative.dev/visibility: cluster-local}}
spec:
  template:
    metadata: {annotations: %[4]s}
    spec: {containers: [{image: %[2]s, args: [-relay, "%[3]d"]}]}
`

// onePod are the annotations of a function that has one pod, always.
const onePod = `{autoscaling.knative.dev/min-scale: "1", autoscaling.knative.dev/max-scale: "1"}`

// chainBroker is a Broker as Kubernaut's.
const chainBroker = `
---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: chain
  namespace: %[1]s
  annotations: {eventing.knative.dev/broker.class: MTChannelBasedBroker, messaging.knative.dev/async-handler: "true"}
spec:
  config: {apiVersion: v1, kind: ConfigMap, name: config-br-default-channel, namespace: knative-eventing}
`

// chainTrigger is one hop.
const chainTrigger = `
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: hop-%[2]d, namespace: %[1]s}
spec:
  broker: chain
  filters: [{exact: {type: hop.%[2]d}}]
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: relay}}
`

func (w *world) chain(t testing.TB, namespace, sink string) {
	t.Helper()
	text := fmt.Sprintf(relayManifest, namespace, w.patient, chainHops, onePod) + fmt.Sprintf(chainBroker, namespace)
	for hop := 1; hop <= chainHops; hop++ {
		text += fmt.Sprintf(chainTrigger, namespace, hop)
	}
	w.applyAndAwait(t, text)
	// A Broker is Ready before its channel has heard of every Trigger: what comes
	// then goes nowhere.
	until(t, "a chain that ends", func(ctx context.Context) (bool, any) {
		w.startChain(t, sink, "first")
		ended := w.chainsEnded(ctx, namespace)
		return !ended["first"].IsZero(), ended
	})
}

// applyAndAwait applies manifests and waits until all they make is ready.
func (w *world) applyAndAwait(t testing.TB, manifests string) {
	t.Helper()
	objects, err := manifest.Parse([]byte(manifests))
	require.NoError(t, err)
	require.NoError(t, w.cluster.Apply(t.Context(), objects...))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, object := range objects {
		require.NoError(t, w.cluster.AwaitReady(ctx, object))
	}
}

// startChain posts the first event; the Broker has it when this returns.
func (w *world) startChain(t testing.TB, sink, id string) {
	t.Helper()
	until(t, "the Broker takes "+id, func(ctx context.Context) (bool, any) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, sink, strings.NewReader("{}"))
		require.NoError(t, err)
		for key, value := range map[string]string{"Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": id + "-1",
			"ce-source": "/bench", "ce-type": "hop.1", "ce-subject": id} {
			request.Header.Set(key, value)
		}
		response, err := w.http.Do(request)
		if err != nil {
			return false, err
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusAccepted, response.Status
	})
}

// chainsEnded is when each chain that has ended did; nil if the relay says nothing.
func (w *world) chainsEnded(ctx context.Context, namespace string) map[string]time.Time {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://relay."+namespace+clusterDomain+"/", nil)
	if err != nil {
		return nil
	}
	response, err := w.http.Do(request)
	if err != nil {
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	ended := map[string]time.Time{}
	if response.StatusCode != http.StatusOK || json.NewDecoder(response.Body).Decode(&ended) != nil {
		return nil
	}
	return ended
}
