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

func TestOnRedisCluster(t *testing.T) {
	needRedisServer(t)
	t.Parallel()
	ledgertest.Run(t, ledgertest.OnRedisCluster(ledgertest.RedisCluster(t)))
}

func needRedisServer(t testing.TB) {
	t.Helper()
	if !ledgertest.HaveRedisServer() {
		t.Skip("no redis-server on this machine")
	}
}
