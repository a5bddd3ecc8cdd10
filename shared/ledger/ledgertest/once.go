package ledgertest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var onceTests = []test{
	{"the first plan of a step counts", func(s *suite) {
		s.firstCounts(s.l.PlanOnce, s.l.Plan)
	}},
	{"the first answer to a step counts", func(s *suite) {
		s.firstCounts(s.l.AnswerOnce, s.l.Answer)
	}},
	{"the first verdict on an item counts", func(s *suite) {
		_, err := s.l.Verdict(s.t.Context(), "assess/1")
		require.ErrorIs(s.t, err, ledger.ErrNotFound)
		for i, verdict := range []string{"effective", "ineffective"} {
			r, err := s.l.VerdictOnce(s.t.Context(), "assess/1", []byte(verdict), long)
			s.ok(err)
			require.Equal(s.t, ledger.Record{Value: []byte("effective"), First: i == 0}, r)
		}
		got, err := s.l.Verdict(s.t.Context(), "assess/1")
		s.ok(err)
		require.Equal(s.t, "effective", string(got))
	}},
	{"a record ends after keep", func(s *suite) {
		plan := ledger.OnceRecord{Remediation: base + "-1", Step: "s1", Value: sealed, Keep: s.Short}
		_, err := s.l.PlanOnce(s.t.Context(), plan)
		s.ok(err)
		s.Elapse(s.Short)
		require.Eventually(s.t, func() bool {
			r, err := s.l.PlanOnce(s.t.Context(), plan)
			return err == nil && r.First
		}, 5*time.Second, 10*time.Millisecond)
	}},
	{"a held event is read until it is forgotten", func(s *suite) {
		_, err := s.l.Held(s.t.Context(), base+"-1")
		require.ErrorIs(s.t, err, ledger.ErrNotFound)
		s.ok(s.l.Hold(s.t.Context(), base+"-1", []byte("first"), long))
		s.ok(s.l.Hold(s.t.Context(), base+"-1", sealed, long))
		event, err := s.l.Held(s.t.Context(), base+"-1")
		s.ok(err)
		require.Equal(s.t, sealed, event)
		s.ok(s.l.Unhold(s.t.Context(), base+"-1"))
		s.ok(s.l.Unhold(s.t.Context(), base+"-1"))
		_, err = s.l.Held(s.t.Context(), base+"-1")
		require.ErrorIs(s.t, err, ledger.ErrNotFound)
	}},
}

func (s *suite) firstCounts(
	store func(ctx context.Context, r ledger.OnceRecord) (ledger.Record, error),
	read func(ctx context.Context, remediation, step string) ([]byte, error),
) {
	s.t.Helper()
	_, err := read(s.t.Context(), base+"-1", "s1")
	require.ErrorIs(s.t, err, ledger.ErrNotFound)
	for i, value := range []string{"one", "two"} {
		r, err := store(s.t.Context(), ledger.OnceRecord{Remediation: base + "-1", Step: "s1", Value: []byte(value), Keep: long})
		s.ok(err)
		require.Equal(s.t, ledger.Record{Value: []byte("one"), First: i == 0}, r)
	}
	r, err := store(s.t.Context(), ledger.OnceRecord{Remediation: base + "-1", Step: "s2", Value: []byte("two"), Keep: long})
	s.ok(err)
	require.True(s.t, r.First, "each step has its own")
	got, err := read(s.t.Context(), base+"-1", "s1")
	s.ok(err)
	require.Equal(s.t, "one", string(got))
}
