package tickredis_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger/tickredis"
)

func start(t *testing.T) (*tickredis.Server, *redis.Client) {
	server, err := tickredis.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return server, client
}

func TestKeysExpireAsTimeGoesBy(t *testing.T) {
	_, client := start(t)
	require.NoError(t, client.Set(t.Context(), "k", "v", 20*time.Millisecond).Err())
	require.Eventually(t, func() bool {
		return client.Exists(t.Context(), "k").Val() == 0
	}, 10*time.Second, 5*time.Millisecond)
}

func TestAdvanceMovesTimeAndExpiresAtOnceAndTheClockRunsOn(t *testing.T) {
	server, client := start(t)
	before, err := client.Time(t.Context()).Result()
	require.NoError(t, err)
	require.NoError(t, client.Set(t.Context(), "k", "v", time.Hour).Err())
	server.Advance(time.Hour)
	require.Zero(t, client.Exists(t.Context(), "k").Val())
	after, err := client.Time(t.Context()).Result()
	require.NoError(t, err)
	require.GreaterOrEqual(t, after.Sub(before), time.Hour)
	require.Eventually(t, func() bool {
		return client.Time(t.Context()).Val().After(after)
	}, 10*time.Second, 5*time.Millisecond)
}

func TestClosingTwiceIsHarmless(t *testing.T) {
	server, _ := start(t)
	server.Close()
	server.Close()
}
