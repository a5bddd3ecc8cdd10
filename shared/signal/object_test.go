package signal_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/signal"
)

func TestAnObjectThatTheSenderNamesIsTheOnlyCandidate(t *testing.T) {
	tests := map[string]struct {
		object signal.Object
		want   signal.Candidate
		reason string
	}{
		"a pod": {object: signal.Object{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "cart-1"},
			want: found("Pod", "shop", "cart-1", "")},
		"a kind of Kubernetes' own groups is bare": {object: signal.Object{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "cart"},
			want: found("Deployment", "shop", "cart", "")},
		"any other has its group": {object: signal.Object{APIVersion: "helm.toolkit.fluxcd.io/v2", Kind: "HelmRelease", Namespace: "shop", Name: "cart"},
			want: found("HelmRelease.helm.toolkit.fluxcd.io", "shop", "cart", "")},
		"what is cluster-scoped has no namespace": {object: signal.Object{APIVersion: "v1", Kind: "Node", Name: "worker-1.example"},
			want: found("Node", "", "worker-1.example", "")},
		"without an API version the kind is Kubernetes' own": {object: signal.Object{Kind: "Pod", Namespace: "shop", Name: "cart-1"},
			want: found("Pod", "shop", "cart-1", "")},
		"a name that no object has":   {object: signal.Object{Kind: "Pod", Namespace: "shop", Name: "../x"}, reason: signal.ReasonNoTarget},
		"no name":                     {object: signal.Object{Kind: "Pod", Namespace: "shop"}, reason: signal.ReasonNoTarget},
		"a namespace that is none":    {object: signal.Object{Kind: "Pod", Namespace: "shop.x", Name: "cart-1"}, reason: signal.ReasonNoTarget},
		"a kind that is none":         {object: signal.Object{Kind: "Pod/x", Namespace: "shop", Name: "cart-1"}, reason: signal.ReasonNoTarget},
		"a kind that is far too long": {object: signal.Object{Kind: strings.Repeat("K", 64), Namespace: "shop", Name: "cart-1"}, reason: signal.ReasonNoTarget},
		"a group that is none":        {object: signal.Object{APIVersion: "a b/v1", Kind: "Pod", Namespace: "shop", Name: "cart-1"}, reason: signal.ReasonNoTarget},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// The labels name others: none of them counts.
			got, reason := signal.NewRules().Candidates(signal.Alert{Object: test.object,
				Labels: labels{"namespace": "shop", "deployment": "other", "node": "worker-9", "job": "kubelet"}})
			require.Equal(t, signal.ReasonNoTarget, reason, "what to say where it names nothing")
			if test.reason == "" {
				require.Equal(t, []signal.Candidate{test.want}, got)
			} else {
				require.Empty(t, got)
			}
		})
	}
}

func TestMomentsAreToldByTheirID(t *testing.T) {
	id := signal.MomentID(labels{"event": "BackOff", "uid": "3c1f"})
	require.True(t, signal.Momentary(id))
	require.NotEqual(t, id, signal.MomentID(labels{"event": "BackOff", "uid": "3c20"}))
	require.Equal(t, id, signal.AlertID(id, nil), "it is an id as senders may have them")
	require.False(t, signal.Momentary(signal.AlertID("", labels{"alertname": "X"})))
}
