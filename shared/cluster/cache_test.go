package cluster_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

var pods = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

func TestOwnersAreRememberedForAMinute(t *testing.T) {
	b := newBed(t, shop()...)
	cache := cluster.NewCache(b.Clients, 0)
	for range 50 {
		_, err := cache.Owners(t.Context(), podOf("cart-6d5f-x"))
		require.NoError(t, err)
		b.advance(time.Second)
	}
	require.Equal(t, 1, b.read("pods/cart-6d5f-x"))
	require.Equal(t, 1, b.read("deployments/cart"))
	b.advance(time.Minute)
	_, err := cache.Owners(t.Context(), podOf("cart-6d5f-x"))
	require.NoError(t, err)
	require.Equal(t, 2, b.read("pods/cart-6d5f-x"))
}

func TestARememberedPodWithoutAnOwnerIsVerified(t *testing.T) {
	b := newBed(t, append(shop()[:3:3], object("v1", "Pod", "shop", "cart-6d5f-x"))...)
	cache := cluster.NewCache(b.Clients, 0)
	chain, err := cache.Owners(t.Context(), podOf("cart-6d5f-x"))
	require.NoError(t, err)
	require.Len(t, chain, 1)

	t.Run("and its owner is found where it has one by now", func(t *testing.T) {
		b.put(t, "pods", shop()[3])
		b.advance(2 * time.Second)
		chain, err := cache.Owners(t.Context(), podOf("cart-6d5f-x"))
		require.NoError(t, err)
		require.Len(t, chain, 3)
	})
	t.Run("and it is gone where it is gone", func(t *testing.T) {
		b.put(t, "pods", object("v1", "Pod", "shop", "lone"))
		_, err := cache.Owners(t.Context(), podOf("lone"))
		require.NoError(t, err)
		b.remove(t, pods, types.NamespacedName{Namespace: "shop", Name: "lone"})
		b.advance(2 * time.Second)
		_, err = cache.Owners(t.Context(), podOf("lone"))
		require.ErrorIs(t, err, cluster.ErrGone)
	})
}

func TestAbsenceIsRememberedForTwoSeconds(t *testing.T) {
	b := newBed(t, shop()[:3]...)
	cache := cluster.NewCache(b.Clients, 0)
	for range 3 {
		_, err := cache.Owners(t.Context(), podOf("cart-6d5f-x"))
		require.ErrorIs(t, err, cluster.ErrGone)
	}
	require.Equal(t, 1, b.read("pods/cart-6d5f-x"))
	b.put(t, "pods", shop()[3])
	b.advance(3 * time.Second)
	_, err := cache.Owners(t.Context(), podOf("cart-6d5f-x"))
	require.NoError(t, err)
}

func TestAnOptInIsSeenWithinTwoSecondsAndAnOptOutWithinTen(t *testing.T) {
	b := newBed(t, shop()...)
	cache := cluster.NewCache(b.Clients, 0)
	cart := event.Target{Kind: "Deployment", Namespace: "shop", Name: "cart"}
	managed := func() bool {
		scope, err := cache.Scope(t.Context(), cart)
		require.NoError(t, err)
		return scope.Managed
	}
	require.True(t, managed())
	b.put(t, "namespaces", object("v1", "Namespace", "", "shop"))
	b.advance(9 * time.Second)
	require.True(t, managed(), "remembered")
	b.advance(2 * time.Second)
	require.False(t, managed())
	b.put(t, "namespaces", object("v1", "Namespace", "", "shop", labelled("true")))
	require.False(t, managed(), "remembered")
	b.advance(3 * time.Second)
	require.True(t, managed())
}

func TestManyWhoAskAtOnceReadOnce(t *testing.T) {
	b := newBed(t, shop()...)
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	b.fail = func(string, string) error {
		once.Do(func() { close(entered); <-leave })
		return nil
	}
	cache := cluster.NewCache(b.Clients, 0)
	var all sync.WaitGroup
	ask := func(ctx context.Context) error {
		_, err := cache.Locate(ctx, podOf("cart-6d5f-x"))
		return err
	}
	impatient, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	all.Go(func() { gone <- ask(impatient) })
	<-entered
	for range 20 {
		all.Go(func() { require.NoError(t, ask(t.Context())) })
	}
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled, "while the read that it began goes on")
	close(leave)
	all.Wait()
	require.LessOrEqual(t, b.read("pods/cart-6d5f-x"), 2, "one flight, and at most one for those who came after it")
}

func TestAFailureIsNotRemembered(t *testing.T) {
	b := newBed(t, shop()...)
	down := errors.New("connection refused")
	b.fail = func(string, string) error { return down }
	cache := cluster.NewCache(b.Clients, 0)
	_, err := cache.Owners(t.Context(), podOf("cart-6d5f-x"))
	require.ErrorIs(t, err, down)
	b.fail = nil
	_, err = cache.Owners(t.Context(), podOf("cart-6d5f-x"))
	require.NoError(t, err)
}

func TestKindsAreDiscovered(t *testing.T) {
	tests := map[string]struct {
		word string
		want []string
	}{
		"by their singular": {"rollout", []string{"Rollout.argoproj.io"}},
		"by themselves":     {"Rollout", []string{"Rollout.argoproj.io"}},
		"by themselves where the server lists no singular":      {"persistentvolume", []string{"PersistentVolume"}},
		"of every group that serves one, Kubernetes' own first": {"ingress", []string{"Ingress", "Ingress.networking.internal.knative.dev"}},
		"not where there are none":                              {"severity", nil},
		"not where they cannot be read":                         {"tokenreview", nil},
		"not by their subresources":                             {"scale", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			kinds, err := newBed(t).KindsByWord(t.Context(), test.word)
			require.NoError(t, err)
			var got []string
			for _, k := range kinds {
				got = append(got, k.Name())
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestNodesAreFoundByTheirInternalAddress(t *testing.T) {
	b := newBed(t)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-2.example.internal", UID: "u2"}, Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
		{Type: corev1.NodeExternalIP, Address: "192.0.2.7"}, {Type: corev1.NodeInternalIP, Address: "10.0.0.33"}, {Type: corev1.NodeInternalIP, Address: "fd00::21"}}}}
	_, err := b.NodeByAddress(t.Context(), "10.0.0.33")
	require.ErrorIs(t, err, cluster.ErrGone)
	_, err = b.kube.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = b.NodeByAddress(t.Context(), "10.0.0.33")
	require.ErrorIs(t, err, cluster.ErrGone, "the list is not read for every strange address")
	b.advance(6 * time.Second)
	for _, address := range []string{"10.0.0.33", "fd00::21", "fd00::21%eth0", "::ffff:10.0.0.33"} {
		got, err := b.NodeByAddress(t.Context(), address)
		require.NoError(t, err)
		require.Equal(t, event.Target{APIVersion: "v1", Kind: "Node", Name: "worker-2.example.internal", UID: "u2"}, got)
	}
	for _, address := range []string{"192.0.2.7", "not an address"} {
		_, err := b.NodeByAddress(t.Context(), address)
		require.ErrorIs(t, err, cluster.ErrGone, address)
	}
	node.Name, node.UID = "impostor", "u3"
	_, err = b.kube.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{})
	require.NoError(t, err)
	b.advance(3 * time.Minute)
	_, err = b.NodeByAddress(t.Context(), "10.0.0.33")
	require.ErrorIs(t, err, cluster.ErrGone, "an address that two nodes have is nobody's")
}
