package function

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// shelter is a world with objects of many kinds, of which some may not be
// read.
func shelter(t *testing.T) *world {
	w := newWorld(t)
	for _, top := range []string{"shop/Certificate.cert-manager.io/tls", "shop/Certificate.networking.internal.knative.dev/route-1",
		"shop/Rollout.argoproj.io/cart", "shop/Cluster.postgresql.cnpg.io/db", "flux-system/Kustomization.kustomize.toolkit.fluxcd.io/apps",
		"/PersistentVolume/pv-1", "/NodePool.karpenter.sh/spot", "/Namespace/shop", "shop/ResourceQuota/compute", "flux-system/Deployment/kustomize-controller"} {
		w.cluster.own(top)
	}
	kind := func(group, kind string, namespaced bool) cluster.Kind {
		return cluster.Kind{Group: group, Version: "v1", Kind: kind, Namespaced: namespaced}
	}
	certificates := []cluster.Kind{kind("cert-manager.io", "Certificate", true), kind("networking.internal.knative.dev", "Certificate", true)}
	w.cluster.kinds = map[string][]cluster.Kind{
		"certificate": certificates, "Certificate": certificates,
		"rollout": {kind("argoproj.io", "Rollout", true)}, "cluster": {kind("postgresql.cnpg.io", "Cluster", true)},
		"persistentvolume": {kind("", "PersistentVolume", false)}, "nodepool": {kind("karpenter.sh", "NodePool", false)},
		"resourcequota": {kind("", "ResourceQuota", true)}, "backup": {kind("velero.io", "Backup", true)},
		"Kustomization": {kind("kustomize.toolkit.fluxcd.io", "Kustomization", true)},
	}
	w.cluster.denied = map[string]bool{"shop/Backup.velero.io/daily": true, "flux-system/Kustomization.kustomize.toolkit.fluxcd.io/private": true,
		"shop/Certificate.cert-manager.io/route-1": true}
	return w
}

func TestWhichObjectAnAlertIsAbout(t *testing.T) {
	tests := map[string]struct {
		labels         []string
		target, reason string
	}{
		"a rollout of Argo, by its label": {labels: []string{"namespace", "shop", "rollout", "cart"}, target: "shop/Rollout.argoproj.io/cart"},
		"a cluster of CloudNativePG, which the label cluster never is": {labels: []string{"namespace", "shop", "cluster", "east", "cnpg_cluster", "db"},
			target: "shop/Cluster.postgresql.cnpg.io/db"},
		"the label cluster alone names no object": {labels: []string{"cluster", "east"}, reason: signal.ReasonNoTarget},
		"an object of Flux that kube-state-metrics reports on": {labels: []string{"customresource_group", "kustomize.toolkit.fluxcd.io", "customresource_kind", "Kustomization",
			"exported_namespace", "flux-system", "name", "apps", "namespace", "monitoring", "pod", "kube-prometheus-stack-kube-state-metrics-0"},
			target: "flux-system/Kustomization.kustomize.toolkit.fluxcd.io/apps"},
		"an object of Flux that Flux reports on": {labels: []string{"kind", "Kustomization", "name", "apps", "namespace", "flux-system"},
			target: "flux-system/Kustomization.kustomize.toolkit.fluxcd.io/apps"},
		"a volume, which is in no namespace":      {labels: []string{"persistentvolume", "pv-1", "namespace", "monitoring", "pod", "kube-state-metrics-0"}, target: "/PersistentVolume/pv-1"},
		"a cluster-scoped kind of somebody's own": {labels: []string{"nodepool", "spot"}, target: "/NodePool.karpenter.sh/spot"},
		"a kind that two groups serve is the one that exists": {labels: []string{"namespace", "shop", "kind", "Certificate", "name", "tls"},
			target: "shop/Certificate.cert-manager.io/tls"},
		"a guess that may not be read does not hide what exists": {labels: []string{"namespace", "shop", "certificate", "route-1"},
			target: "shop/Certificate.networking.internal.knative.dev/route-1"},
		"a guess that may not be read is named where nothing else exists": {labels: []string{"namespace", "shop", "backup", "daily"},
			target: "shop/Backup.velero.io/daily", reason: ReasonForbidden},
		"what is plainly named and may not be read is not the next best": {labels: []string{"kind", "Kustomization", "name", "private", "namespace", "flux-system",
			"deployment", "kustomize-controller"}, target: "flux-system/Kustomization.kustomize.toolkit.fluxcd.io/private", reason: ReasonForbidden},
		"a quota by its label":                                  {labels: []string{"namespace", "shop", "resourcequota", "compute"}, target: "shop/ResourceQuota/compute"},
		"a namespace where labels name no kind":                 {labels: []string{"namespace", "shop", "customer", "acme"}, target: "/Namespace/shop"},
		"a namespace where the kind is not served here":         {labels: []string{"namespace", "shop", "kind", "Unheard", "name", "x"}, target: "/Namespace/shop"},
		"no namespace where something in it is gone":            {labels: []string{"namespace", "shop", "certificate", "gone"}, target: "shop/Certificate.cert-manager.io/gone", reason: ReasonTargetGone},
		"a namespaced kind without a namespace is nothing":      {labels: []string{"certificate", "tls"}, reason: signal.ReasonNoTarget},
		"a node's address that no node has":                     {labels: []string{"job", "node-exporter", "instance", "10.9.9.9:9100"}, target: "/Node/10.9.9.9", reason: ReasonTargetGone},
		"a pod that is gone is not its Namespace, nor its node": {labels: []string{"namespace", "shop", "pod", "gone", "node", "worker-2.example.internal"}, target: "shop/Pod/gone", reason: ReasonTargetGone},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := shelter(t)
			got := post(t, w.gateway(t), body(alert("firing", test.labels...)))
			require.Len(t, got.answer.Results, 1, got.raw)
			r := got.answer.Results[0]
			require.Equal(t, []string{test.target, test.reason}, []string{r.Target, r.Reason}, got.raw)
			require.Equal(t, test.reason == "", len(w.broker.of(event.SignalReceived)) == 1)
		})
	}
}

