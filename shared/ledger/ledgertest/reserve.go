package ledgertest

import (
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

const (
	workload = "7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730"
	other    = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
	base     = "crashloop-web-1a2b3c4d"
)

var sealed = []byte(`{"specversion":"1.0","type":"ai.kubernaut.signal.received.v1"}`)

var reserveTests = []test{
	{"a first reservation opens generation one", opensFirst},
	{"a fresh reservation of somebody else is pending and keeps its base", pendingWhileFresh},
	{"a reservation past its lease is taken over with the same id and a new token", takesOverStale},
	{"a confirmed claim counts duplicates", countsDuplicates},
	{"a confirmed claim past its deadline is taken over with the same id", takesOverOverdue},
	{"a settled claim counts alerts until its cooldown is over", coolsDown},
	{"a re-armed claim opens the next generation at once", reArms},
	{"a claim that never was is not found", neverWas},
}

func (s *suite) reserve(want ledger.ReserveOutcome) ledger.Claim {
	s.t.Helper()
	return s.reserveFor(long, want)
}

func (s *suite) reserveFor(lease time.Duration, want ledger.ReserveOutcome) ledger.Claim {
	s.t.Helper()
	foreseen, err := s.l.Foresee(ledger.ReadOnly(s.t.Context()), workload, base)
	s.ok(err)
	c, got, err := s.l.Reserve(s.t.Context(), ledger.Reservation{Fingerprint: workload, Base: base, Lease: lease})
	s.ok(err)
	require.Equal(s.t, want, got)
	require.Equal(s.t, got, foreseen.Outcome, "what was foreseen")
	require.Equal(s.t, c.Remediation, foreseen.Remediation, "what was foreseen")
	return c
}

func (s *suite) confirm(c ledger.Claim, within time.Duration) error {
	return s.l.Confirm(s.t.Context(), ledger.Confirmation{
		Fingerprint: c.Fingerprint, Remediation: c.Remediation, Token: c.Token,
		Phase: "received", Within: within, Event: sealed,
	})
}

// live opens and confirms a claim.
func (s *suite) live() ledger.Claim {
	s.t.Helper()
	c := s.reserve(ledger.Opened)
	s.ok(s.confirm(c, long))
	return s.get()
}

func (s *suite) get() ledger.Claim {
	s.t.Helper()
	c, err := s.l.Get(s.t.Context(), workload)
	s.ok(err)
	return c
}

func (s *suite) settle(c ledger.Claim, cooldown time.Duration) error {
	return s.l.Settle(s.t.Context(), ledger.Settlement{
		Fingerprint: c.Fingerprint, Remediation: c.Remediation, Outcome: "effective", Cooldown: cooldown,
	})
}

func opensFirst(s *suite) {
	c := s.reserve(ledger.Opened)
	require.Equal(s.t, base+"-1", c.Remediation)
	require.Equal(s.t, ledger.Reserved, c.State)
	require.EqualValues(s.t, 1, c.Generation)
	require.Positive(s.t, c.Token)
	require.Zero(s.t, c.Duplicates)
	require.Equal(s.t, c.FirstSeen, c.LastSeen)
	require.Equal(s.t, c.FirstSeen.Add(long), c.Deadline)
	require.Equal(s.t, c, s.get())
}

func pendingWhileFresh(s *suite) {
	first := s.reserve(ledger.Opened)
	c, outcome, err := s.l.Reserve(s.t.Context(), ledger.Reservation{Fingerprint: workload, Base: "another", Lease: long})
	s.ok(err)
	require.Equal(s.t, ledger.Pending, outcome)
	require.Equal(s.t, first, c)
}

func takesOverStale(s *suite) {
	first := s.reserveFor(s.Short, ledger.Opened)
	s.Elapse(s.Short)
	second := s.reserve(ledger.TakenOver)
	require.Equal(s.t, first.Remediation, second.Remediation)
	require.Greater(s.t, second.Token, first.Token)
	require.ErrorIs(s.t, s.confirm(first, long), ledger.ErrNotHolder)
	require.Equal(s.t, ledger.Reserved, s.get().State)
	s.ok(s.confirm(second, long))
	require.Equal(s.t, ledger.Confirmed, s.get().State)
}

func countsDuplicates(s *suite) {
	c := s.live()
	require.Equal(s.t, ledger.Confirmed, c.State)
	require.Equal(s.t, "received", c.Phase)
	s.Elapse(2 * time.Millisecond)
	for n := int64(1); n <= 3; n++ {
		d := s.reserve(ledger.Duplicate)
		require.Equal(s.t, n, d.Duplicates)
		require.True(s.t, d.LastSeen.After(c.FirstSeen))
		require.Equal(s.t, c.FirstSeen, d.FirstSeen)
		require.Equal(s.t, c.Deadline, d.Deadline)
		require.Equal(s.t, c.Remediation, d.Remediation)
	}
}

func takesOverOverdue(s *suite) {
	first := s.reserve(ledger.Opened)
	s.ok(s.confirm(first, s.Short))
	s.Elapse(s.Short)
	second := s.reserve(ledger.TakenOver)
	require.Equal(s.t, first.Remediation, second.Remediation)
	require.Greater(s.t, second.Token, first.Token)
	s.reserve(ledger.Pending)
}

func coolsDown(s *suite) {
	c := s.live()
	s.ok(s.settle(c, s.Short))
	settled := s.get()
	require.Equal(s.t, ledger.Settled, settled.State)
	require.Equal(s.t, "effective", settled.Outcome)
	require.Zero(s.t, settled.Deadline)
	s.Elapse(s.Short)
	again := s.reserve(ledger.Opened)
	require.Equal(s.t, base+"-2", again.Remediation)
	require.Empty(s.t, again.Outcome)
	require.Greater(s.t, again.Token, c.Token)
	s.ok(s.settle(again, long))
	cooling := s.reserve(ledger.CoolingDown)
	require.EqualValues(s.t, 1, cooling.Duplicates)
	require.Equal(s.t, again.Remediation, cooling.Remediation)
}

func reArms(s *suite) {
	for generation := int64(1); generation <= 3; generation++ {
		c := s.live()
		require.Equal(s.t, generation, c.Generation)
		s.ok(s.settle(c, 0))
	}
}

func neverWas(s *suite) {
	_, err := s.l.Get(s.t.Context(), workload)
	require.ErrorIs(s.t, err, ledger.ErrNotFound)
}
