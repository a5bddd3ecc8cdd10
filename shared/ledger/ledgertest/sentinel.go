package ledgertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/porttest"
)

const (
	masterName = "main"
	// downAfter is when the sentinel takes a silent server for dead, and
	// failoverTimeout half of when it tries a take-over again, in milliseconds.
	downAfter       = 1000
	failoverTimeout = 2000
	// takeover bounds the wait for one on a loaded machine.
	takeover = time.Minute
)

// Replicated is a primary with a replica that takes over.
type Replicated struct {
	Primary, Replica, Sentinel *Server
	// URL finds the one that is the primary at the moment.
	URL string
}

// RedisReplicated starts a primary, its replica and a sentinel that watches
// them, and returns when the sentinel could let the replica take over.
func RedisReplicated(t testing.TB) Replicated {
	t.Helper()
	var r Replicated
	r.Primary = startServer(t, "--repl-diskless-sync-delay", "0")
	port := strconv.Itoa(r.Primary.port)
	r.Replica = startServer(t, "--replicaof", porttest.Host+" "+port)
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	lines := fmt.Sprintf("sentinel monitor %[1]s %[2]s %[3]s 1\nsentinel down-after-milliseconds %[1]s %[4]d\nsentinel failover-timeout %[1]s %[5]d\n",
		masterName, porttest.Host, port, downAfter, failoverTimeout)
	require.NoError(t, os.WriteFile(config, []byte(lines), 0o600))
	r.Sentinel = startServer(t, config, "--sentinel")
	r.URL = r.Sentinel.URL() + "?master_name=" + masterName
	r.Synchronize(t)
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: r.Sentinel.address()})
	t.Cleanup(func() { _ = sentinel.Close() })
	require.Eventually(t, func() bool {
		known, err := sentinel.Replicas(context.WithoutCancel(t.Context()), masterName).Result()
		return err == nil && len(known) == 1 && known[0]["flags"] == "slave" && known[0]["master-link-status"] == "ok"
	}, takeover, pollEvery)
	return r
}

// Synchronize returns when the replica has what the primary has.
func (r Replicated) Synchronize(t testing.TB) {
	t.Helper()
	client := nodeClient(t, r.Primary)
	require.Eventually(t, func() bool {
		ctx := context.WithoutCancel(t.Context())
		// Wait looks at what this client wrote last.
		if client.Set(ctx, "kubernaut:test:{synchronized}", "1", time.Second).Err() != nil {
			return false
		}
		n, err := client.Wait(ctx, 1, time.Second).Result()
		return err == nil && n == 1
	}, takeover, pollEvery)
}

// Detach lets nothing reach the replica any more: what the primary accepts from
// here on is lost with it.
func (r Replicated) Detach(t testing.TB) {
	t.Helper()
	r.Replica.Freeze(t)
	require.NoError(t, nodeClient(t, r.Primary).Do(t.Context(), "CLIENT", "KILL", "TYPE", "replica").Err())
}

// TakeOver kills the primary and returns when the replica is one.
func (r Replicated) TakeOver(t testing.TB) {
	t.Helper()
	r.Primary.Kill()
	r.Replica.Thaw(t)
	client := nodeClient(t, r.Replica)
	require.Eventually(t, func() bool {
		info, err := client.Info(context.WithoutCancel(t.Context()), "replication").Result()
		return err == nil && strings.Contains(info, "role:master")
	}, takeover, pollEvery)
}
