package ledgertest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

const (
	racers  = 100
	ledgers = 4
)

var raceTests = []test{
	{"a hundred reservations at once open one remediation", raceReserve},
	{"a hundred takeovers at once have one winner", raceTakeover},
	{"a hundred turns at once have one that is fresh", raceBegin},
	{"a hundred answers at once have one that counts", raceOnce},
	{"cancel and execution at once have one winner", raceCancel},
	{"workers at once lease every due item once", raceDue},
	{"admissions at once never exceed the limit", raceAdmit},
}

var sizeTests = []test{
	{"a claim at its longest stays below 300 bytes", claimSize},
	{"a usual claim takes less than 300 bytes of Redis' memory", claimMemory},
}

// race runs f in many goroutines over several ledgers at once and returns what
// they answered, counted.
func race[T comparable](s *suite, f func(l *ledger.Ledger, i int) (T, error)) map[T]int {
	s.t.Helper()
	pods := make([]*ledger.Ledger, ledgers)
	for i := range pods {
		pods[i] = s.open()
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	counts, errs := map[T]int{}, []error{}
	begin := make(chan struct{})
	for i := range racers {
		wg.Go(func() {
			<-begin
			got, err := f(pods[i%ledgers], i)
			mu.Lock()
			defer mu.Unlock()
			counts[got]++
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	close(begin)
	wg.Wait()
	require.Empty(s.t, errs)
	return counts
}

func raceReserve(s *suite) {
	counts := race(s, func(l *ledger.Ledger, i int) (ledger.ReserveOutcome, error) {
		c, outcome, err := l.Reserve(s.t.Context(), ledger.Reservation{
			Fingerprint: workload, Base: fmt.Sprintf("%s-%d", base, i), Lease: long,
		})
		if err == nil && outcome == ledger.Opened {
			err = l.Confirm(s.t.Context(), ledger.Confirmation{
				Fingerprint: workload, Remediation: c.Remediation, Token: c.Token,
				Phase: "received", Within: long, Event: sealed,
			})
		}
		return outcome, err
	})
	require.Equal(s.t, 1, counts[ledger.Opened])
	require.Equal(s.t, racers-1, counts[ledger.Pending]+counts[ledger.Duplicate])
	require.EqualValues(s.t, counts[ledger.Duplicate], s.get().Duplicates)
}

func raceTakeover(s *suite) {
	s.reserveFor(s.Short, ledger.Opened)
	s.Elapse(s.Short)
	counts := race(s, func(l *ledger.Ledger, _ int) (ledger.ReserveOutcome, error) {
		_, outcome, err := l.Reserve(s.t.Context(), ledger.Reservation{Fingerprint: workload, Base: base, Lease: long})
		return outcome, err
	})
	require.Equal(s.t, map[ledger.ReserveOutcome]int{ledger.TakenOver: 1, ledger.Pending: racers - 1}, counts)
}

func raceBegin(s *suite) {
	counts := race(s, func(l *ledger.Ledger, _ int) (ledger.TurnState, error) {
		turn, err := l.Begin(s.t.Context(), "analyze", "event-1", long)
		return turn.State, err
	})
	require.Equal(s.t, map[ledger.TurnState]int{ledger.TurnFresh: 1, ledger.TurnRunning: racers - 1}, counts)
}

func raceOnce(s *suite) {
	var mu sync.Mutex
	firsts := 0
	counts := race(s, func(l *ledger.Ledger, i int) (string, error) {
		r, err := l.AnswerOnce(s.t.Context(), ledger.OnceRecord{
			Remediation: base + "-1", Step: "step-1", Value: fmt.Appendf(nil, "answer %d", i), Keep: long,
		})
		mu.Lock()
		defer mu.Unlock()
		if r.First {
			firsts++
		}
		return string(r.Value), err
	})
	require.Len(s.t, counts, 1, "all see the same answer")
	require.Equal(s.t, 1, firsts)
}

func raceCancel(s *suite) {
	c := s.live()
	counts := race(s, func(l *ledger.Ledger, i int) (string, error) {
		if i%2 == 0 {
			outcome, _, err := l.Cancel(s.t.Context(), workload, c.Remediation, long)
			return "cancel " + string(outcome), err
		}
		e, err := l.StartExecution(s.t.Context(), ledger.ExecutionStart{
			Fingerprint: workload, Remediation: c.Remediation, Step: "step-1", Lease: long,
		})
		return "start " + string(e.Outcome), err
	})
	cancelWon := map[string]int{"cancel cancelled": racers / 2, "start cancelled": racers / 2}
	startWon := map[string]int{"cancel too_late": racers / 2, "start acquired": racers / 2}
	require.Contains(s.t, []map[string]int{cancelWon, startWon}, counts)
}

func raceDue(s *suite) {
	const items, workers = 150, 20
	for i := range items {
		s.ok(s.l.Schedule(s.t.Context(), ledger.Due{ID: fmt.Sprintf("assess/%d", i), Kind: "assess"}, 0))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	race(s, func(l *ledger.Ledger, i int) (bool, error) {
		if i >= workers {
			return false, nil
		}
		leased, err := l.LeaseDue(s.t.Context(), 5, long)
		mu.Lock()
		defer mu.Unlock()
		for _, item := range leased {
			seen[item.ID]++
		}
		return true, err
	})
	rest, err := s.l.LeaseDue(s.t.Context(), ledger.MaxLeased, long)
	s.ok(err)
	for _, item := range rest {
		seen[item.ID]++
	}
	require.Len(s.t, seen, items)
	for id, n := range seen {
		require.Equal(s.t, 1, n, id)
	}
}

func raceAdmit(s *suite) {
	limits := []ledger.Limit{{Name: "action/drain_node", Max: 7, Window: time.Hour}, {Name: "all", Max: 50, Window: time.Hour}}
	counts := race(s, func(l *ledger.Ledger, i int) (bool, error) {
		a, err := l.Admit(s.t.Context(), fmt.Sprintf("%s-%d", base, i+1), limits)
		return a.OK, err
	})
	require.Equal(s.t, map[bool]int{true: 7, false: racers - 7}, counts)
}

// claimSize fills every field: a long remediation is cancelled or executing,
// never both, and a settled one has no deadline.
func claimSize(s *suite) {
	name := strings.Repeat("p", ledger.MaxName)
	c, _, err := s.l.Reserve(s.t.Context(), ledger.Reservation{
		Fingerprint: workload, Base: strings.Repeat("b", ledger.MaxBase), Lease: long,
	})
	s.ok(err)
	s.ok(s.confirm(c, long))
	s.ok(s.advance(c.Remediation, name, long))
	e := s.start(c, "step-10", ledger.Acquired)
	s.ok(s.l.EndExecution(s.t.Context(), e, true))
	s.start(c, "step-11", ledger.Acquired)
	s.ok(s.raw().HSet(s.t.Context(), workloadKey, "n", 9_999_999).Err())
	s.reserve(ledger.Duplicate)
	live := s.claimBytes()
	require.Less(s.t, live, 300)
	s.ok(s.l.Settle(s.t.Context(), ledger.Settlement{Fingerprint: workload, Remediation: c.Remediation, Outcome: name, Cooldown: long}))
	settled := s.claimBytes()
	require.Less(s.t, settled, 300)
	s.t.Logf("claim at its longest, key included: live %d bytes, settled %d bytes", live, settled)
}

func (s *suite) claimBytes() int {
	s.t.Helper()
	fields, err := s.raw().HGetAll(s.t.Context(), workloadKey).Result()
	s.ok(err)
	n := len(workloadKey)
	for f, v := range fields {
		n += len(f) + len(v)
	}
	return n
}

const workloadKey = "kubernaut:claim:{" + workload + "}"

// claimMemory counts what Redis really allocates: key, entry and fields.
func claimMemory(s *suite) {
	if !s.MeasuresMemory {
		s.t.Skip("this server counts memory in its own way")
	}
	c := s.live()
	s.ok(s.advance(c.Remediation, "execution.continued", long))
	s.start(c, "step-1", ledger.Acquired)
	s.reserve(ledger.Duplicate)
	s.t.Logf("MEMORY USAGE %d", s.memory())
	require.Less(s.t, s.memory(), int64(300))
	s.ok(s.settle(c, long))
	require.Less(s.t, s.memory(), int64(300))
}

func (s *suite) memory() int64 {
	s.t.Helper()
	used, err := s.raw().MemoryUsage(s.t.Context(), workloadKey).Result()
	s.ok(err)
	return used
}
