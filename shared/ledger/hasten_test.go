package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
)

func TestHastenDue(t *testing.T) {
	redis := ledgertest.Miniredis(t)
	l := redis.Ledger(t)
	ctx := t.Context()
	hasten := func(in time.Duration) bool {
		moved, err := l.HastenDue(ctx, "item/1", in)
		require.NoError(t, err)
		return moved
	}
	require.False(t, hasten(time.Second), "an item that is not there")
	require.NoError(t, l.Schedule(ctx, ledger.Due{ID: "item/1", Kind: "assess", Payload: []byte("payload")}, time.Hour))
	require.False(t, hasten(2*time.Hour), "never to a later time")
	require.True(t, hasten(time.Minute))
	require.False(t, hasten(time.Minute+time.Second))

	redis.Advance(time.Minute + time.Second)
	items, err := l.LeaseDue(ctx, 10, time.Hour)
	require.NoError(t, err)
	require.Len(t, items, 1)
	require.Equal(t, []byte("payload"), items[0].Payload)
	require.False(t, hasten(0), "an item that somebody is at")
	require.NoError(t, l.Complete(ctx, items[0]), "whose lease still holds")

	_, err = l.HastenDue(ctx, "", time.Second)
	require.ErrorIs(t, err, ledger.ErrInvalid)
	_, err = l.HastenDue(ctx, "item/1", -time.Second)
	require.ErrorIs(t, err, ledger.ErrInvalid)
}
