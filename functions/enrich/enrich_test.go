package function

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The golden files are what analysts get to see; read them when they change.
func TestTheContextOfEachKind(t *testing.T) {
	tests := []struct {
		name   string
		signal event.Signal
	}{
		{"deployment-by-its-crashing-pod", crashingPod()},
		{"deployment-by-itself", about(shop(kindDeployment, "cart"))},
		{"statefulset", about(shop(kindStatefulSet, "db"))},
		{"daemonset", about(shop(kindDaemonSet, "agent"))},
		{"replicaset", about(shop(kindReplicaSet, "cart-b2"))},
		{"job", about(shop(kindJob, "report-1"))},
		{"cronjob-by-its-job", event.Signal{Target: shop(kindCronJob, "report"), Resource: shop(kindJob, "report-1")}},
		{"pod-without-owner", about(shop(kindPod, "bare"))},
		{"horizontalpodautoscaler", about(shop(kindAutoscaler, "cart"))},
		{"poddisruptionbudget", about(shop(kindBudget, "cart"))},
		{"persistentvolumeclaim", about(shop(kindClaim, "cart-data"))},
		{"service", about(shop(kindService, "cart"))},
		{"node", about(event.Target{APIVersion: "v1", Kind: "Node", Name: "node-2"})},
		{"namespace", about(event.Target{APIVersion: "v1", Kind: "Namespace", Name: "shop"})},
		{"kind-without-reader", about(shop(event.Target{APIVersion: "v1", Kind: "ConfigMap"}, "settings"))},
		{"deployment-that-is-gone", event.Signal{Target: shop(kindDeployment, "vanished"), Resource: shop(kindPod, "bare")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			got, err := w.enricher.enrich(t.Context(), test.signal)
			require.NoError(t, err)
			body, err := json.MarshalIndent(got, "", "  ")
			require.NoError(t, err)
			body = append(body, '\n')
			require.NotContains(t, string(body), "CLASSIFIED", "a secret reached the context")
			golden := filepath.Join("testdata", "golden", test.name+".json")
			if *update {
				require.NoError(t, os.WriteFile(golden, body, 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(body))
			require.LessOrEqual(t, w.reads(), 14, "reads of the API server")
		})
	}
}

// Every kind of the alert table has a reader of its own.
func TestEveryKindThatAlertsNameHasAReader(t *testing.T) {
	for _, kind := range []string{"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob",
		"HorizontalPodAutoscaler", "PodDisruptionBudget", "PersistentVolumeClaim", "Node", "Service", "Namespace"} {
		require.Contains(t, readers, kind)
	}
}

// The proof against secrets is worth what the fixture hides.
func TestTheFixtureHidesSecretsWhereTheyAreInClusters(t *testing.T) {
	body, err := os.ReadFile("testdata/world.yaml")
	require.NoError(t, err)
	for _, place := range []string{"value: CLASSIFIED", "args: [CLASSIFIED]", "--password=CLASSIFIED", "last-applied-configuration: '{\"CLASSIFIED",
		"note: CLASSIFIED", "CLASSIFIED last log line", "data: {key: CLASSIFIED}"} {
		require.Contains(t, string(body), place)
	}
}

func TestTheStageRepliesWithAnEnrichedSignal(t *testing.T) {
	w := newWorld(t)
	data, err := json.Marshal(event.SignalReceivedData{Signal: crashingPod()})
	require.NoError(t, err)
	reply, err := routes(w.enricher)[event.SignalReceived](t.Context(), stage.Input[json.RawMessage]{Data: data})
	require.NoError(t, err)
	require.Equal(t, event.SignalEnriched, reply.Type)
	require.Equal(t, event.SectionContext, reply.Sections[0].Name)
	require.Equal(t, "dep-cart", reply.Sections[0].Value.(event.Context).Target.UID)
}

func TestNothingReadableIsAFailureThatMayPass(t *testing.T) {
	w := newWorld(t)
	w.fail("*", "*", errors.New("connection refused"))
	data, err := json.Marshal(event.SignalReceivedData{Signal: crashingPod()})
	require.NoError(t, err)
	_, err = routes(w.enricher)[event.SignalReceived](t.Context(), stage.Input[json.RawMessage]{Data: data})
	var failure *stage.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, ReasonUnreadable, failure.Reason)
	require.False(t, failure.Permanent)
	require.ErrorContains(t, err, "connection refused")
	require.LessOrEqual(t, len(err.Error()), 2*event.MaxText, "an error is bounded")
}

func TestTextsAreBounded(t *testing.T) {
	long := strings.Repeat("x", 4*event.MaxText)
	w := newWorld(t, longEvent(long))
	got, err := w.enricher.enrich(t.Context(), about(shop(kindDeployment, "cart")))
	require.NoError(t, err)
	require.Equal(t, "TooLong", got.Events[0].Reason)
	require.LessOrEqual(t, len(got.Events[0].Message), event.MaxText)
}
