package ledger_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
)

func TestOpenAcceptsEveryKindOfRedisWithoutTouchingTheNetwork(t *testing.T) {
	for name, url := range map[string]string{
		"a single server":                "redis://127.0.0.1:1",
		"a database and a password":      "redis://user:secret@127.0.0.1:1/3",
		"TLS":                            "rediss://127.0.0.1:1",
		"a socket":                       "unix:///run/redis.sock?db=1",
		"a cluster":                      "redis://a:1,b:2,c:3?cluster=true",
		"a cluster of one seed":          "redis://a:1?cluster=true",
		"sentinels":                      "redis://:secret@a:1,b:2/0?master_name=main",
		"sentinels that know another":    "redis://:secret@a:1,b:2/0?master_name=main&sentinel_auth=false",
		"a password with its own comma":  "redis://:a,b@127.0.0.1:1",
		"go-redis' own query parameters": "redis://127.0.0.1:1?pool_size=3",
	} {
		t.Run(name, func(t *testing.T) {
			l, err := ledger.Open(url)
			require.NoError(t, err)
			require.NoError(t, l.Close())
		})
	}
}

func TestOpenRefusesAMalformedURLWithoutTellingThePassword(t *testing.T) {
	for name, url := range map[string]string{
		"no scheme":              "user:hunter2@127.0.0.1:6379",
		"another scheme":         "http://:hunter2@127.0.0.1:6379",
		"a control character":    "redis://:hunter2\x7f@127.0.0.1:6379",
		"a bad escape":           "redis://:hunter2%zz@127.0.0.1:6379",
		"hosts without a mode":   "redis://:hunter2@a:1,b:2",
		"a host without a port":  "redis://:hunter2@a:1,b?cluster=true",
		"a cluster's database":   "redis://:hunter2@a:1,b:2/3?cluster=true",
		"an unknown parameter":   "redis://:hunter2@a:1?no_such=1",
		"a database of no sense": "redis://:hunter2@a:1/hunter2",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ledger.Open(url)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestAnythingThatCanPassIsUnavailable(t *testing.T) {
	// A server whose listener is closed again: connections are refused.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	refused, err := ledger.Open("redis://" + address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, refused.Close()) })
	_, err = refused.Get(t.Context(), "workload")
	require.ErrorIs(t, err, ledger.ErrUnavailable)
	_, err = refused.LeaseDue(t.Context(), 1, time.Second)
	require.ErrorIs(t, err, ledger.ErrUnavailable)
	require.ErrorIs(t, refused.Ping(t.Context()), ledger.ErrUnavailable)

	server := ledgertest.Miniredis(t)
	l := server.Ledger(t)
	require.NoError(t, l.Ping(t.Context()))
	for _, reply := range []string{
		"LOADING Redis is loading the dataset in memory", "OOM command not allowed",
		"READONLY You can't write against a read only replica.", "CLUSTERDOWN The cluster is down",
	} {
		server.SetError(reply)
		_, err := l.Get(t.Context(), "workload")
		require.ErrorIs(t, err, ledger.ErrUnavailable, reply)
	}
	server.SetError("ERR something that we did wrong")
	_, err = l.Get(t.Context(), "workload")
	require.Error(t, err)
	require.NotErrorIs(t, err, ledger.ErrUnavailable)
	server.SetError("")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.Get(ended, "workload")
	require.ErrorIs(t, err, ledger.ErrUnavailable)
	require.ErrorIs(t, err, context.Canceled)
	_, err = l.Get(t.Context(), "workload")
	require.ErrorIs(t, err, ledger.ErrNotFound, "the same connections serve again")
}

func TestTheDatabaseOfTheURLIsUsed(t *testing.T) {
	server := ledgertest.Miniredis(t)
	open := func(suffix string) *ledger.Ledger {
		l, err := ledger.Open(server.URL() + suffix)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		return l
	}
	require.NoError(t, open("/3").Hold(t.Context(), "base-1", []byte("event"), time.Minute))
	_, err := open("/3").Held(t.Context(), "base-1")
	require.NoError(t, err)
	_, err = open("/0").Held(t.Context(), "base-1")
	require.ErrorIs(t, err, ledger.ErrNotFound)
}
