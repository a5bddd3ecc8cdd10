package ledgertest

import (
	"context"
	"net"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

// The client sends a call again when its reply got lost. What the first try took
// must not stand in the second one's way.
var repeatTests = []test{
	{"a begin whose reply got lost is fresh, at the first attempt, and nobody else's", repeatedBegin},
	{"a begin whose reply got lost finds the turn done or running as before", repeatedBeginOfOthers},
	{"a reservation whose reply got lost is opened", repeatedReserve},
	{"a takeover whose reply got lost is taken over", repeatedTakeover},
	{"reservations in a batch whose reply got lost are opened, one a claim", repeatedBatch},
}

// repeater sends each command twice and keeps the second reply, as a client
// does whose first reply got lost on the way.
type repeater struct{}

func (repeater) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (repeater) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		_ = next(ctx, cmd)
		cmd.SetErr(nil)
		return next(ctx, cmd)
	}
}

func (repeater) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		_ = next(ctx, cmds)
		for _, cmd := range cmds {
			cmd.SetErr(nil)
		}
		return next(ctx, cmds)
	}
}

// repeating is a pod all of whose first replies get lost.
func (s *suite) repeating() *ledger.Ledger { return s.open(ledger.WithHook(repeater{})) }

func repeatedBegin(s *suite) {
	turn, err := s.repeating().Begin(s.t.Context(), "analyze", "e1", long)
	s.ok(err)
	require.Equal(s.t, ledger.TurnFresh, turn.State)
	require.Equal(s.t, 1, turn.Attempt)
	s.begin(ledger.TurnRunning)
	s.ok(s.l.Finish(s.t.Context(), turn, sealed, long))
	require.Equal(s.t, sealed, s.begin(ledger.TurnDone).Reply)
}

func repeatedBeginOfOthers(s *suite) {
	turn := s.begin(ledger.TurnFresh)
	again, err := s.repeating().Begin(s.t.Context(), "analyze", "e1", long)
	s.ok(err)
	require.Equal(s.t, ledger.TurnRunning, again.State)
	s.ok(s.l.Release(s.t.Context(), turn))
	again, err = s.repeating().Begin(s.t.Context(), "analyze", "e1", long)
	s.ok(err)
	require.Equal(s.t, ledger.TurnFresh, again.State)
	require.Equal(s.t, 2, again.Attempt)
}

func repeatedReserve(s *suite) {
	reservation := ledger.Reservation{Fingerprint: workload, Base: base, Lease: long}
	c, outcome, err := s.repeating().Reserve(s.t.Context(), reservation)
	s.ok(err)
	require.Equal(s.t, ledger.Opened, outcome)
	require.EqualValues(s.t, 1, c.Generation)
	s.reserve(ledger.Pending)
	s.ok(s.confirm(c, long))
	s.reserve(ledger.Duplicate)
}

func repeatedTakeover(s *suite) {
	dead := s.reserveFor(s.Short, ledger.Opened)
	s.Elapse(s.Short)
	c, outcome, err := s.repeating().Reserve(s.t.Context(),
		ledger.Reservation{Fingerprint: workload, Base: base, Lease: long})
	s.ok(err)
	require.Equal(s.t, ledger.TakenOver, outcome)
	require.Equal(s.t, dead.Remediation, c.Remediation)
	require.ErrorIs(s.t, s.confirm(dead, long), ledger.ErrNotHolder)
	s.ok(s.confirm(c, long))
}

func repeatedBatch(s *suite) {
	arrival := func(fingerprint string) ledger.Arrival {
		return ledger.Arrival{Reservation: ledger.Reservation{Fingerprint: fingerprint, Base: base, Lease: long}}
	}
	met, err := s.repeating().ReserveMany(s.t.Context(), []ledger.Arrival{arrival(workload), arrival(workload), arrival(other)})
	s.ok(err)
	outcomes := make([]ledger.ReserveOutcome, len(met))
	for i, m := range met {
		s.ok(m.Err)
		outcomes[i] = m.Outcome
	}
	require.Equal(s.t, []ledger.ReserveOutcome{ledger.Opened, ledger.Pending, ledger.Opened}, outcomes)
	s.ok(s.confirm(met[0].Claim, long))
}
