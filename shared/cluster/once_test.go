package cluster_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

func TestADecisionReadsEachObjectOnce(t *testing.T) {
	b := newBed(t, shop()...)
	once := b.Once()
	cart := event.Target{Kind: "Deployment", Namespace: "shop", Name: "cart"}
	for range 2 {
		_, err := once.Scope(t.Context(), cart)
		require.NoError(t, err)
		chain, err := once.Owners(t.Context(), cart)
		require.NoError(t, err)
		require.Len(t, chain, 1)
	}
	require.Equal(t, map[string]int{"deployments/cart": 1, "namespaces/shop": 1}, b.reads)
	_, err := b.Once().Scope(t.Context(), cart)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"deployments/cart": 2, "namespaces/shop": 2}, b.reads, "the next decision reads again")
}

func TestAReadThatFailedIsTriedAgain(t *testing.T) {
	b := newBed(t, shop()...)
	once := b.Once()
	down := errors.New("connection refused")
	b.fail = func(string, string) error { return down }
	cart := event.Target{Kind: "Deployment", Namespace: "shop", Name: "cart"}
	_, err := once.Scope(t.Context(), cart)
	require.ErrorIs(t, err, down)
	b.fail = nil
	_, err = once.Scope(t.Context(), cart)
	require.NoError(t, err)
}
