package ledger_test

import (
	"testing"

	"kubernaut.ai/shared/ledger/ledgertest"
)

func TestOnMiniredis(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, ledgertest.OnMiniredis)
}

func TestOnRedisServer(t *testing.T) {
	needRedisServer(t)
	t.Parallel()
	ledgertest.Run(t, ledgertest.OnRedisServer)
}

func TestOnRedisClusterOfThree(t *testing.T) {
	needRedisServer(t)
	t.Parallel()
	ledgertest.Run(t, ledgertest.OnShared(t, ledgertest.RedisCluster(t).URL))
}

func TestOnAReplicaThatTookOver(t *testing.T) {
	needRedisServer(t)
	t.Parallel()
	redis := ledgertest.RedisReplicated(t)
	redis.TakeOver(t)
	ledgertest.Run(t, ledgertest.OnShared(t, redis.URL))
}

func needRedisServer(t testing.TB) {
	t.Helper()
	if !ledgertest.HaveRedisServer() {
		t.Skip("no redis-server on this machine")
	}
}
