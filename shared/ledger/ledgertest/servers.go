package ledgertest

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/tickredis"
)

// Embedded is an embedded Redis with a running clock, closed with the test.
type Embedded struct{ *tickredis.Server }

// Miniredis starts an embedded Redis for one test.
func Miniredis(t testing.TB) Embedded {
	t.Helper()
	server, err := tickredis.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return Embedded{server}
}

// Ledger opens a ledger on it, closed with the test.
func (e Embedded) Ledger(t testing.TB, options ...ledger.Option) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(e.URL(), options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// OnMiniredis is a Factory of embedded servers.
func OnMiniredis(t *testing.T) Harness {
	server := Miniredis(t)
	const lease = 30 * time.Second
	return Harness{
		URL: server.URL(), Short: lease, Parallel: true,
		Elapse: func(d time.Duration) { server.Advance(d + time.Millisecond) },
	}
}

// realShort can be short: no test relies on getting anything done before it is over.
const realShort = 30 * time.Millisecond

// OnRedisServer is a Factory of real servers, a process each.
func OnRedisServer(t *testing.T) Harness {
	url := RedisServer(t)
	return Harness{
		URL: url, Short: realShort, Elapse: realClock(t, url), Parallel: true, MeasuresMemory: true,
	}
}

// OnRedisCluster is a Factory that shares one cluster node, emptied for each
// test: a node needs seconds until it serves.
func OnRedisCluster(url string) Factory {
	return func(t *testing.T) Harness {
		client := rawClient(t, url)
		require.NoError(t, client.FlushAll(t.Context()).Err())
		return Harness{URL: url, Short: realShort, Elapse: realClock(t, url)}
	}
}

// HaveRedisServer says whether there is a redis-server to run.
func HaveRedisServer() bool {
	_, err := exec.LookPath("redis-server")
	return err == nil
}

// RedisServer starts a redis-server without persistence on a free port of the
// loopback interface, and ends it with the test.
func RedisServer(t testing.TB, arguments ...string) (url string) {
	t.Helper()
	// The port is free now, not reserved: try again if somebody was faster.
	const attempts = 5
	for range attempts {
		if url, ok := startRedis(t, arguments); ok {
			return url
		}
	}
	require.FailNow(t, "redis-server did not start")
	return ""
}

// RedisCluster starts one node that serves all slots of a cluster: it refuses
// scripts and pipelines whose keys cross slots, as a large cluster does.
func RedisCluster(t testing.TB) (url string) {
	t.Helper()
	url = RedisServer(t, "--cluster-enabled", "yes")
	client := rawClient(t, url)
	const lastSlot = 16383
	require.NoError(t, client.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, lastSlot).Err())
	require.Eventually(t, func() bool {
		info, err := client.ClusterInfo(context.WithoutCancel(t.Context())).Result()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	}, startTimeout, pollEvery)
	return url + "?cluster=true"
}

const (
	startTimeout = 10 * time.Second
	pollEvery    = 5 * time.Millisecond
)

func startRedis(t testing.TB, arguments []string) (string, bool) {
	t.Helper()
	port := freePort(t)
	var log bytes.Buffer
	// A configuration file among the arguments has to come first.
	cmd := exec.Command("redis-server", append(slices.Clone(arguments),
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port),
		"--save", "", "--appendonly", "no", "--dir", t.TempDir())...)
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait() }()

	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	for !listening(address) {
		select {
		case <-exited:
			return "", false
		case <-deadline.C:
			end(cmd, exited)
			require.FailNow(t, "redis-server does not answer", log.String())
		case <-time.After(pollEvery):
		}
	}
	t.Cleanup(func() { end(cmd, exited) })
	return "redis://" + address, true
}

func listening(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// end kills the server: it has nothing to save, and would take its time.
func end(cmd *exec.Cmd, exited <-chan struct{}) {
	_ = cmd.Process.Kill()
	<-exited
}

func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func trimCluster(url string) string { return strings.TrimSuffix(url, "?cluster=true") }

func rawClient(t testing.TB, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(trimCluster(url))
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// realClock waits on the server's clock, not on ours.
func realClock(t *testing.T, url string) func(time.Duration) {
	client := rawClient(t, url)
	return func(d time.Duration) {
		start, err := client.Time(t.Context()).Result()
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			now, err := client.Time(context.WithoutCancel(t.Context())).Result()
			return err == nil && now.Sub(start) > d
		}, d+startTimeout, pollEvery)
	}
}
