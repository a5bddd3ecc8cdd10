package ledgertest

import (
	"bytes"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var inboxTests = []test{
	{"a turn is fresh, then running, then done with its reply", turnLife},
	{"a turn without a reply is done with none", turnNoReply},
	{"an empty reply is not the same as none", turnEmptyReply},
	{"a large reply comes back as it was", turnLargeReply},
	{"a released turn is fresh again", turnReleased},
	{"a turn past its lease passes on and the old holder cannot finish", turnLost},
	{"finishing twice keeps the first reply", turnFinishedTwice},
	{"stages do not share turns", turnStages},
	{"a done turn is forgotten after keep", turnForgotten},
	{"a turn that Redis forgot can be finished", turnFinishAfterForgetting},
}

func (s *suite) begin(want ledger.TurnState) ledger.Turn {
	s.t.Helper()
	return s.beginFor(long, want)
}

func (s *suite) beginFor(lease time.Duration, want ledger.TurnState) ledger.Turn {
	s.t.Helper()
	turn, err := s.l.Begin(s.t.Context(), "analyze", "e1", lease)
	s.ok(err)
	require.Equal(s.t, want, turn.State)
	return turn
}

func (s *suite) replied(reply []byte) []byte {
	s.t.Helper()
	s.ok(s.l.Finish(s.t.Context(), s.begin(ledger.TurnFresh), reply, long))
	return s.begin(ledger.TurnDone).Reply
}

func turnLife(s *suite) {
	turn := s.begin(ledger.TurnFresh)
	require.Equal(s.t, 1, turn.Attempt)
	running := s.begin(ledger.TurnRunning)
	require.Positive(s.t, running.Remaining)
	require.LessOrEqual(s.t, running.Remaining, long)
	s.ok(s.l.Finish(s.t.Context(), turn, sealed, long))
	require.Equal(s.t, sealed, s.begin(ledger.TurnDone).Reply)
}

func turnNoReply(s *suite) { require.Nil(s.t, s.replied(nil)) }

func turnEmptyReply(s *suite) {
	reply := s.replied([]byte{})
	require.NotNil(s.t, reply)
	require.Empty(s.t, reply)
}

func turnLargeReply(s *suite) {
	reply := bytes.Repeat([]byte("a sealed event, "), 4096)
	require.Equal(s.t, reply, s.replied(reply))
	if n, err := s.raw().MemoryUsage(s.t.Context(), "kubernaut:inbox:{analyze/e1}").Result(); err == nil {
		require.Less(s.t, n, int64(len(reply)/4), "stored compressed")
	}
}

func turnReleased(s *suite) {
	turn := s.begin(ledger.TurnFresh)
	s.ok(s.l.Release(s.t.Context(), turn))
	again := s.begin(ledger.TurnFresh)
	require.Equal(s.t, 2, again.Attempt)
	require.Greater(s.t, again.Token, turn.Token)
	require.ErrorIs(s.t, s.l.Release(s.t.Context(), turn), ledger.ErrLostLease)
}

func turnLost(s *suite) {
	first := s.beginFor(s.Short, ledger.TurnFresh)
	s.Elapse(s.Short)
	second := s.begin(ledger.TurnFresh)
	require.ErrorIs(s.t, s.l.Finish(s.t.Context(), first, []byte("late"), long), ledger.ErrLostLease)
	s.ok(s.l.Finish(s.t.Context(), second, sealed, long))
	require.ErrorIs(s.t, s.l.Finish(s.t.Context(), first, []byte("late"), long), ledger.ErrLostLease)
	require.Equal(s.t, sealed, s.begin(ledger.TurnDone).Reply)
}

func turnFinishedTwice(s *suite) {
	turn := s.begin(ledger.TurnFresh)
	s.ok(s.l.Finish(s.t.Context(), turn, sealed, long))
	s.ok(s.l.Finish(s.t.Context(), turn, []byte("second"), long))
	s.ok(s.l.Release(s.t.Context(), turn))
	require.Equal(s.t, sealed, s.begin(ledger.TurnDone).Reply)
	require.ErrorIs(s.t, s.l.Finish(s.t.Context(), s.begin(ledger.TurnDone), sealed, long), ledger.ErrInvalid)
}

func turnStages(s *suite) {
	s.begin(ledger.TurnFresh)
	turn, err := s.l.Begin(s.t.Context(), "execute", "e1", long)
	s.ok(err)
	require.Equal(s.t, ledger.TurnFresh, turn.State)
}

func turnForgotten(s *suite) {
	s.ok(s.l.Finish(s.t.Context(), s.begin(ledger.TurnFresh), sealed, s.Short))
	s.Elapse(s.Short)
	s.begin(ledger.TurnFresh)
}

func turnFinishAfterForgetting(s *suite) {
	turn := s.begin(ledger.TurnFresh)
	s.forget()
	s.ok(s.l.Finish(s.t.Context(), turn, sealed, long))
	require.Equal(s.t, sealed, s.begin(ledger.TurnDone).Reply)
}
