package ledgertest

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var readOnlyTests = []test{
	{"under a context that only reads nothing is written, whatever the method", writesNothing},
	{"under a context that only reads everything can be read", readsAll},
	{"a reader does not hold up those that share its pipelines", readerBesideWriters},
}

// reading are the methods that write nothing.
var reading = []string{"Alerts", "Answer", "Close", "DeadLetters", "Failing", "Foresee", "Get", "Held", "Mark", "Paused", "Ping", "Plan",
	"StillLeased", "Verdict", "WouldAdmit", "WouldResolve"}

// writing are all others, with a call of each that would change something. One
// that counts by the scripts of others may be refused as well.
func (s *suite) writing() map[string]func(context.Context) error {
	const id = base + "-1"
	at := ledger.Reservation{Fingerprint: workload, Base: base, Lease: long}
	alert := ledger.Alert{ID: "a1", StartsAt: episode, Fingerprint: workload, Remediation: id}
	named := alert
	named.Name = "KubePodCrashLooping"
	due := ledger.Due{ID: "d1", Kind: "assess", Payload: sealed}
	record := ledger.OnceRecord{Remediation: id, Step: "s1", Value: sealed, Keep: long}
	start := ledger.ExecutionStart{Fingerprint: workload, Remediation: id, Step: "s1", Lease: long}
	turn, err := s.l.Begin(s.t.Context(), "analyze", "turned", long)
	s.ok(err)
	return map[string]func(context.Context) error{
		"Reserve": func(ctx context.Context) error { _, _, err := s.l.Reserve(ctx, at); return err },
		"ReserveMany": func(ctx context.Context) error {
			_, err := s.l.ReserveMany(ctx, []ledger.Arrival{{Reservation: at}})
			return err
		},
		"Confirm": func(ctx context.Context) error {
			return s.l.Confirm(ctx, ledger.Confirmation{Fingerprint: workload, Remediation: id, Token: 1, Phase: "p", Within: long})
		},
		"Advance": func(ctx context.Context) error {
			return s.l.Advance(ctx, ledger.Advance{Fingerprint: workload, Remediation: id, Phase: "p", Within: long})
		},
		"Settle": func(ctx context.Context) error {
			return s.l.Settle(ctx, ledger.Settlement{Fingerprint: workload, Remediation: id, Outcome: "o", Cooldown: long})
		},
		"Cancel": func(ctx context.Context) error {
			_, _, err := s.l.Cancel(ctx, workload, id, long)
			return err
		},
		"StartExecution": func(ctx context.Context) error { _, err := s.l.StartExecution(ctx, start); return err },
		"EndExecution": func(ctx context.Context) error {
			return s.l.EndExecution(ctx, ledger.Execution{ExecutionStart: start, Token: 1}, true)
		},
		"JoinAlert": func(ctx context.Context) error { _, err := s.l.JoinAlert(ctx, alert); return err },
		"JoinMany":  func(ctx context.Context) error { _, err := s.l.JoinMany(ctx, []ledger.Alert{alert}); return err },
		"ResolveAlert": func(ctx context.Context) error {
			_, _, err := s.l.ResolveAlert(ctx, "known", episode, ended)
			return err
		},
		"Begin":        func(ctx context.Context) error { _, err := s.l.Begin(ctx, "analyze", "e1", long); return err },
		"Finish":       func(ctx context.Context) error { return s.l.Finish(ctx, turn, nil, long) },
		"Release":      func(ctx context.Context) error { return s.l.Release(ctx, turn) },
		"PlanOnce":     func(ctx context.Context) error { _, err := s.l.PlanOnce(ctx, record); return err },
		"AnswerOnce":   func(ctx context.Context) error { _, err := s.l.AnswerOnce(ctx, record); return err },
		"VerdictOnce":  func(ctx context.Context) error { _, err := s.l.VerdictOnce(ctx, "d1", sealed, long); return err },
		"Hold":         func(ctx context.Context) error { return s.l.Hold(ctx, id, sealed, long) },
		"Unhold":       func(ctx context.Context) error { return s.l.Unhold(ctx, id) },
		"Schedule":     func(ctx context.Context) error { return s.l.Schedule(ctx, due, 0) },
		"ScheduleOnce": func(ctx context.Context) error { return s.l.ScheduleOnce(ctx, due, 0) },
		"HastenDue":    func(ctx context.Context) error { _, err := s.l.HastenDue(ctx, "waits", time.Millisecond); return err },
		"DropDue":      func(ctx context.Context) error { return s.l.DropDue(ctx, "waits") },
		"Beat":         func(ctx context.Context) error { return s.l.Beat(ctx) },
		"Pulse":        func(ctx context.Context) error { _, err := s.l.Pulse(ctx, long); return err },
		"Calm":         func(ctx context.Context) error { return s.l.Calm(ctx, episode) },
		"ExpectMany": func(ctx context.Context) error {
			_, err := s.l.ExpectMany(ctx, []ledger.Expiry{{Alert: "a1", In: long, Payload: sealed}})
			return err
		},
		"Report": func(ctx context.Context) error {
			_, err := s.l.Report(ctx, ledger.Report{Alert: "a1", At: episode, Silence: long})
			return err
		},
		"ReportTold":   func(ctx context.Context) error { return s.l.ReportTold(ctx, "ended", ended) },
		"ExpireAlert":  func(ctx context.Context) error { _, _, err := s.l.ExpireAlert(ctx, "known", ended); return err },
		"LeaseExpired": func(ctx context.Context) error { _, err := s.l.LeaseExpired(ctx, 1, long); return err },
		"SetMark":      func(ctx context.Context) error { return s.l.SetMark(ctx, "events", episode) },
		"ToldMany":     func(ctx context.Context) error { return s.l.ToldMany(ctx, []ledger.Alert{named}) },
		"LeaseDue":     func(ctx context.Context) error { _, err := s.l.LeaseDue(ctx, 1, long); return err },
		"CountDue":     func(ctx context.Context) error { _, err := s.l.CountDue(ctx); return err },
		"Complete":     func(ctx context.Context) error { return s.l.Complete(ctx, ledger.Leased{Due: due}) },
		"Postpone":     func(ctx context.Context) error { return s.l.Postpone(ctx, ledger.Leased{Due: due}, long) },
		"Admit": func(ctx context.Context) error {
			_, err := s.l.Admit(ctx, id, []ledger.Limit{{Name: "all", Max: 9, Window: long}})
			return err
		},
		"Pause":  func(ctx context.Context) error { return s.l.Pause(ctx, ledger.Pause{By: "b", Reason: "r"}) },
		"Resume": func(ctx context.Context) error { _, err := s.l.Resume(ctx); return err },
		"PutDeadLetter": func(ctx context.Context) error {
			_, err := s.l.PutDeadLetter(ctx, ledger.DeadLetter{ID: "l1", Event: sealed})
			return err
		},
		"DropDeadLetter": func(ctx context.Context) error { return s.l.DropDeadLetter(ctx, ledger.DeadLetter{ID: "l1"}) },
	}
}

