package ledgertest

import (
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var executionTests = []test{
	{"a cancel before the execution stops it", cancelFirst},
	{"a cancel during and after the execution is too late", cancelTooLate},
	{"a cancel after a step that changed nothing is in time", cancelAfterNothing},
	{"a cancel of a settled or another remediation changes nothing", cancelOthers},
	{"a cancel after Redis forgot still stops the execution", cancelAfterForgetting},
	{"a cancelled remediation takes no alert in, and is replaced after its deadline", cancelledTakesNobody},
	{"a cancelled remediation that nobody settles is replaced after the time given, whatever is reported of it", cancelledGetsNoTime},
	{"a cancel never gives a remediation more time", cancelGivesNoTime},
	{"a cancelled remediation that is past its deadline still ends as cancelled", cancelledEndsLate},
	{"an alert that joined again keeps a remediation from being cancelled", joinedAgain},
	{"what tells of a moment never counts as firing", momentsDoNotFire},
	{"two steps never hold one workload at once", busyStep},
	{"a target's own lock keeps another remediation off", busyTarget},
	{"a cancelled claim gives the target's lock back", cancelledGivesBack},
	{"an execution without a live claim gives the target's lock back", refusedGivesBack},
	{"a lock ends with its lease", lockEnds},
	{"an execution after Redis forgot creates the claim again", startAfterForgetting},
}

func (s *suite) start(c ledger.Claim, step string, want ledger.StartOutcome) ledger.Execution {
	s.t.Helper()
	return s.startOn(ledger.ExecutionStart{
		Fingerprint: c.Fingerprint, Remediation: c.Remediation, Step: step, Lease: long,
	}, want)
}

func (s *suite) startOn(start ledger.ExecutionStart, want ledger.StartOutcome) ledger.Execution {
	s.t.Helper()
	e, err := s.l.StartExecution(s.t.Context(), start)
	s.ok(err)
	require.Equal(s.t, want, e.Outcome)
	return e
}

func (s *suite) cancel(c ledger.Claim, want ledger.CancelOutcome) ledger.Claim {
	s.t.Helper()
	outcome, claim, err := s.l.Cancel(s.t.Context(), c.Fingerprint, c.Remediation, long)
	s.ok(err)
	require.Equal(s.t, want, outcome)
	return claim
}

func cancelFirst(s *suite) {
	c := s.live()
	s.cancel(c, ledger.Cancelled)
	s.cancel(c, ledger.Cancelled)
	require.True(s.t, s.get().Cancelled)
	s.ok(s.advance(c.Remediation, "approved", long))
	s.start(c, "step-1", ledger.CancelledFirst)
	s.ok(s.settle(c, 0))
	require.False(s.t, s.reserve(ledger.Opened).Cancelled, "the next remediation is its own")
}

func cancelledTakesNobody(s *suite) {
	c := s.live()
	s.join("a1", episode, ledger.Joined)
	s.resolve("a1", episode)
	s.cancel(c, ledger.Cancelled)
	require.Equal(s.t, c.Remediation, s.reserve(ledger.Pending).Remediation)
	met := s.reserveMany([]ledger.Arrival{{Reservation: ledger.Reservation{Fingerprint: workload, Base: base, Lease: long}, Alert: s.alert("a1")}})
	require.Equal(s.t, ledger.Pending, met[0].Outcome, "not even an alert that had joined it")
	require.False(s.t, met[0].Joined)
	s.ok(s.advance(c.Remediation, "enriched", s.Short))
	s.Elapse(s.Short)
	require.NotEqual(s.t, c.Remediation, s.reserve(ledger.Opened).Remediation)
	_, _, err := s.l.Cancel(s.t.Context(), workload, c.Remediation, long)
	require.ErrorIs(s.t, err, ledger.ErrNotHolder)
}

// cancelWithin cancels as whoever has an event settle the claim.
func (s *suite) cancelWithin(c ledger.Claim, within time.Duration, want ledger.CancelOutcome) {
	s.t.Helper()
	outcome, _, err := s.l.Cancel(s.t.Context(), c.Fingerprint, c.Remediation, within)
	s.ok(err)
	require.Equal(s.t, want, outcome)
}

func cancelledGetsNoTime(s *suite) {
	c := s.live()
	s.cancelWithin(c, s.Short, ledger.Cancelled)
	s.cancelWithin(c, long, ledger.Cancelled)
	require.True(s.t, s.get().Deadline.Before(c.Deadline))
	s.ok(s.advance(c.Remediation, "held", long))
	require.Equal(s.t, "held", s.get().Phase)
	s.Elapse(s.Short)
	next := s.reserve(ledger.Opened)
	require.NotEqual(s.t, c.Remediation, next.Remediation)
	s.ok(s.confirm(next, long))

	// Whatever comes late of the first changes nothing of the second.
	before := s.get()
	require.ErrorIs(s.t, s.settle(c, long), ledger.ErrNotHolder)
	require.ErrorIs(s.t, s.advance(c.Remediation, "approved", long), ledger.ErrNotHolder)
	_, err := s.l.StartExecution(s.t.Context(), ledger.ExecutionStart{Fingerprint: workload, Remediation: c.Remediation, Step: "step-1", Lease: long})
	require.ErrorIs(s.t, err, ledger.ErrNotHolder)
	_, _, err = s.l.Cancel(s.t.Context(), workload, c.Remediation, s.Short)
	require.ErrorIs(s.t, err, ledger.ErrNotHolder)
	require.Equal(s.t, before, s.get())
	s.start(next, "step-1", ledger.Acquired)
}

func cancelGivesNoTime(s *suite) {
	c := s.live()
	s.ok(s.advance(c.Remediation, "enriched", s.Short))
	deadline := s.get().Deadline
	s.cancelWithin(c, long, ledger.Cancelled)
	require.Equal(s.t, deadline, s.get().Deadline)

	_, _, err := s.l.Cancel(s.t.Context(), workload, c.Remediation, 0)
	require.ErrorIs(s.t, err, ledger.ErrInvalid)
}

func cancelledEndsLate(s *suite) {
	c := s.live()
	s.cancelWithin(c, s.Short, ledger.Cancelled)
	s.Elapse(s.Short)
	s.start(c, "step-1", ledger.CancelledFirst)
	s.ok(s.settle(c, long))
	require.Equal(s.t, ledger.Settled, s.get().State)
	require.Equal(s.t, c.Remediation, s.reserve(ledger.CoolingDown).Remediation)
}

func joinedAgain(s *suite) {
	c := s.live()
	s.join("a1", episode, ledger.Joined)
	s.join("a2", episode, ledger.Joined)
	s.resolve("a1", episode)
	require.False(s.t, s.cancel(c, ledger.JoinedAgain).Cancelled)
	s.resolve("a2", episode)
	s.cancel(c, ledger.Cancelled)
}

func momentsDoNotFire(s *suite) {
	c := s.live()
	s.join("moment-1", episode, ledger.Joined)
	s.join("a1", episode, ledger.Joined)
	s.join("moment-1", episode.Add(time.Minute), ledger.Joined)
	met := s.reserveMany([]ledger.Arrival{{Reservation: ledger.Reservation{Fingerprint: workload, Base: base, Lease: long}, Alert: s.alert("moment-2")}})
	require.True(s.t, met[0].Joined)
	r, found := s.resolve("a1", episode)
	require.True(s.t, found)
	require.Zero(s.t, r.StillFiring)
	s.cancel(c, ledger.Cancelled)
}

func cancelTooLate(s *suite) {
	c := s.live()
	e := s.start(c, "step-1", ledger.Acquired)
	started := s.get()
	s.cancelWithin(c, s.Short, ledger.TooLate)
	require.Equal(s.t, started, s.get(), "what is executed keeps its time")
	require.Equal(s.t, "step-1", s.cancel(c, ledger.TooLate).Executing)
	s.ok(s.l.EndExecution(s.t.Context(), e, true))
	after := s.cancel(c, ledger.TooLate)
	require.Equal(s.t, "step-1", after.Executed)
	require.Empty(s.t, after.Executing)
	s.start(c, "step-2", ledger.Acquired)
}

func cancelAfterNothing(s *suite) {
	c := s.live()
	e := s.start(c, "step-1", ledger.Acquired)
	s.ok(s.l.EndExecution(s.t.Context(), e, false))
	s.cancel(c, ledger.Cancelled)
}

func cancelOthers(s *suite) {
	first := s.live()
	s.ok(s.settle(first, 0))
	s.cancel(first, ledger.AlreadySettled)
	second := s.live()
	_, _, err := s.l.Cancel(s.t.Context(), workload, first.Remediation, long)
	require.ErrorIs(s.t, err, ledger.ErrNotHolder)
	require.Equal(s.t, second, s.get())
}

func cancelAfterForgetting(s *suite) {
	c := s.live()
	s.forget()
	require.Equal(s.t, ledger.ExecutedUnknown, s.cancel(c, ledger.TooLate).Executed, "nobody knows whether anything was executed")
	s.ok(s.advance(c.Remediation, "approved", long))
	s.cancel(c, ledger.TooLate)
	e := s.start(c, "step-1", ledger.Acquired)
	s.ok(s.l.EndExecution(s.t.Context(), e, false))
	s.cancel(c, ledger.TooLate)
}

func busyStep(s *suite) {
	c := s.live()
	e := s.start(c, "step-1", ledger.Acquired)
	require.Equal(s.t, c.Remediation+"/step-1", s.start(c, "step-2", ledger.Busy).Holder)
	require.Equal(s.t, "step-1", s.get().Executing)
	s.ok(s.l.EndExecution(s.t.Context(), e, true))
	s.start(c, "step-2", ledger.Acquired)
}

func (s *suite) onTarget(remediation, fingerprint string) ledger.ExecutionStart {
	return ledger.ExecutionStart{
		Fingerprint: fingerprint, Remediation: remediation, Step: "step-1", Target: other, Lease: long,
	}
}

func busyTarget(s *suite) {
	c := s.live()
	e := s.startOn(s.onTarget(c.Remediation, workload), ledger.Acquired)
	// The target's own remediation, and a third one that wants the same target.
	busy := s.startOn(s.onTarget("own-1", other), ledger.Busy)
	require.Equal(s.t, c.Remediation+"/step-1", busy.Holder)
	s.startOn(s.onTarget("third-1", "third"), ledger.Busy)
	_, claim, err := s.l.Cancel(s.t.Context(), "third", "third-1", long)
	s.ok(err)
	require.Empty(s.t, claim.Executing, "a busy target marks no claim")
	again := s.startOn(s.onTarget(c.Remediation, workload), ledger.Acquired)
	require.Greater(s.t, again.TargetToken, e.TargetToken)
	require.ErrorIs(s.t, s.l.EndExecution(s.t.Context(), e, true), ledger.ErrLostLease)
	s.startOn(s.onTarget("third-1", "third"), ledger.Busy)
	s.ok(s.l.EndExecution(s.t.Context(), again, true))
	s.startOn(s.onTarget("own-1", other), ledger.Acquired)
}

func cancelledGivesBack(s *suite) {
	c := s.live()
	s.cancel(c, ledger.Cancelled)
	s.startOn(s.onTarget(c.Remediation, workload), ledger.CancelledFirst)
	s.startOn(s.onTarget("own-1", other), ledger.Acquired)
}

func refusedGivesBack(s *suite) {
	c := s.live()
	s.ok(s.settle(c, long))
	_, err := s.l.StartExecution(s.t.Context(), s.onTarget(c.Remediation, workload))
	require.ErrorIs(s.t, err, ledger.ErrSettled)
	_, err = s.l.StartExecution(s.t.Context(), s.onTarget("stranger-1", workload))
	require.ErrorIs(s.t, err, ledger.ErrNotHolder)
	s.startOn(s.onTarget("own-1", other), ledger.Acquired)
}

func lockEnds(s *suite) {
	c := s.live()
	first := s.startOn(ledger.ExecutionStart{
		Fingerprint: workload, Remediation: c.Remediation, Step: "step-1", Lease: s.Short,
	}, ledger.Acquired)
	s.Elapse(s.Short)
	s.start(c, "step-2", ledger.Acquired)
	require.ErrorIs(s.t, s.l.EndExecution(s.t.Context(), first, true), ledger.ErrLostLease)
	got := s.get()
	require.Equal(s.t, "step-2", got.Executing)
	require.Equal(s.t, "step-1", got.Executed, "what was applied was applied")
}

func startAfterForgetting(s *suite) {
	c := s.live()
	s.forget()
	e := s.start(c, "step-1", ledger.Acquired)
	require.Equal(s.t, "step-1", s.get().Executing)
	s.forget()
	s.ok(s.l.EndExecution(s.t.Context(), e, true))
}
