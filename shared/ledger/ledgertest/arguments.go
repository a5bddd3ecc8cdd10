package ledgertest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var argumentTests = []test{
	{"what must not reach a key is refused everywhere", refusesIDs},
	{"leases and deadlines out of bounds are refused", refusesSpans},
	{"a payload over the bound is refused", refusesPayload},
}

func refusesIDs(s *suite) {
	for _, bad := range []string{"", "a b", "a{b", "a}b", "a\nb", "a\x00b", "\u00e4", strings.Repeat("a", ledger.MaxID+1)} {
		_, _, reserve := s.l.Reserve(s.t.Context(), ledger.Reservation{Fingerprint: bad, Base: base, Lease: long})
		_, _, opened := s.l.Reserve(s.t.Context(), ledger.Reservation{Fingerprint: workload, Base: bad, Lease: long})
		_, get := s.l.Get(s.t.Context(), bad)
		_, begin := s.l.Begin(s.t.Context(), "analyze", bad, long)
		_, stage := s.l.Begin(s.t.Context(), bad, "e1", long)
		_, plan := s.l.Plan(s.t.Context(), bad, "s1")
		_, held := s.l.Held(s.t.Context(), bad)
		_, verdict := s.l.Verdict(s.t.Context(), bad)
		_, admit := s.l.Admit(s.t.Context(), base+"-1", []ledger.Limit{{Name: bad, Max: 1, Window: long}})
		_, start := s.l.StartExecution(s.t.Context(), ledger.ExecutionStart{
			Fingerprint: workload, Remediation: base + "-1", Step: bad, Lease: long})
		_, _, resolve := s.l.ResolveAlert(s.t.Context(), bad, episode, ended)
		_, dead := s.l.PutDeadLetter(s.t.Context(), ledger.DeadLetter{ID: bad})
		schedule := s.l.Schedule(s.t.Context(), ledger.Due{ID: bad, Kind: "assess"}, 0)
		for _, err := range []error{reserve, opened, get, begin, stage, plan, held, verdict, admit, start, resolve, dead, schedule} {
			require.ErrorIs(s.t, err, ledger.ErrInvalid, "%q", bad)
		}
	}
	for _, bad := range []string{"no-generation", "x-0", "x-01", "x-+1", "-1", "x--", "x-9999999999"} {
		require.ErrorIs(s.t, s.advance(bad, "enriched", long), ledger.ErrInvalid, bad)
	}
	eachServer(s.t, s.raw(), func(ctx context.Context, server *redis.Client) error {
		keys, err := server.DBSize(ctx).Result()
		if err == nil && keys > 0 {
			err = fmt.Errorf("%d keys were written", keys)
		}
		return err
	})
}

func refusesSpans(s *suite) {
	for _, bad := range []time.Duration{0, -time.Second, time.Microsecond, ledger.MaxDuration + time.Hour} {
		_, _, err := s.l.Reserve(s.t.Context(), ledger.Reservation{Fingerprint: workload, Base: base, Lease: bad})
		require.ErrorIs(s.t, err, ledger.ErrInvalid)
		_, err = s.l.LeaseDue(s.t.Context(), 1, bad)
		require.ErrorIs(s.t, err, ledger.ErrInvalid)
	}
	_, err := s.l.LeaseDue(s.t.Context(), 0, long)
	require.ErrorIs(s.t, err, ledger.ErrInvalid)
}

func refusesPayload(s *suite) {
	err := s.l.Hold(s.t.Context(), base+"-1", make([]byte, ledger.MaxPayload+1), long)
	require.ErrorIs(s.t, err, ledger.ErrInvalid)
}