// furnish leaves something for each method to change.
func (s *suite) furnish() {
	c := s.live()
	s.join("known", episode, ledger.Joined)
	s.ok(s.l.Schedule(s.t.Context(), ledger.Due{ID: "waits", Kind: "assess"}, long))
	s.ok(s.l.Hold(s.t.Context(), c.Remediation, sealed, long))
	s.dead("l1", c.Remediation)
	s.report(ledger.Report{Alert: "ended", At: episode})
	s.report(ledger.Report{Alert: "ended", At: ended, Well: true})
}

func writesNothing(s *suite) {
	s.furnish()
	writing := s.writing()
	methods := reflect.TypeOf(s.l)
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		require.True(s.t, slices.Contains(reading, name) != (writing[name] != nil), "does %s write? Say so in this test", name)
	}
	for _, name := range slices.Sorted(maps.Keys(writing)) {
		before := s.contents()
		err := writing[name](ledger.ReadOnly(s.t.Context()))
		require.ErrorIs(s.t, err, ledger.ErrReadOnly, name)
		require.NotErrorIs(s.t, err, ledger.ErrUnavailable, "%s: no retry helps", name)
		require.Equal(s.t, before, s.contents(), name)
	}
}

func readsAll(s *suite) {
	s.furnish()
	before, ctx := s.contents(), ledger.ReadOnly(s.t.Context())
	c, err := s.l.Get(ctx, workload)
	s.ok(err)
	require.True(s.t, c.Live())
	list, err := s.l.Alerts(ctx, workload, c.Remediation)
	s.ok(err)
	require.Len(s.t, list.Alerts, 1)
	held, err := s.l.Held(ctx, c.Remediation)
	s.ok(err)
	require.Equal(s.t, sealed, held)
	_, err = s.l.Answer(ctx, c.Remediation, "1")
	require.ErrorIs(s.t, err, ledger.ErrNotFound)
	_, paused, err := s.l.Paused(ctx)
	s.ok(err)
	require.False(s.t, paused)
	letters, err := s.l.DeadLetters(ctx, 10)
	s.ok(err)
	require.Len(s.t, letters, 1)
	f, err := s.l.Foresee(ctx, other, base)
	s.ok(err)
	require.Equal(s.t, ledger.Foresight{Outcome: ledger.Opened, Remediation: base + "-1"}, f, "a workload that never had one")
	r, found, err := s.l.WouldResolve(ctx, "known", episode)
	s.ok(err)
	require.True(s.t, found)
	require.Zero(s.t, r.StillFiring)
	s.ok(s.l.Ping(ctx))
	require.Equal(s.t, before, s.contents())
}

func readerBesideWriters(s *suite) {
	ctx := s.t.Context()
	done := make(chan error)
	go func() {
		for range 50 {
			if _, err := s.l.JoinMany(ctx, []ledger.Alert{{ID: "a1", StartsAt: episode, Fingerprint: workload, Remediation: base + "-1"}}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 50 {
		_, err := s.l.JoinMany(ledger.ReadOnly(ctx), []ledger.Alert{{ID: "a2", StartsAt: episode, Fingerprint: workload, Remediation: base + "-1"}})
		require.ErrorIs(s.t, err, ledger.ErrReadOnly)
	}
	s.ok(<-done)
	require.Len(s.t, s.alerts().Alerts, 1)
}

// contents is all that Redis holds, by key.
func (s *suite) contents() map[string]any {
	all := ContentsOf(s.t, s.URL)
	if !s.MeasuresMemory {
		return all // the embedded server keeps what is left of a key's life, not its end
	}
	eachServer(s.t, s.raw(), func(ctx context.Context, server *redis.Client) error {
		for _, key := range slices.Collect(maps.Keys(all)) {
			expires, err := server.PExpireTime(ctx, key).Result()
			if err != nil {
				return err
			}
			all[key+" expires"] = expires
		}
		return nil
	})
	return all
}
