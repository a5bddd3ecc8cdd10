package ledgertest

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// quiet keeps the client from telling of each server that a test has killed:
// what counts is what a call answers.
type quiet struct{}

// Printf drops what it is given.
func (quiet) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(quiet{}) }

// rawClient speaks to the Redis that a ledger's URL names: what a test does to
// Redis itself, and looks at beside the ledger.
func rawClient(t testing.TB, address string) redis.UniversalClient {
	t.Helper()
	hosts, query, _ := strings.Cut(strings.TrimPrefix(address, "redis://"), "?")
	parameters, err := url.ParseQuery(query)
	require.NoError(t, err)
	list := strings.Split(hosts, ",")
	var client redis.UniversalClient
	switch master := parameters.Get("master_name"); {
	case parameters.Get("cluster") == "true":
		client = redis.NewClusterClient(&redis.ClusterOptions{Addrs: list})
	case master != "":
		client = redis.NewFailoverClient(&redis.FailoverOptions{MasterName: master, SentinelAddrs: list})
	default:
		options, err := redis.ParseURL(address)
		require.NoError(t, err)
		client = redis.NewClient(options)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// eachServer calls do for every server that holds keys of its own, one at a
// time.
func eachServer(t testing.TB, client redis.UniversalClient, do func(context.Context, *redis.Client) error) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	switch client := client.(type) {
	case *redis.ClusterClient:
		var one sync.Mutex
		require.NoError(t, client.ForEachMaster(ctx, func(ctx context.Context, server *redis.Client) error {
			one.Lock()
			defer one.Unlock()
			return do(ctx, server)
		}))
	case *redis.Client:
		require.NoError(t, do(ctx, client))
	}
}

// flush empties Redis, as a fail-over to an empty replica does.
func flush(t testing.TB, client redis.UniversalClient) {
	t.Helper()
	eachServer(t, client, func(ctx context.Context, server *redis.Client) error { return server.FlushAll(ctx).Err() })
}

// realClock waits on a server's clock, not on ours. Redis counts expiry in whole
// milliseconds, and a key lives through its last: one more is over for sure.
func realClock(t *testing.T, client redis.UniversalClient) func(time.Duration) {
	return func(d time.Duration) {
		start, err := client.Time(t.Context()).Result()
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			now, err := client.Time(context.WithoutCancel(t.Context())).Result()
			return err == nil && now.Sub(start) > d+time.Millisecond
		}, d+startTimeout, pollEvery)
	}
}
