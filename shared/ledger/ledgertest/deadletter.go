package ledgertest

import (
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var deadLetterTests = []test{
	{"a remediation's first dead letter is told apart, and again on its retry", deadFirst},
	{"dead letters are listed newest first and can be dropped", deadListed},
	{"the oldest dead letter makes room", deadBounded},
}

func (s *suite) dead(id, remediation string) ledger.DeadLettered {
	s.t.Helper()
	got, err := s.l.PutDeadLetter(s.t.Context(), ledger.DeadLetter{
		ID: id, Event: sealed, Reason: "no answer\nfor an hour", Code: 503,
		Destination: "http://execute.kubernaut.svc", Remediation: remediation,
	})
	s.ok(err)
	return got
}

func deadFirst(s *suite) {
	require.True(s.t, s.dead("e1", base+"-1").First)
	require.False(s.t, s.dead("e2", base+"-1").First)
	require.True(s.t, s.dead("e1", base+"-1").First, "a retry after a crash")
	require.True(s.t, s.dead("e3", base+"-2").First)
	require.True(s.t, s.dead("e4", "").First)
	require.True(s.t, s.dead("e5", "").First, "events of no remediation stand alone")
	s.ok(s.l.DropDeadLetter(s.t.Context(), "e1"))
	require.False(s.t, s.dead("e6", base+"-1").First, "redriving does not forget the first")
}

func deadListed(s *suite) {
	none, err := s.l.DeadLetters(s.t.Context(), 10)
	s.ok(err)
	require.Empty(s.t, none)
	for i := range 3 {
		s.dead(fmt.Sprintf("e%d", i), base+"-1")
		s.Elapse(2 * time.Millisecond)
	}
	letters, err := s.l.DeadLetters(s.t.Context(), 2)
	s.ok(err)
	require.Len(s.t, letters, 2)
	require.Equal(s.t, "e2", letters[0].ID)
	require.Equal(s.t, "e1", letters[1].ID)
	require.False(s.t, letters[0].At.IsZero())
	letters[0].At = letters[0].At.Truncate(0)
	require.Equal(s.t, ledger.DeadLetter{
		ID: "e2", Event: sealed, Reason: "no answer\nfor an hour", Code: 503,
		Destination: "http://execute.kubernaut.svc", Remediation: base + "-1", At: letters[0].At,
	}, letters[0])
	s.ok(s.l.DropDeadLetter(s.t.Context(), "e2"))
	s.ok(s.l.DropDeadLetter(s.t.Context(), "e2"))
	letters, err = s.l.DeadLetters(s.t.Context(), 10)
	s.ok(err)
	require.Len(s.t, letters, 2)
}

func deadBounded(s *suite) {
	// Through the back door: a thousand calls would only take time.
	old := make([]redis.Z, ledger.MaxDeadLetters-1)
	bodies := map[string]any{}
	for i := range old {
		id := fmt.Sprintf("e%04d", i)
		old[i] = redis.Z{Score: float64(time.Now().Add(-time.Hour).UnixMilli() + int64(i)), Member: id}
		bodies[id] = "{}\nn"
	}
	s.ok(s.raw().ZAdd(s.t.Context(), "kubernaut:dead:{dead}:times", old...).Err())
	s.ok(s.raw().HSet(s.t.Context(), "kubernaut:dead:{dead}:bodies", bodies).Err())
	require.Zero(s.t, s.dead("last", base+"-1").Evicted)
	require.Equal(s.t, 1, s.dead("one-more", base+"-1").Evicted)
	letters, err := s.l.DeadLetters(s.t.Context(), ledger.MaxDeadLetters+10)
	s.ok(err)
	require.Len(s.t, letters, ledger.MaxDeadLetters)
	require.Equal(s.t, "e0001", letters[len(letters)-1].ID)
	n, err := s.raw().HLen(s.t.Context(), "kubernaut:dead:{dead}:bodies").Result()
	s.ok(err)
	require.EqualValues(s.t, ledger.MaxDeadLetters, n)
}
