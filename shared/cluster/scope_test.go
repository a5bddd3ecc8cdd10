package cluster_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

func TestScope(t *testing.T) {
	cart := event.Target{Kind: "Deployment", Namespace: "shop", Name: "cart"}
	node := event.Target{Kind: "Node", Name: "worker-1"}
	ns := func(options ...option) *metav1.PartialObjectMetadata {
		return object("v1", "Namespace", "", "shop", options...)
	}
	own := func(options ...option) *metav1.PartialObjectMetadata {
		return object("apps/v1", "Deployment", "shop", "cart", options...)
	}
	tests := map[string]struct {
		objects []*metav1.PartialObjectMetadata
		target  event.Target
		want    cluster.Scope
	}{
		"a namespace opts all in that is in it":         {[]*metav1.PartialObjectMetadata{ns(labelled("true")), own()}, cart, cluster.Scope{Managed: true, Reason: cluster.ScopeNamespaceIn}},
		"a resource opts out of its namespace":          {[]*metav1.PartialObjectMetadata{ns(labelled("true")), own(labelled("false"))}, cart, cluster.Scope{Reason: cluster.ScopeResourceOut}},
		"a resource opts in against its namespace":      {[]*metav1.PartialObjectMetadata{ns(labelled("false")), own(labelled("true"))}, cart, cluster.Scope{Managed: true, Reason: cluster.ScopeResourceIn}},
		"a namespace opts out":                          {[]*metav1.PartialObjectMetadata{ns(labelled("false")), own()}, cart, cluster.Scope{Reason: cluster.ScopeNamespaceOut}},
		"nothing is managed that nobody labelled":       {[]*metav1.PartialObjectMetadata{ns(), own()}, cart, cluster.Scope{Reason: cluster.ScopeUnlabelled}},
		"another word on the resource decides nothing":  {[]*metav1.PartialObjectMetadata{ns(labelled("true")), own(labelled("yes"))}, cart, cluster.Scope{Managed: true, Reason: cluster.ScopeNamespaceIn}},
		"another word on the namespace decides nothing": {[]*metav1.PartialObjectMetadata{ns(labelled("True")), own()}, cart, cluster.Scope{Reason: cluster.ScopeUnlabelled}},
		"a kind of somebody's own is like any other": {[]*metav1.PartialObjectMetadata{ns(labelled("true")), object("argoproj.io/v1alpha1", "Rollout", "shop", "cart")},
			event.Target{Kind: "Rollout.argoproj.io", Namespace: "shop", Name: "cart"}, cluster.Scope{Managed: true, Reason: cluster.ScopeNamespaceIn}},
		"and opts out like any other": {[]*metav1.PartialObjectMetadata{ns(labelled("true")), object("argoproj.io/v1alpha1", "Rollout", "shop", "cart", labelled("false"))},
			event.Target{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Namespace: "shop", Name: "cart"}, cluster.Scope{Reason: cluster.ScopeResourceOut}},
		"a cluster-scoped kind of somebody's own has its own label only": {[]*metav1.PartialObjectMetadata{ns(labelled("true")), object("karpenter.sh/v1", "NodePool", "", "spot")},
			event.Target{Kind: "NodePool.karpenter.sh", Namespace: "shop", Name: "spot"}, cluster.Scope{Reason: cluster.ScopeClusterScoped}},
		"a volume is in no namespace": {[]*metav1.PartialObjectMetadata{object("v1", "PersistentVolume", "", "pv-1", labelled("true"))},
			event.Target{Kind: "PersistentVolume", Name: "pv-1"}, cluster.Scope{Managed: true, Reason: cluster.ScopeResourceIn}},
		"a namespace itself has its own label only": {[]*metav1.PartialObjectMetadata{ns(labelled("true"))},
			event.Target{Kind: "Namespace", Name: "shop"}, cluster.Scope{Managed: true, Reason: cluster.ScopeResourceIn}},
		"what is left in a namespace that is gone is not managed": {[]*metav1.PartialObjectMetadata{own()}, cart, cluster.Scope{Reason: cluster.ScopeUnlabelled}},
		"a node has its own label only":                           {[]*metav1.PartialObjectMetadata{object("v1", "Node", "", "worker-1", labelled("true"))}, node, cluster.Scope{Managed: true, Reason: cluster.ScopeResourceIn}},
		"a node without a label is not managed":                   {[]*metav1.PartialObjectMetadata{object("v1", "Node", "", "worker-1")}, node, cluster.Scope{Reason: cluster.ScopeClusterScoped}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, test.objects...)
			got, err := b.Scope(t.Context(), test.target)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			for _, remembering := range []interface {
				Scope(context.Context, event.Target) (cluster.Scope, error)
			}{cluster.NewCache(b.Clients, 0), b.Once()} {
				got, err = remembering.Scope(t.Context(), test.target)
				require.NoError(t, err)
				require.Equal(t, test.want, got)
			}
		})
	}
}

func TestAReadThatFailsIsNo(t *testing.T) {
	down := errors.New("connection refused")
	for _, resource := range []string{"deployments", "namespaces"} {
		b := newBed(t, shop()...)
		b.fail = func(r, _ string) error {
			if r == resource {
				return down
			}
			return nil
		}
		scope, err := b.Scope(t.Context(), event.Target{Kind: "Deployment", Namespace: "shop", Name: "cart"})
		require.ErrorIs(t, err, down, resource)
		require.False(t, scope.Managed)
	}
}

func TestWhatMayNotBeReadIsNotManaged(t *testing.T) {
	for _, resource := range []string{"deployments", "namespaces"} {
		b := newBed(t, shop()...)
		b.fail = failing(resource, apierrors.NewForbidden(schema.GroupResource{}, "x", errors.New("no")))
		scope, err := b.Scope(t.Context(), event.Target{Kind: "Deployment", Namespace: "shop", Name: "cart"})
		require.ErrorIs(t, err, cluster.ErrForbidden, resource)
		require.False(t, scope.Managed)
	}
}

func TestLocateHidesWhatWasLastApplied(t *testing.T) {
	secret := object("apps/v1", "Deployment", "shop", "cart")
	secret.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{password}", "kept": "yes"}
	secret.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "x"}}
	m, err := newBed(t, secret).Locate(t.Context(), event.Target{Kind: "Deployment", Namespace: "shop", Name: "cart"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"kept": "yes"}, m.Annotations)
	require.Empty(t, m.ManagedFields)
	require.Equal(t, "apps/v1", m.APIVersion)
	require.Equal(t, "Deployment", m.Kind)
}
