package ledgertest

import (
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var progressTests = []test{
	{"an advance sets phase, deadline and the event to publish again", advances},
	{"an advance before the confirmation stands", advanceBeforeConfirm},
	{"an advance after the end is refused and leaves no watch", advanceAfterEnd},
	{"an advance of another remediation is refused and leaves the holder's watch", advanceOfAnother},
	{"an advance after Redis forgot creates the claim again", advanceAfterForgetting},
	{"an advance succeeds an earlier settled remediation whose successor Redis lost", advanceSucceeds},
	{"a settlement is idempotent and can only shorten the cooldown", settlesOnce},
	{"a settlement with another outcome is refused and changes nothing", settlesOtherwise},
	{"a settlement before the confirmation stands", settleBeforeConfirm},
	{"a settlement after Redis forgot records the end", settleAfterForgetting},
	{"a late settlement of another remediation is refused", settleOfAnother},
	{"the generation outlives the cooldown by days", generationOutlives},
}

func (s *suite) advance(id, phase string, within time.Duration) error {
	return s.l.Advance(s.t.Context(), ledger.Advance{
		Fingerprint: workload, Remediation: id, Phase: phase, Within: within, Event: []byte(phase),
	})
}

// watch returns the watch item of a remediation by letting it become due.
func (s *suite) watches() map[string]string {
	s.t.Helper()
	items, err := s.l.LeaseDue(s.t.Context(), 100, time.Millisecond)
	s.ok(err)
	out := map[string]string{}
	for _, item := range items {
		require.Equal(s.t, ledger.KindWatch, item.Kind)
		require.Equal(s.t, ledger.WatchID(item.Remediation), item.ID)
		require.Equal(s.t, workload, item.Fingerprint)
		out[item.Remediation] = string(item.Payload)
	}
	return out
}

func advances(s *suite) {
	c := s.live()
	require.Empty(s.t, s.watches())
	s.ok(s.advance(c.Remediation, "enriched", long))
	got := s.get()
	require.Equal(s.t, "enriched", got.Phase)
	require.Equal(s.t, c.Token, got.Token)
	require.False(s.t, got.Deadline.Before(c.Deadline))
	s.ok(s.advance(c.Remediation, "classified", s.Short))
	s.Elapse(s.Short)
	require.Equal(s.t, map[string]string{c.Remediation: "classified"}, s.watches())
	s.ok(s.l.Advance(s.t.Context(), ledger.Advance{
		Fingerprint: workload, Remediation: c.Remediation, Phase: "held", Within: s.Short,
	}))
	s.Elapse(s.Short)
	require.Equal(s.t, map[string]string{c.Remediation: "classified"}, s.watches(), "no event keeps the one before")
}

func advanceBeforeConfirm(s *suite) {
	c := s.reserve(ledger.Opened)
	s.ok(s.advance(c.Remediation, "enriched", s.Short))
	advanced := s.get()
	s.ok(s.confirm(c, time.Millisecond))
	require.Equal(s.t, advanced, s.get())
	s.Elapse(s.Short)
	require.Equal(s.t, map[string]string{c.Remediation: "enriched"}, s.watches())
}

func (s *suite) noDue() {
	s.t.Helper()
	n, err := s.l.CountDue(s.t.Context())
	s.ok(err)
	require.Zero(s.t, n.Total)
}

func advanceAfterEnd(s *suite) {
	c := s.live()
	s.ok(s.settle(c, long))
	require.ErrorIs(s.t, s.advance(c.Remediation, "enriched", long), ledger.ErrSettled)
	require.Equal(s.t, ledger.Settled, s.get().State)
	s.noDue()
}

func advanceOfAnother(s *suite) {
	first := s.live()
	s.ok(s.settle(first, 0))
	second := s.live()
	require.ErrorIs(s.t, s.advance(first.Remediation, "enriched", long), ledger.ErrNotHolder)
	require.Equal(s.t, second, s.get())
	n, err := s.l.CountDue(s.t.Context())
	s.ok(err)
	require.Equal(s.t, 1, n.Total, "the second remediation's watch")
}

func advanceAfterForgetting(s *suite) {
	s.ok(s.advance(base+"-7", "approved", s.Short))
	c := s.get()
	require.Equal(s.t, base+"-7", c.Remediation)
	require.EqualValues(s.t, 7, c.Generation)
	require.Equal(s.t, ledger.Confirmed, c.State)
	s.Elapse(s.Short)
	require.Equal(s.t, map[string]string{base + "-7": "approved"}, s.watches())
	s.ok(s.settle(c, 0))
	require.Equal(s.t, base+"-8", s.reserve(ledger.Opened).Remediation)
}

func advanceSucceeds(s *suite) {
	c := s.live()
	s.ok(s.settle(c, long))
	s.ok(s.advance(base+"-2", "enriched", long))
	require.Equal(s.t, base+"-2", s.get().Remediation)
	require.ErrorIs(s.t, s.settle(c, 0), ledger.ErrNotHolder)
}

func settlesOnce(s *suite) {
	c := s.live()
	s.ok(s.settle(c, long))
	first := s.get()
	s.ok(s.settle(c, 2*long))
	require.Equal(s.t, first, s.get())
	s.noDue()
	s.ok(s.settle(c, 0))
	s.ok(s.settle(c, long))
	require.Equal(s.t, base+"-2", s.reserve(ledger.Opened).Remediation, "re-armed stays re-armed")
}

func settlesOtherwise(s *suite) {
	c := s.live()
	s.ok(s.settle(c, long))
	first := s.get()
	for range 2 {
		err := s.l.Settle(s.t.Context(), ledger.Settlement{Fingerprint: workload, Remediation: c.Remediation, Outcome: "failed"})
		require.ErrorIs(s.t, err, ledger.ErrSettled)
		require.Equal(s.t, first, s.get())
	}
	s.noDue()
	s.ok(s.settle(c, long))
}

func settleBeforeConfirm(s *suite) {
	c := s.reserve(ledger.Opened)
	s.ok(s.settle(c, long))
	s.ok(s.confirm(c, long))
	require.Equal(s.t, ledger.Settled, s.get().State)
	s.noDue()
}

func settleAfterForgetting(s *suite) {
	c := s.live()
	s.forget()
	s.ok(s.settle(c, long))
	s.reserve(ledger.CoolingDown)
}

func settleOfAnother(s *suite) {
	first := s.live()
	s.ok(s.settle(first, 0))
	second := s.live()
	require.ErrorIs(s.t, s.settle(first, long), ledger.ErrNotHolder)
	require.Equal(s.t, second, s.get())
}

func generationOutlives(s *suite) {
	c := s.live()
	s.ok(s.settle(c, time.Hour))
	ttl, err := s.raw().PTTL(s.t.Context(), "kubernaut:claim:{"+workload+"}").Result()
	s.ok(err)
	require.Greater(s.t, ttl, 7*24*time.Hour)
	require.LessOrEqual(s.t, ttl, 7*24*time.Hour+time.Hour)
}