// TestAnAlertOfManyOddLabelsCostsFewReads names an object of a served kind by
// every label it may have.
func TestAnAlertOfManyOddLabelsCostsFewReads(t *testing.T) {
	w := newWorld(t)
	var labels []string
	for i := range source.MaxLabels - 4 {
		word := fmt.Sprintf("kind%03d", i)
		w.cluster.kinds[word] = []cluster.Kind{{Group: "example.org", Version: "v1", Kind: "Kind", Namespaced: true}}
		labels = append(labels, word, "x")
	}
	var reads int
	w.fault = func(step string, after bool) error {
		if step == "owners" && !after {
			reads++
		}
		return nil
	}
	got := post(t, w.gateway(t), body(alert("firing", append(labels, "namespace", "shop")...)))
	require.Equal(t, ReasonTargetGone, got.answer.Results[0].Reason, got.raw)
	require.Equal(t, maxTried, reads)
}

func TestWhatTheClusterCannotSayNowIsAskedAgain(t *testing.T) {
	tests := map[string]struct {
		step   string
		labels []string
	}{
		"an owner":            {"owners", []string{"namespace", "shop", "pod", "cart-1"}},
		"the scope":           {"scope", []string{"namespace", "shop", "pod", "cart-1"}},
		"the kinds":           {"discover", []string{"namespace", "shop", "certificate", "tls"}},
		"a node by address":   {"address", []string{"job", "node-exporter", "instance", "10.0.0.33:9100"}},
		"the second of three": {"discover", []string{"namespace", "shop", "pod", "gone", "certificate", "tls"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := shelter(t)
			w.breakAt(test.step, false)
			g := w.gateway(t)
			got := post(t, g, body(alert("firing", test.labels...)))
			require.Equal(t, http.StatusServiceUnavailable, got.code, got.raw)
			require.Contains(t, got.raw, ReasonUnreadable)
			require.Empty(t, w.broker.of(event.SignalReceived), "no claim on anything")
			require.Equal(t, http.StatusCreated, post(t, g, body(alert("firing", test.labels...))).code)
		})
	}
}
