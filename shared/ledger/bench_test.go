package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
)

// BenchmarkReserveDuplicate is what the gateway does for each repeated alert.
func BenchmarkReserveDuplicate(b *testing.B) {
	b.Run("miniredis", func(b *testing.B) {
		benchmarkDuplicates(b, ledgertest.Miniredis(b).URL())
	})
	b.Run("redis-server", func(b *testing.B) {
		needRedisServer(b)
		benchmarkDuplicates(b, ledgertest.RedisServer(b))
	})
}

func benchmarkDuplicates(b *testing.B, url string) {
	l, err := ledger.Open(url)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, l.Close()) })
	r := ledger.Reservation{Fingerprint: "workload", Base: "base", Lease: time.Minute}
	c, _, err := l.Reserve(b.Context(), r)
	require.NoError(b, err)
	require.NoError(b, l.Confirm(b.Context(), ledger.Confirmation{
		Fingerprint: r.Fingerprint, Remediation: c.Remediation, Token: c.Token,
		Phase: "received", Within: time.Hour, Event: []byte("event"),
	}))
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, outcome, err := l.Reserve(b.Context(), r); err != nil || outcome != ledger.Duplicate {
				b.Errorf("reserve: %s, %v", outcome, err)
				return
			}
		}
	})
}
