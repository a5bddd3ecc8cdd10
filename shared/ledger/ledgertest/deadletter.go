package ledgertest

import (
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var deadLetterTests = []test{
	{"a remediation's first dead letter is told apart, and again on its retry", deadFirst},
	{"dead letters are listed newest first and can be dropped", deadListed},
	{"a dead letter that is stored again outlives its former self", deadAgain},
	{"the oldest dead letter makes room, and is told of, again on a retry", deadBounded},
	{"letters that only inform never push out another", deadApart},
	{"letters that were kept for long enough go, and are told of", deadOld},
	{"what the version before kept is listed, pushes out none and can be dropped", deadOfBefore},
}

const (
	deadExecute = "execute http://execute.kubernaut.svc"
	deadRecord  = "record http://record.kubernaut.svc"
)

func (s *suite) dead(id, remediation string) ledger.DeadLettered {
	s.t.Helper()
	return s.put(ledger.DeadLetter{
		ID: id, Event: sealed, Reason: "no answer\nfor an hour", Code: 503,
		Destination: deadExecute, Remediation: remediation,
	})
}

// informs stores a letter of somebody who only takes note.
func (s *suite) informs(id string) ledger.DeadLettered {
	s.t.Helper()
	return s.put(ledger.DeadLetter{ID: id, Event: sealed, Destination: deadRecord, Informs: true})
}

func (s *suite) put(d ledger.DeadLetter) ledger.DeadLettered {
	s.t.Helper()
	got, err := s.l.PutDeadLetter(s.t.Context(), d)
	s.ok(err)
	return got
}

// drop forgets a letter as it is listed now; none if it is not there.
func (s *suite) drop(id string) {
	s.t.Helper()
	s.ok(s.l.DropDeadLetter(s.t.Context(), s.letter(id)))
}

// letter is the one of that id as it is listed now; only its id if it is not there.
func (s *suite) letter(id string) ledger.DeadLetter {
	s.t.Helper()
	letters, err := s.l.DeadLetters(s.t.Context(), ledger.MaxDeadLetters)
	s.ok(err)
	for _, d := range letters {
		if d.ID == id {
			return d
		}
	}
	return ledger.DeadLetter{ID: id}
}

// listed are the ids of all dead letters, the newest first.
func (s *suite) listed() []string {
	s.t.Helper()
	letters, err := s.l.DeadLetters(s.t.Context(), ledger.MaxDeadLetters+10)
	s.ok(err)
	ids := make([]string, len(letters))
	for i := range letters {
		ids[i] = letters[i].ID
	}
	n, err := s.raw().HLen(s.t.Context(), "kubernaut:dead:{dead}:bodies").Result()
	s.ok(err)
	require.Equal(s.t, len(ids), int(n), "a body of each letter, and none else")
	return ids
}

// stored puts letters there through the back door: a thousand calls would only
// take time. They are a millisecond apart, the first of the given age.
func (s *suite) stored(list, ids string, n int, age time.Duration) {
	s.t.Helper()
	at := time.Now().Add(-age).UnixMilli()
	times, bodies := make([]redis.Z, n), map[string]any{}
	for i := range times {
		id := fmt.Sprintf("%s%04d", ids, i)
		times[i] = redis.Z{Score: float64(at + int64(i)), Member: id}
		bodies[id] = fmt.Sprintf(`{"destination":%q,"remediation":%q}`+"\nn", deadExecute, base+"-1")
	}
	s.ok(s.raw().ZAdd(s.t.Context(), "kubernaut:dead:{dead}:"+list, times...).Err())
	s.ok(s.raw().HSet(s.t.Context(), "kubernaut:dead:{dead}:bodies", bodies).Err())
}

func deadFirst(s *suite) {
	require.True(s.t, s.dead("e1", base+"-1").First)
	require.False(s.t, s.dead("e2", base+"-1").First)
	require.True(s.t, s.dead("e1", base+"-1").First, "a retry after a crash")
	require.True(s.t, s.dead("e3", base+"-2").First)
	require.True(s.t, s.dead("e4", "").First)
	require.True(s.t, s.dead("e5", "").First, "events of no remediation stand alone")
	s.drop("e1")
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
		Destination: deadExecute, Remediation: base + "-1", At: letters[0].At,
	}, letters[0])
	s.informs("i1")
	require.Equal(s.t, []string{"i1", "e2", "e1", "e0"}, s.listed(), "those that inform among the others")
	s.drop("e2")
	s.drop("e2")
	s.drop("i1")
	require.Equal(s.t, []string{"e1", "e0"}, s.listed())
}

