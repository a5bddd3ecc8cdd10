package cluster_test

import (
	"errors"
	"fmt"
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
		"a foreign owner that may not be read may have opted out": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "db-1", ownedBy("postgresql.cnpg.io/v1", "Cluster", "db"))},
			target: podOf("db-1"), err: cluster.ErrForbidden, fail: failing("clusters", forbidden)},
		"a rollout of Argo is above its ReplicaSet": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "cart-1", ownedBy("apps/v1", "ReplicaSet", "cart-6d5f")),
			object("apps/v1", "ReplicaSet", "shop", "cart-6d5f", ownedBy("argoproj.io/v1alpha1", "Rollout", "cart")),
			object("argoproj.io/v1alpha1", "Rollout", "shop", "cart")},
			target: podOf("cart-1"), want: []string{"shop/Pod/cart-1", "shop/ReplicaSet/cart-6d5f", "shop/Rollout.argoproj.io/cart"}},
		"a Job belongs to its CronJob": {objects: []*metav1.PartialObjectMetadata{
			object("batch/v1", "Job", "shop", "report-1", ownedBy("batch/v1", "CronJob", "report")), object("batch/v1", "CronJob", "shop", "report")},
			target: event.Target{Kind: "Job", Namespace: "shop", Name: "report-1"}, want: []string{"shop/Job/report-1", "shop/CronJob/report"}},
		"a namespaced object may have an owner that is cluster-scoped": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "x", ownedBy("karpenter.sh/v1", "NodePool", "spot")), object("karpenter.sh/v1", "NodePool", "", "spot")},
			target: podOf("x"), want: []string{"shop/Pod/x", "/NodePool.karpenter.sh/spot"}},
		"a cluster-scoped object has no owner in a namespace": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "PersistentVolume", "", "pv-1", ownedBy("apps/v1", "StatefulSet", "db"))},
			target: event.Target{Kind: "PersistentVolume", Name: "pv-1"}, want: []string{"/PersistentVolume/pv-1"}},
		"an owner of that name in another namespace is not it": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "x", ownedBy("apps/v1", "StatefulSet", "db")), object("apps/v1", "StatefulSet", "other", "db")},
			target: podOf("x"), err: cluster.ErrGone},
		"an owner that does not control decides nothing": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "x", func(o *metav1.PartialObjectMetadata) {
				o.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db", UID: "uid-db"}}
			})}, target: podOf("x"), want: []string{"shop/Pod/x"}},
		"owners in a circle are each met once": {objects: []*metav1.PartialObjectMetadata{
			object("apps/v1", "ReplicaSet", "shop", "a", ownedBy("apps/v1", "ReplicaSet", "b")),
			object("apps/v1", "ReplicaSet", "shop", "b", ownedBy("apps/v1", "ReplicaSet", "a"))},
			target: event.Target{Kind: "ReplicaSet", Namespace: "shop", Name: "a"}, want: []string{"shop/ReplicaSet/a", "shop/ReplicaSet/b"}},
		"a foreign owner of a kind that is not served ends the chain below it": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "db-1", ownedBy("example.org/v1", "Thing", "db"))}, target: podOf("db-1"), want: []string{"shop/Pod/db-1"}},
		"Kubernetes' own owner that may not be read is an error": {objects: shop(), target: podOf("cart-6d5f-x"), err: forbidden,
			fail: failing("replicasets", forbidden)},
		"Kubernetes' own owner of a kind that is not served is an error": {objects: []*metav1.PartialObjectMetadata{
			object("v1", "Pod", "shop", "x", ownedBy("apps/v1", "Thing", "db"))}, target: podOf("x"), err: cluster.ErrUnknownKind},
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

func TestTheWalkEndsAfterFiveOwners(t *testing.T) {
	var deep []*metav1.PartialObjectMetadata
	for i := range 9 {
		deep = append(deep, object("apps/v1", "ReplicaSet", "shop", fmt.Sprint("r", i), ownedBy("apps/v1", "ReplicaSet", fmt.Sprint("r", i+1))))
	}
	chain, err := newBed(t, deep...).Owners(t.Context(), event.Target{Kind: "ReplicaSet", Namespace: "shop", Name: "r0"})
	require.NoError(t, err)
	require.Len(t, chain, 1+5)
	require.Equal(t, "shop/ReplicaSet/r5", chain[5].String())
}

func TestWhatMayNotBeReadIsNamed(t *testing.T) {
	b := newBed(t, object("v1", "Pod", "shop", "db-1", ownedBy("postgresql.cnpg.io/v1", "Cluster", "db")))
	b.fail = failing("clusters", apierrors.NewForbidden(schema.GroupResource{}, "db", errors.New("no")))
	_, err := b.Owners(t.Context(), podOf("db-1"))
	var unreadable *cluster.NotReadable
	require.ErrorAs(t, err, &unreadable)
	require.Equal(t, "shop/Cluster.postgresql.cnpg.io/db", unreadable.Target.String(), "the owner, not the pod")
	require.ErrorContains(t, err, "grant get")
}
