package ledger_test

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
)

func TestAReplyLostOnTheWayLeavesNoLeaseBehind(t *testing.T) {
	urls := map[string]func(*testing.T) string{
		"embedded": func(t *testing.T) string { return ledgertest.Miniredis(t).URL() },
		"real": func(t *testing.T) string {
			needRedisServer(t)
			return ledgertest.RedisServer(t)
		},
	}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := startLossyProxy(t, strings.TrimPrefix(url(t), "redis://"))
			const timeout = 300 * time.Millisecond
			l, err := ledger.Open("redis://"+proxy.address, ledger.WithTimeouts(time.Second, timeout))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, l.Close()) })
			lease := time.Minute

			// Redis has the scripts from here on: the next reply is the effect's own.
			_, err = l.Begin(t.Context(), "analyze", "warm", lease)
			require.NoError(t, err)
			_, _, err = l.Reserve(t.Context(), ledger.Reservation{Fingerprint: "warm", Base: "base", Lease: lease})
			require.NoError(t, err)

			proxy.loseNext.Store(true)
			turn, err := l.Begin(t.Context(), "analyze", "e1", lease)
			require.NoError(t, err)
			require.False(t, proxy.loseNext.Load(), "a reply was lost")
			require.Equal(t, ledger.TurnFresh, turn.State)
			require.Equal(t, 1, turn.Attempt)

			proxy.loseNext.Store(true)
			claim, outcome, err := l.Reserve(t.Context(), ledger.Reservation{Fingerprint: "f1", Base: "base", Lease: lease})
			require.NoError(t, err)
			require.False(t, proxy.loseNext.Load(), "a reply was lost")
			require.Equal(t, ledger.Opened, outcome)
			require.Equal(t, "base-1", claim.Remediation)
		})
	}
}

// lossyProxy stands between a ledger and its Redis, and loses a reply on demand.
type lossyProxy struct {
	address string
	// loseNext is taken back by the connection whose reply got lost; what comes
	// on it afterwards gets lost as well.
	loseNext atomic.Bool
}

func startLossyProxy(t *testing.T, upstream string) *lossyProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	p := &lossyProxy{address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", upstream)
			if err != nil {
				_ = client.Close()
				continue
			}
			go p.answer(client, server)
			go func() {
				_, _ = io.Copy(server, client)
				_ = server.Close()
			}()
		}
	}()
	return p
}

// answer passes replies on until one is to be lost, and then none any more.
func (p *lossyProxy) answer(client, server net.Conn) {
	defer client.Close()
	lost := false
	for buffer := make([]byte, 64<<10); ; {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		if lost = lost || p.loseNext.CompareAndSwap(true, false); lost {
			continue
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