// deadAgain: who posts a letter to the Broker forgets it afterwards, and it may have
// been refused again before.
func deadAgain(s *suite) {
	s.dead("e1", base+"-1")
	s.informs("i1")
	posted := []ledger.DeadLetter{s.letter("e1"), s.letter("i1")}
	require.True(s.t, s.put(ledger.DeadLetter{ID: "e1", Event: sealed, Reason: "no", Code: 422, Destination: deadExecute, Remediation: base + "-1"}).First)
	s.informs("i1")
	for _, d := range posted {
		s.ok(s.l.DropDeadLetter(s.t.Context(), d))
	}
	require.Equal(s.t, 2, len(s.listed()), "what was refused again is not lost")
	now := s.letter("e1")
	require.Equal(s.t, 422, now.Code, "the newer refusal counts")
	require.True(s.t, now.At.After(posted[0].At))
	s.drop("e1")
	s.drop("i1")
	require.Empty(s.t, s.listed())
}

func deadBounded(s *suite) {
	s.stored("acting", "e", ledger.MaxActing-1, time.Hour)
	require.Empty(s.t, s.dead("last", base+"-2").Removed)
	gone := []ledger.RemovedLetter{{ID: "e0000", Destination: deadExecute, Remediation: base + "-1", Why: ledger.RemovedFull}}
	require.Equal(s.t, gone, s.dead("one-more", base+"-2").Removed)
	require.Equal(s.t, gone, s.dead("one-more", base+"-2").Removed, "a retry after a crash")
	require.Empty(s.t, s.dead("last", base+"-2").Removed)
	s.drop("one-more")
	require.Empty(s.t, s.dead("one-more", base+"-2").Removed, "redriven, and dead again")
	require.Empty(s.t, s.dead("one-more", base+"-2").Removed)
	ids := s.listed()
	require.Equal(s.t, ledger.MaxActing, len(ids))
	require.Equal(s.t, "e0001", ids[len(ids)-1])
}

func deadApart(s *suite) {
	s.stored("acting", "e", ledger.MaxActing, time.Hour)
	s.stored("informing", "i", ledger.MaxInforming, time.Minute)
	got := s.informs("one-more")
	require.Len(s.t, got.Removed, 1)
	require.Equal(s.t, "i0000", got.Removed[0].ID, "one of its own")
	got = s.dead("other", base+"-2")
	require.Len(s.t, got.Removed, 1)
	require.Equal(s.t, "e0000", got.Removed[0].ID, "and the other way round")
	require.Equal(s.t, ledger.MaxActing+ledger.MaxInforming, len(s.listed()))
}

func deadOld(s *suite) {
	const age = ledger.DeadLetterRetention + time.Hour
	s.stored("acting", "e", 1, age)
	s.stored("informing", "i", 1, age)
	s.stored("times", "t", 1, age)
	s.stored("acting", "young", 1, ledger.DeadLetterRetention-time.Hour)
	removed := s.informs("i-new").Removed
	var ids []string
	for _, r := range removed {
		require.Equal(s.t, ledger.RemovedOld, r.Why)
		require.Equal(s.t, deadExecute, r.Destination)
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	require.Equal(s.t, []string{"e0000", "i0000", "t0000"}, ids, "whoever's they are")
	require.Equal(s.t, []string{"i-new", "young0000"}, s.listed())
	// The keys outlive the letters: else Redis would remove them and nobody tell.
	for _, key := range []string{"acting", "informing", "bodies"} {
		left, err := s.raw().PTTL(s.t.Context(), "kubernaut:dead:{dead}:"+key).Result()
		s.ok(err)
		require.Greater(s.t, left, ledger.DeadLetterRetention, key)
	}
}

func deadOfBefore(s *suite) {
	s.stored("times", "t", 1000, time.Hour)
	require.Empty(s.t, s.dead("e1", base+"-2").Removed)
	require.Empty(s.t, s.informs("i1").Removed)
	require.Empty(s.t, s.dead("t0999", base+"-1").Removed, "known by its id")
	ids := s.listed()
	require.Equal(s.t, 1002, len(ids))
	require.Equal(s.t, "t0000", ids[1001])
	s.drop("t0000")
	require.Equal(s.t, 1001, len(s.listed()))
}
