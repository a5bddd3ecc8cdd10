package signal_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/signal"
)

func TestSeverity(t *testing.T) {
	for sent, want := range map[string]string{"critical": "critical", "page": "critical", "Error": "high", "high": "high", "warning": "medium",
		"medium": "medium", " INFO ": "low", "low": "low", "none": "unknown", "": "unknown", "P1": "unknown"} {
		require.Equal(t, want, signal.Severity(sent), "%q", sent)
	}
}

func TestFingerprintIsTheHashOfTheWorkload(t *testing.T) {
	sha := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	tests := map[string]struct {
		workload signal.Workload
		text     string
	}{
		"a workload in a namespace":               {signal.Workload{Namespace: "shop", Kind: "Deployment", Name: "cart"}, "shop:Deployment:cart"},
		"a cluster's name comes first":            {signal.Workload{Cluster: "east", Namespace: "shop", Kind: "Deployment", Name: "cart"}, "east:shop:Deployment:cart"},
		"what is cluster-scoped has no namespace": {signal.Workload{Kind: "Node", Name: "worker-1"}, ":Node:worker-1"},
		"a foreign kind has its group":            {signal.Workload{Namespace: "shop", Kind: signal.KindName("serving.knative.dev", "Service"), Name: "cart"}, "shop:Service.serving.knative.dev:cart"},
		"Kubernetes' own kind is bare":            {signal.Workload{Namespace: "shop", Kind: signal.KindName("networking.k8s.io", "Ingress"), Name: "cart"}, "shop:Ingress:cart"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, sha(test.text), test.workload.Fingerprint()) })
	}
}

// TestFingerprintsAreThoseThatUsersKnow compares with hashes that another
// program made.
func TestFingerprintsAreThoseThatUsersKnow(t *testing.T) {
	text, err := os.ReadFile("testdata/fingerprints.txt")
	require.NoError(t, err)
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(strings.TrimSpace(line), " ")
		require.Len(t, parts, 5, line)
		for i, part := range parts {
			parts[i] = strings.TrimPrefix(part, "-")
		}
		got := signal.Workload{Cluster: parts[1], Namespace: parts[2], Kind: parts[3], Name: parts[4]}.Fingerprint()
		require.Equal(t, parts[0], got, line)
		require.False(t, seen[got], line)
		seen[got] = true
	}
	require.Len(t, seen, 15)
}

func TestAlertID(t *testing.T) {
	a := labels{"alertname": "X", "pod": "p"}
	require.Equal(t, "3a47c610dde4c41f", signal.AlertID("3a47c610dde4c41f", a), "the sender's own is kept")
	own := signal.AlertID("", a)
	require.Len(t, own, 32)
	require.Equal(t, own, signal.AlertID("", labels{"pod": "p", "alertname": "X"}), "order means nothing")
	require.NotEqual(t, own, signal.AlertID("", labels{"alertname": "X", "pod": "q"}))
	require.NotEqual(t, signal.AlertID("", labels{"a": "b1:c1:d"}), signal.AlertID("", labels{"a": "b", "c": "d"}))
	for _, hostile := range []string{"{tag}", "a b", "#alerts", "a\nb", string(make([]byte, 65))} {
		require.Equal(t, own, signal.AlertID(hostile, a), "%q must not reach a key", hostile)
	}
}

func TestIgnored(t *testing.T) {
	tests := map[string]struct {
		labels labels
		own    string
		want   string
	}{
		"the watchdog is a heartbeat":                     {labels{"alertname": "Watchdog"}, "", signal.ReasonHeartbeat},
		"the inhibitor is never remediated":               {labels{"alertname": "InfoInhibitor"}, "", signal.ReasonInhibitor},
		"another cluster's alert is not ours":             {labels{"alertname": "X", "cluster": "west"}, "east", signal.ReasonOtherCluster},
		"our own cluster's is":                            {labels{"alertname": "X", "cluster": "east"}, "east", ""},
		"an alert that names no cluster is ours":          {labels{"alertname": "X"}, "east", ""},
		"where our name is not known all alerts are ours": {labels{"alertname": "X", "cluster": "west"}, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, signal.Ignored(signal.Alert{Labels: test.labels}, test.own))
		})
	}
}
