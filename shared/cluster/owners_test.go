package cluster_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

func TestOwners(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{}, "db", errors.New("no"))
	tests := map[string]struct {
		objects []*metav1.PartialObjectMetadata
		target  event.Target
		fail    func(resource, name string) error
		want    []string
		err     error
	}{
		"a pod belongs to its ReplicaSet's Deployment": {objects: shop(), target: podOf("cart-6d5f-x"),
			want: []string{"shop/Pod/cart-6d5f-x", "shop/ReplicaSet/cart-6d5f", "shop/Deployment/cart"}},
		"a top owner is its own chain": {objects: shop(), target: event.Target{Kind: "Deployment", Namespace: "shop", Name: "cart"},
			want: []string{"shop/Deployment/cart"}},
		"a pod that nobody controls is its own top": {objects: []*metav1.PartialObjectMetadata{object("v1", "Pod", "shop", "lone")},
			target: podOf("lone"), want: []string{"shop/Pod/lone"}},
		"a mirror pod is its own top, not its node": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "etcd", mirror, ownedBy("v1", "Node", "cp-1")), object("v1", "Node", "", "cp-1")},
			target: podOf("etcd"), want: []string{"shop/Pod/etcd"}},
		"a pod whose controller is a node stops too, without the annotation": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "etcd", ownedBy("v1", "Node", "cp-1")), object("v1", "Node", "", "cp-1")},
			target: podOf("etcd"), want: []string{"shop/Pod/etcd"}},
		"a cluster-scoped object ignores a namespace": {objects: []*metav1.PartialObjectMetadata{object("v1", "Node", "", "worker-1")},
			target: event.Target{Kind: "Node", Namespace: "monitoring", Name: "worker-1"}, want: []string{"/Node/worker-1"}},
		"an owner of a foreign kind is found by discovery": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "db-1", ownedBy("postgresql.cnpg.io/v1", "Cluster", "db")), object("postgresql.cnpg.io/v1", "Cluster", "shop", "db")},
			target: podOf("db-1"), want: []string{"shop/Pod/db-1", "shop/Cluster.postgresql.cnpg.io/db"}},
		"a foreign owner that may not be read ends the chain below it": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "db-1", ownedBy("postgresql.cnpg.io/v1", "Cluster", "db"))},
			target: podOf("db-1"), want: []string{"shop/Pod/db-1"},
			fail: func(resource, _ string) error {
				if resource == "clusters" {
					return forbidden
				}
				return nil
			}},
		"a foreign owner of a kind that is not served ends the chain below it": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "db-1", ownedBy("example.org/v1", "Thing", "db"))}, target: podOf("db-1"), want: []string{"shop/Pod/db-1"}},
		"Kubernetes' own owner that may not be read is an error": {objects: shop(), target: podOf("cart-6d5f-x"), err: forbidden,
			fail: func(resource, _ string) error {
				if resource == "replicasets" {
					return forbidden
				}
				return nil
			}},
		"a pod that is gone is gone":                        {objects: shop(), target: podOf("other"), err: cluster.ErrGone},
		"a pod whose controller is gone is about to go too": {objects: shop()[3:], target: podOf("cart-6d5f-x"), err: cluster.ErrGone},
		"a controller that was replaced by another of its name is gone": {objects: append(shop()[:2:2], shop()[3],
			object("apps/v1", "ReplicaSet", "shop", "cart-6d5f", func(o *metav1.PartialObjectMetadata) { o.UID = "another" })),
			target: podOf("cart-6d5f-x"), err: cluster.ErrGone},
		"a target without a namespace names nothing": {target: event.Target{Kind: "Pod", Name: "x"}, err: cluster.ErrGone},
		"a kind that nobody serves is unknown":       {target: event.Target{Kind: "Thing", Namespace: "shop", Name: "x"}, err: cluster.ErrUnknownKind},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, test.objects...)
			b.fail = test.fail
			chain, err := b.Owners(t.Context(), test.target)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.want, written(chain))
			chain, err = cluster.NewCache(b.Clients, 0).Owners(t.Context(), test.target)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.want, written(chain))
		})
	}
}

func TestOwnersCarryWhatTellsObjectsApart(t *testing.T) {
	chain, err := newBed(t, shop()...).Owners(t.Context(), podOf("cart-6d5f-x"))
	require.NoError(t, err)
	require.Equal(t, event.Target{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "cart", UID: "uid-cart"}, chain[2])
}

func TestTheWalkEnds(t *testing.T) {
	a := object("apps/v1", "ReplicaSet", "shop", "a", ownedBy("apps/v1", "ReplicaSet", "b"))
	b := object("apps/v1", "ReplicaSet", "shop", "b", ownedBy("apps/v1", "ReplicaSet", "a"))
	chain, err := newBed(t, a, b).Owners(t.Context(), event.Target{Kind: "ReplicaSet", Namespace: "shop", Name: "a"})
	require.NoError(t, err)
	require.Len(t, chain, cluster.MaxOwners+1)
}
