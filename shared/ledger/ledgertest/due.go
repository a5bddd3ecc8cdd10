package ledgertest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var dueTests = []test{
	{"an item is leased when it is due and not before", dueWhenDue},
	{"a worker that dies loses only its lease", dueLeaseEnds},
	{"an item that was moved is not completed by its old lease", dueMoved},
	{"scheduling once keeps the item that is there", dueOnce},
	{"a postponed item is due again later with its attempts", duePostponed},
	{"a dropped item is gone, leased or not", dueDropped},
	{"leasing honours its limit and reaches every shard", dueFair},
}

func (s *suite) item(id string) ledger.Due {
	return ledger.Due{ID: id, Kind: "assess", Fingerprint: workload, Remediation: base + "-1", Payload: sealed}
}

func (s *suite) lease(lease time.Duration, want int) []ledger.Leased {
	s.t.Helper()
	items, err := s.l.LeaseDue(s.t.Context(), 100, lease)
	s.ok(err)
	require.Len(s.t, items, want)
	return items
}

func dueWhenDue(s *suite) {
	s.ok(s.l.Schedule(s.t.Context(), s.item("now"), 0))
	s.ok(s.l.Schedule(s.t.Context(), s.item("soon"), long))
	s.ok(s.l.Schedule(s.t.Context(), s.item("later"), long+long))
	first := s.lease(long, 1)
	require.Equal(s.t, s.item("now"), first[0].Due)
	require.Equal(s.t, 1, first[0].Attempt)
	s.ok(s.l.Schedule(s.t.Context(), s.item("soon"), s.Short))
	s.Elapse(s.Short)
	second := s.lease(long, 1)
	require.Equal(s.t, "soon", second[0].ID)
	n, err := s.l.CountDue(s.t.Context())
	s.ok(err)
	require.Equal(s.t, ledger.DueCounts{Total: 3}, n)
	s.ok(s.l.Complete(s.t.Context(), first[0]))
	s.ok(s.l.Complete(s.t.Context(), second[0]))
	n, err = s.l.CountDue(s.t.Context())
	s.ok(err)
	require.Equal(s.t, ledger.DueCounts{Total: 1}, n)
}

func dueLeaseEnds(s *suite) {
	s.ok(s.l.Schedule(s.t.Context(), s.item("a"), 0))
	first := s.lease(s.Short, 1)[0]
	s.Elapse(s.Short)
	second := s.lease(long, 1)[0]
	require.Equal(s.t, 2, second.Attempt)
	require.ErrorIs(s.t, s.l.Complete(s.t.Context(), first), ledger.ErrLostLease)
	require.ErrorIs(s.t, s.l.Postpone(s.t.Context(), first, 0), ledger.ErrLostLease)
	s.ok(s.l.Complete(s.t.Context(), second))
	require.ErrorIs(s.t, s.l.Complete(s.t.Context(), second), ledger.ErrLostLease)
}

func dueMoved(s *suite) {
	s.ok(s.l.Schedule(s.t.Context(), s.item("a"), 0))
	first := s.lease(long, 1)[0]
	moved := s.item("a")
	moved.Payload = []byte("new")
	s.ok(s.l.Schedule(s.t.Context(), moved, 0))
	require.ErrorIs(s.t, s.l.Complete(s.t.Context(), first), ledger.ErrLostLease)
	second := s.lease(long, 1)[0]
	require.Equal(s.t, moved, second.Due)
	require.Equal(s.t, 2, second.Attempt)
}

func dueOnce(s *suite) {
	s.ok(s.l.ScheduleOnce(s.t.Context(), s.item("a"), 0))
	later := s.item("a")
	later.Payload = []byte("new")
	s.ok(s.l.ScheduleOnce(s.t.Context(), later, long))
	got := s.lease(long, 1)[0]
	require.Equal(s.t, s.item("a"), got.Due)
	s.ok(s.l.ScheduleOnce(s.t.Context(), later, long))
	s.ok(s.l.Complete(s.t.Context(), got))
}

func duePostponed(s *suite) {
	s.ok(s.l.Schedule(s.t.Context(), s.item("a"), 0))
	first := s.lease(long, 1)[0]
	s.ok(s.l.Postpone(s.t.Context(), first, s.Short))
	require.ErrorIs(s.t, s.l.Complete(s.t.Context(), first), ledger.ErrLostLease)
	s.Elapse(s.Short)
	require.Equal(s.t, 2, s.lease(long, 1)[0].Attempt)
}

func dueDropped(s *suite) {
	s.ok(s.l.Schedule(s.t.Context(), s.item("a"), 0))
	leased := s.lease(long, 1)[0]
	s.ok(s.l.DropDue(s.t.Context(), "a"))
	s.ok(s.l.DropDue(s.t.Context(), "a"))
	require.ErrorIs(s.t, s.l.Complete(s.t.Context(), leased), ledger.ErrLostLease)
	s.noDue()
	s.ok(s.l.Schedule(s.t.Context(), s.item("a"), 0))
	require.Equal(s.t, 1, s.lease(long, 1)[0].Attempt, "a new item begins anew")
}

func dueFair(s *suite) {
	const items = 60
	for i := range items {
		s.ok(s.l.Schedule(s.t.Context(), s.item(fmt.Sprintf("item/%d", i)), 0))
	}
	n, err := s.l.CountDue(s.t.Context())
	s.ok(err)
	require.Equal(s.t, ledger.DueCounts{Total: items, Now: items}, n)
	seen := map[string]bool{}
	for _, want := range []int{7, 7, 46, 0} {
		got, err := s.l.LeaseDue(s.t.Context(), max(want, 1), long)
		s.ok(err)
		require.Len(s.t, got, want)
		for _, item := range got {
			require.False(s.t, seen[item.ID])
			seen[item.ID] = true
			s.ok(s.l.Complete(s.t.Context(), item))
		}
	}
	require.Len(s.t, seen, items)
}
