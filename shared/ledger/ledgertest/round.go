package ledgertest

import (
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

// roundTests are of what time does to alerts.
var roundTests = []test{
	{"the list tells an alert's name, severity, when it was seen and how often", listTells},
	{"of alerts of one name the first is told of, and then the more urgent", toldOnce},
	{"the alert that opened is told of by the first event", toldByOpening},
	{"who dies before it has told lets the next one tell", toldAgain},
	{"a remediation has so many topics and no more", topicsBounded},
	{"an alert that expires ends weakly, and again with the same time", expires},
	{"an alert whose sender resolved it does not expire", expiresNotResolved},
	{"a resolve after the expiry makes the end certain", resolvedAfterExpiry},
	{"an expiry is leased when it is due, and moved by being posted again", expiryMoves},
	{"so many expiries are kept and no more, whoever notes them", expiriesBounded},
	{"what expires is not on the list of what is due", expiryApart},
	{"a heartbeat that never came is lost when its time is over", heartbeatNever},
	{"a loss has one name until its end was told", heartbeatLoss},
	{"a heartbeat in time is no loss", heartbeatInTime},
	{"a mark is kept", markKept},
}

func (s *suite) named(id, name string, urgency int) ledger.Alert {
	a := s.alert(id)
	a.Name, a.Severity, a.Urgency = name, fmt.Sprintf("s%d", urgency), urgency
	return a
}

func listTells(s *suite) {
	c := s.live()
	a := s.named("a1", "Pod: crash, loop", 2)
	a.Remediation = c.Remediation
	s.joinMany(a)
	first := s.alerts().Alerts[0]
	arrival := ledger.Arrival{Reservation: ledger.Reservation{Fingerprint: workload, Base: base, Lease: long}, Alert: a}
	s.Elapse(s.Short)
	b := arrival
	b.Alert.ID = "a2"
	m := s.reserveMany([]ledger.Arrival{arrival, b, arrival})
	require.Equal(s.t, ledger.Duplicate, m[0].Outcome)
	list := s.alerts()
	require.Len(s.t, list.Alerts, 2)
	got := list.Alerts[0]
	require.Equal(s.t, []any{"Pod: crash, loop", "s2", int64(3)}, []any{got.Name, got.Severity, got.Times})
	require.Equal(s.t, first.FirstSeen, got.FirstSeen)
	require.True(s.t, got.LastSeen.After(got.FirstSeen))
	require.Equal(s.t, int64(1), list.Alerts[1].Times)
	require.Equal(s.t, 2, list.Firing())
}

func (s *suite) untold(a ledger.Alert) ledger.Join {
	s.t.Helper()
	return s.joinMany(a)[0]
}

func toldOnce(s *suite) {
	require.Equal(s.t, ledger.Join{Outcome: ledger.Joined, Untold: true, Before: -1}, s.untold(s.named("a1", "Crash", 2)))
	s.ok(s.l.ToldMany(s.t.Context(), []ledger.Alert{s.named("a1", "Crash", 2)}))
	require.False(s.t, s.untold(s.named("a2", "Crash", 2)).Untold, "another of the same name")
	require.False(s.t, s.untold(s.named("a2", "Crash", 1)).Untold, "a less urgent one")
	require.Equal(s.t, ledger.Join{Outcome: ledger.Joined, Untold: true, Before: 2}, s.untold(s.named("a3", "Crash", 4)))
	s.ok(s.l.ToldMany(s.t.Context(), []ledger.Alert{s.named("a3", "Crash", 4), s.named("a1", "Crash", 2)}))
	require.False(s.t, s.untold(s.named("a3", "Crash", 4)).Untold, "what was told is not lowered")
	require.True(s.t, s.untold(s.named("a4", "NotReady", 0)).Untold, "another name")
	require.False(s.t, s.untold(s.alert("a5")).Untold, "one without a name")
}

func toldByOpening(s *suite) {
	c := s.reserve(ledger.Opened)
	a := s.named("a1", "Crash", 2)
	s.ok(s.l.Confirm(s.t.Context(), ledger.Confirmation{Fingerprint: workload, Remediation: c.Remediation, Token: c.Token,
		Phase: "received", Within: long, Event: sealed, Alert: &a}))
	require.False(s.t, s.untold(s.named("a2", "Crash", 2)).Untold)
	require.True(s.t, s.untold(s.named("a3", "Crash", 3)).Untold)
}

func toldAgain(s *suite) {
	for range 3 {
		require.True(s.t, s.untold(s.named("a1", "Crash", 2)).Untold)
	}
	_, err := s.l.JoinMany(s.t.Context(), []ledger.Alert{s.named("a1", "Crash", 10)})
	require.ErrorIs(s.t, err, ledger.ErrInvalid)
	require.ErrorIs(s.t, s.l.ToldMany(s.t.Context(), []ledger.Alert{s.alert("a1")}), ledger.ErrInvalid)
}

func topicsBounded(s *suite) {
	for i := range ledger.MaxTopics {
		a := s.named("a1", fmt.Sprintf("Alert%d", i), 2)
		require.True(s.t, s.untold(a).Untold)
		s.ok(s.l.ToldMany(s.t.Context(), []ledger.Alert{a}))
	}
	require.False(s.t, s.untold(s.named("a1", "OneTooMany", 4)).Untold)
	require.True(s.t, s.untold(s.named("a1", "Alert7", 4)).Untold, "a known one that is more urgent")
}

var expiry = ended.Add(time.Hour)

func (s *suite) expire(id string, at time.Time) (ledger.Resolution, bool) {
	s.t.Helper()
	r, found, err := s.l.ExpireAlert(s.t.Context(), id, at)
	s.ok(err)
	return r, found
}

func expires(s *suite) {
	s.joinMany(s.named("a1", "Crash", 2), s.named("a2", "Crash", 2))
	for range 2 {
		r, found := s.expire("a1", expiry)
		require.True(s.t, found)
		require.Equal(s.t, ledger.Resolution{Fingerprint: workload, Remediation: base + "-1", StillFiring: 1}, r)
	}
	got := s.alerts().Alerts[0]
	require.True(s.t, got.Expired)
	require.Equal(s.t, []any{expiry, "Crash", "s2"}, []any{got.EndsAt, got.Name, got.Severity})
	s.joinMany(s.named("a1", "Crash", 2))
	got = s.alerts().Alerts[0]
	require.True(s.t, got.Firing())
	require.False(s.t, got.Expired, "it was posted again")
}

func expiresNotResolved(s *suite) {
	s.joinMany(s.named("a1", "Crash", 2))
	s.resolve("a1", episode)
	_, found := s.expire("a1", expiry)
	require.False(s.t, found)
	require.False(s.t, s.alerts().Alerts[0].Expired)
	_, found = s.expire("a2", expiry)
	require.False(s.t, found, "one that never joined")
	s.joinMany(s.named("a1", "Crash", 2))
	_, found = s.expire("a1", episode.Add(-time.Second))
	require.False(s.t, found, "a later episode is known")
}

func resolvedAfterExpiry(s *suite) {
	s.joinMany(s.named("a1", "Crash", 2))
	s.expire("a1", expiry)
	_, found := s.resolve("a1", episode)
	require.True(s.t, found)
	require.False(s.t, s.alerts().Alerts[0].Expired)
}

func (s *suite) expect(in time.Duration, payload string, ids ...string) {
	s.t.Helper()
	expiries := make([]ledger.Expiry, len(ids))
	for i, id := range ids {
		expiries[i] = ledger.Expiry{Alert: id, In: in, Payload: []byte(payload)}
	}
	for _, noted := range s.expectAll(expiries) {
		require.True(s.t, noted)
	}
}

func (s *suite) expectAll(expiries []ledger.Expiry) []bool {
	s.t.Helper()
	noted, err := s.l.ExpectMany(s.t.Context(), expiries)
	s.ok(err)
	require.Len(s.t, noted, len(expiries))
	return noted
}

func (s *suite) expired(want int) []ledger.Leased {
	s.t.Helper()
	items, err := s.l.LeaseExpired(s.t.Context(), 100, long)
	s.ok(err)
	require.Len(s.t, items, want)
	return items
}

func expiryMoves(s *suite) {
	s.expect(0, "one", "a1")
	s.expect(long, "one", "a2")
	first := s.expired(1)[0]
	require.Equal(s.t, []any{"a1", "one"}, []any{first.ID, string(first.Payload)})
	s.ok(s.l.StillLeased(s.t.Context(), first))
	s.expect(long, "two", "a1")
	require.ErrorIs(s.t, s.l.StillLeased(s.t.Context(), first), ledger.ErrLostLease)
	require.ErrorIs(s.t, s.l.Complete(s.t.Context(), first), ledger.ErrLostLease, "it was posted again")
	s.expired(0)
	s.expect(s.Short, "two", "a1")
	s.Elapse(s.Short)
	second := s.expired(1)[0]
	require.Equal(s.t, "two", string(second.Payload))
	s.ok(s.l.Postpone(s.t.Context(), second, 0))
	third := s.expired(1)[0]
	s.ok(s.l.Complete(s.t.Context(), third))
	require.ErrorIs(s.t, s.l.StillLeased(s.t.Context(), third), ledger.ErrLostLease)
	s.expired(0)
	for _, wrong := range []ledger.Expiry{{Alert: "not an id", In: long}, {Alert: "a1", In: long, Payload: make([]byte, ledger.MaxExpiryPayload+1)}} {
		_, err := s.l.ExpectMany(s.t.Context(), []ledger.Expiry{wrong})
		require.ErrorIs(s.t, err, ledger.ErrInvalid)
	}
}

// full expects alerts until none finds room any more, by several callers at a
// time, and returns those that found some.
func (s *suite) full() []ledger.Expiry {
	s.t.Helper()
	// Half as many again as find room, a few at a time: an embedded Redis answers so
	// many in time whatever else the machine does.
	const callers, each = 3, 50
	var mu sync.Mutex
	var found []ledger.Expiry
	var group sync.WaitGroup
	failed := make(chan error, callers)
	for caller := range callers {
		l := s.open()
		group.Go(func() {
			for part := range ledger.MaxExpiries / 2 / each {
				expiries := make([]ledger.Expiry, each)
				for i := range expiries {
					expiries[i] = ledger.Expiry{Alert: fmt.Sprintf("alert-%d-%d-%d", caller, part, i), In: long, Payload: []byte("one")}
				}
				noted, err := l.ExpectMany(s.t.Context(), expiries)
				if err != nil {
					failed <- err
					return
				}
				mu.Lock()
				for i, ok := range noted {
					if ok {
						found = append(found, expiries[i])
					}
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	close(failed)
	s.ok(<-failed)
	return found
}

func expiriesBounded(s *suite) {
	found := s.full()
	require.Len(s.t, found, ledger.MaxExpiries, "half as many again asked")
	late := []ledger.Expiry{{Alert: "late", In: 0, Payload: []byte("late")}, found[0]}
	late[1].In = 0
	for range 2 {
		require.Equal(s.t, []bool{false, true}, s.expectAll(late), "those that are there are moved, and no other finds room")
	}
	item := s.expired(1)[0]
	require.Equal(s.t, found[0].Alert, item.ID)
	s.ok(s.l.Schedule(s.t.Context(), s.item("due"), long))
	n, err := s.l.CountDue(s.t.Context())
	s.ok(err)
	require.Equal(s.t, 1, n.Total, "the list of what is due has its own room")
	require.Equal(s.t, []bool{false}, s.expectAll(late[:1]), "what is leased keeps its room")
	// The place is in the shard of the one that ended.
	s.ok(s.l.Complete(s.t.Context(), item))
	require.Equal(s.t, []bool{true}, s.expectAll(late[1:]))
}

func expiryApart(s *suite) {
	s.expect(0, "one", "a1")
	s.ok(s.l.Schedule(s.t.Context(), s.item("a1"), 0))
	due := s.lease(long, 1)[0]
	require.Equal(s.t, "assess", due.Kind)
	s.ok(s.l.Complete(s.t.Context(), due))
	s.noDue()
	s.expired(1)
}

func (s *suite) pulse(within time.Duration) ledger.Pulse {
	s.t.Helper()
	p, err := s.l.Pulse(s.t.Context(), within)
	s.ok(err)
	return p
}

func heartbeatNever(s *suite) {
	require.Equal(s.t, ledger.Pulse{}, s.pulse(s.Short/2))
	s.Elapse(s.Short)
	p := s.pulse(s.Short / 2)
	require.True(s.t, p.Lost)
	require.False(s.t, p.Since.IsZero())
	s.forget()
	require.Equal(s.t, ledger.Pulse{}, s.pulse(s.Short/2), "the time begins anew")
	_, err := s.l.Pulse(s.t.Context(), 0)
	require.ErrorIs(s.t, err, ledger.ErrInvalid)
}

func heartbeatLoss(s *suite) {
	s.ok(s.l.Beat(s.t.Context()))
	s.Elapse(s.Short)
	names := make(chan time.Time, 20)
	var looks sync.WaitGroup
	for range cap(names) {
		looks.Go(func() {
			p, err := s.l.Pulse(s.t.Context(), s.Short/2)
			if err == nil && p.Lost {
				names <- p.Since
			}
		})
	}
	looks.Wait()
	require.Len(s.t, names, cap(names))
	since := <-names
	for range cap(names) - 1 {
		require.Equal(s.t, since, <-names)
	}
	s.ok(s.l.Beat(s.t.Context()))
	back := s.pulse(s.Short / 2)
	require.True(s.t, back.Back)
	require.Equal(s.t, since, back.Since)
	require.True(s.t, back.Returned.After(since))
	s.Elapse(s.Short)
	require.Equal(s.t, back, s.pulse(s.Short/2), "its end is told before anything else")
	s.ok(s.l.Calm(s.t.Context(), since.Add(-time.Minute)))
	require.True(s.t, s.pulse(s.Short/2).Back, "the end of another")
	s.ok(s.l.Calm(s.t.Context(), since))
	next := s.pulse(s.Short / 2)
	require.True(s.t, next.Lost, "it was lost again meanwhile")
	require.True(s.t, next.Since.After(since))
}

func heartbeatInTime(s *suite) {
	s.ok(s.l.Beat(s.t.Context()))
	require.Equal(s.t, ledger.Pulse{}, s.pulse(long))
}

func markKept(s *suite) {
	at, err := s.l.Mark(s.t.Context(), "events")
	s.ok(err)
	require.Zero(s.t, at)
	s.ok(s.l.SetMark(s.t.Context(), "events", episode))
	at, err = s.l.Mark(s.t.Context(), "events")
	s.ok(err)
	require.Equal(s.t, episode, at)
	require.ErrorIs(s.t, s.l.SetMark(s.t.Context(), "not a name", episode), ledger.ErrInvalid)
}
