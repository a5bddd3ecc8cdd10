package ledgertest

import (
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

// Each test lets a process die at one point of a remediation's life, by simply
// doing no more, and shows that the next one finishes it.
var crashTests = []test{
	{"dying after the reservation, the next alert takes over", func(s *suite) {
		s.finishAfter(func() { s.reserveFor(s.Short, ledger.Opened) })
	}},
	{"dying between watch and confirmation, the next alert takes over", func(s *suite) {
		s.finishAfter(func() {
			c := s.reserveFor(s.Short, ledger.Opened)
			s.ok(s.l.Schedule(s.t.Context(), ledger.Due{
				ID: ledger.WatchID(c.Remediation), Kind: ledger.KindWatch,
				Fingerprint: workload, Remediation: c.Remediation, Payload: sealed,
			}, s.Short))
		})
	}},
	{"dying after the confirmation, the next alert takes over at the deadline", func(s *suite) {
		s.finishAfter(func() { s.ok(s.confirm(s.reserve(ledger.Opened), s.Short)) })
	}},
	{"dying after an advance, the next alert takes over at the deadline", func(s *suite) {
		s.finishAfter(func() {
			c := s.live()
			s.ok(s.advance(c.Remediation, "approved", s.Short))
		})
	}},
	{"dying while executing, the same step starts again", func(s *suite) {
		c := s.live()
		first := s.start(c, "step-1", ledger.Acquired)
		second := s.start(c, "step-1", ledger.Acquired)
		require.Greater(s.t, second.Token, first.Token)
		require.ErrorIs(s.t, s.l.EndExecution(s.t.Context(), first, true), ledger.ErrLostLease)
		require.Equal(s.t, "step-1", s.get().Executing, "a zombie does not end its successor")
		s.ok(s.l.EndExecution(s.t.Context(), second, true))
		require.Equal(s.t, "step-1", s.get().Executed)
	}},
	{"dying after a confirmation without any further alert, the watch is due", func(s *suite) {
		c := s.reserve(ledger.Opened)
		s.ok(s.confirm(c, s.Short))
		s.Elapse(s.Short)
		require.Equal(s.t, map[string]string{c.Remediation: string(sealed)}, s.watches())
	}},
	{"dying before the watch was dropped, settling again drops it", func(s *suite) {
		c := s.live()
		s.ok(s.settle(c, long))
		s.ok(s.l.Schedule(s.t.Context(), ledger.Due{
			ID: ledger.WatchID(c.Remediation), Kind: ledger.KindWatch,
			Fingerprint: workload, Remediation: c.Remediation, Payload: sealed,
		}, long))
		s.ok(s.settle(c, long))
		s.noDue()
	}},
	{"a confirmation after Redis forgot records the claim", func(s *suite) {
		c := s.reserve(ledger.Opened)
		s.forget()
		s.ok(s.confirm(c, long))
		require.Equal(s.t, c.Remediation, s.reserve(ledger.Duplicate).Remediation)
		stranger := c
		stranger.Token++
		require.ErrorIs(s.t, s.confirm(stranger, long), ledger.ErrNotHolder)
	}},
	{"a takeover keeps phase and last event of what was under way", func(s *suite) {
		c := s.live()
		s.ok(s.advance(c.Remediation, "approved", s.Short))
		s.Elapse(s.Short)
		again := s.reserve(ledger.TakenOver)
		s.ok(s.confirm(again, s.Short))
		require.Equal(s.t, "approved", s.get().Phase)
		s.Elapse(s.Short)
		require.Equal(s.t, map[string]string{c.Remediation: "approved"}, s.watches())
	}},
}

// finishAfter lets a process die, waits, and expects one remediation to go on
// under its first id to its end.
func (s *suite) finishAfter(death func()) {
	s.t.Helper()
	death()
	s.Elapse(s.Short)
	c := s.reserve(ledger.TakenOver)
	require.Equal(s.t, base+"-1", c.Remediation)
	s.ok(s.confirm(c, long))
	s.reserve(ledger.Duplicate)
	s.ok(s.advance(c.Remediation, "executed", long))
	s.ok(s.settle(c, 0))
	s.noDue()
	require.Equal(s.t, base+"-2", s.reserve(ledger.Opened).Remediation)
}
