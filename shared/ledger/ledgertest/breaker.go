package ledgertest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var breakerTests = []test{
	{"a limit admits distinct remediations up to its max", admitUpTo},
	{"a refused admission counts against no limit", admitAllOrNothing},
	{"a window slides", admitSlides},
	{"a limit of zero admits nothing and no limits admit everything", admitEdges},
	{"a pause refuses everything until it is resumed", pauseRefuses},
}

func (s *suite) admit(n int, limits ...ledger.Limit) ledger.Admission {
	s.t.Helper()
	id := fmt.Sprintf("%s-%d", base, n)
	foreseen, err := s.l.WouldAdmit(ledger.ReadOnly(s.t.Context()), id, limits)
	s.ok(err)
	a, err := s.l.Admit(s.t.Context(), id, limits)
	s.ok(err)
	require.Equal(s.t, a, foreseen, "what was foreseen")
	return a
}

func admitUpTo(s *suite) {
	drain := ledger.Limit{Name: "action/drain_node", Max: 2, Window: time.Hour}
	for range 3 {
		require.True(s.t, s.admit(1, drain).OK, "the same remediation counts once")
	}
	require.True(s.t, s.admit(2, drain).OK)
	require.Equal(s.t, ledger.Admission{Tripped: drain.Name, Count: 2, Max: 2}, s.admit(3, drain))
	require.True(s.t, s.admit(1, drain).OK)
}

func admitAllOrNothing(s *suite) {
	wide := ledger.Limit{Name: "namespace/shop", Max: 2, Window: time.Hour}
	narrow := ledger.Limit{Name: "action/restart_pod", Max: 1, Window: time.Hour}
	require.True(s.t, s.admit(1, wide, narrow).OK)
	require.Equal(s.t, narrow.Name, s.admit(2, wide, narrow).Tripped)
	require.True(s.t, s.admit(3, wide).OK, "the refused one took no place")
	require.Equal(s.t, wide.Name, s.admit(4, wide, narrow).Tripped)
}

func admitSlides(s *suite) {
	limit := ledger.Limit{Name: "all", Max: 2, Window: s.Short}
	require.True(s.t, s.admit(1, limit).OK)
	s.Elapse(s.Short / 2)
	require.True(s.t, s.admit(2, limit).OK)
	s.Elapse(s.Short / 2)
	require.True(s.t, s.admit(3, limit).OK, "only the first has left the window")
}

func admitEdges(s *suite) {
	require.False(s.t, s.admit(1, ledger.Limit{Name: "none", Max: 0, Window: time.Hour}).OK)
	require.True(s.t, s.admit(1).OK)
}

func pauseRefuses(s *suite) {
	_, paused, err := s.l.Paused(s.t.Context())
	s.ok(err)
	require.False(s.t, paused)
	require.True(s.t, s.admit(1).OK)
	s.ok(s.l.Pause(s.t.Context(), ledger.Pause{By: "first", Reason: "first"}))
	s.ok(s.l.Pause(s.t.Context(), ledger.Pause{By: "ada@example.com", Reason: "incident {42}\nsecond line"}))
	p, paused, err := s.l.Paused(s.t.Context())
	s.ok(err)
	require.True(s.t, paused)
	require.Equal(s.t, "ada@example.com", p.By)
	require.Equal(s.t, "incident {42}\nsecond line", p.Reason)
	require.False(s.t, p.At.IsZero())
	require.Equal(s.t, ledger.Admission{Tripped: ledger.Paused}, s.admit(1))
	for _, want := range []bool{true, false} {
		was, err := s.l.Resume(s.t.Context())
		s.ok(err)
		require.Equal(s.t, want, was)
	}
	require.True(s.t, s.admit(1).OK)
}
