package function

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

func (w *world) resolved(r event.Remediation, resolution event.Resolution) cloudevents.Event {
	e, err := event.New(event.Draft{Type: event.SignalResolved, Stage: event.StageGateway, Namespace: eventtest.Namespace, Cause: "a1",
		Target: eventtest.Deployment, Correlation: r.ID, Fingerprint: r.Fingerprint, Now: eventtest.Start, Sections: []event.Section{
			{Name: event.SectionRemediation, Value: r}, {Name: event.SectionSignal, Value: eventtest.Signal},
			{Name: event.SectionResolution, Value: resolution}}})
	require.NoError(w, err)
	key := eventtest.Key(event.StageGateway)
	require.NoError(w, key.Seal(&e))
	return e
}

// hold holds the sample remediation for an hour, as authorize does.
func (w *world) hold() {
	held := eventtest.Sample(event.RemediationHeld)
	body, err := stage.Encode(held)
	require.NoError(w, err)
	require.NoError(w, w.ledger.Hold(w.Context(), eventtest.RemediationID, body, 2*time.Hour))
	require.NoError(w, w.ledger.Schedule(w.Context(), ledger.Due{ID: ledger.ApprovalID(eventtest.RemediationID, 1), Kind: ledger.KindApproval,
		Fingerprint: eventtest.Fingerprint, Remediation: eventtest.RemediationID, Payload: body}, time.Hour))
	w.advance(held, 2*time.Hour)
}

// lose approves the sample remediation, and nothing follows.
func (w *world) lose() { w.advance(eventtest.Sample(event.RemediationApproved), 30*time.Minute) }

// cancelled cancels the sample remediation when it has come so far, and the event
// that tells so got lost.
func (w *world) cancelled(soFar func()) {
	base, _, _ := strings.Cut(eventtest.RemediationID, "-")
	_, _, err := w.ledger.Reserve(w.Context(), ledger.Reservation{Fingerprint: eventtest.Fingerprint, Base: base, Lease: time.Minute})
	require.NoError(w, err)
	soFar()
	outcome, _, err := w.ledger.Cancel(w.Context(), eventtest.Fingerprint, eventtest.RemediationID, settings.TurnWithin)
	require.NoError(w, err)
	require.Equal(w, ledger.Cancelled, outcome)
}

func TestACancelledRemediationEndsSoThoughTheNewsGotLost(t *testing.T) {
	for name, c := range map[string]struct {
		soFar func(*world)
		due   time.Duration
	}{
		"while it was held":           {(*world).hold, time.Hour},
		"while its action was coming": {(*world).lose, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cancelled(func() { c.soFar(w) })
			w.redis.Advance(c.due)
			w.ping(w.instance(nil))
			require.Equal(t, []string{"remediation.closed"}, w.published())
			_, data := w.last()
			require.Equal(t, endResolved, data.End.Reason)
			require.Equal(t, event.OutcomeCancelled, w.claim().Outcome)
			require.Zero(t, w.dueCount())
		})
	}
}

// An expiry that was recorded and not published is the end, whatever is known by the time
// that it is published.
func TestAnExpiryOnRecordIsTheEndThoughItsAlertStoppedSince(t *testing.T) {
	w := newWorld(t)
	w.cancelled(w.hold)
	body, err := stage.Encode(eventtest.Sample(event.RemediationExpired))
	require.NoError(t, err)
	_, err = w.ledger.AnswerOnce(t.Context(), ledger.OnceRecord{Remediation: eventtest.RemediationID, Step: "1", Value: body, Keep: 24 * time.Hour})
	require.NoError(t, err)
	w.redis.Advance(time.Hour)
	w.ping(w.instance(nil))
	require.Equal(t, []string{"remediation.expired"}, w.published())
	require.Equal(t, ledger.Settled, w.claim().State)
	_, err = w.ledger.Held(t.Context(), eventtest.RemediationID)
	require.ErrorIs(t, err, ledger.ErrNotFound)
	require.Zero(t, w.dueCount())
}

func TestAHoldThatNobodyAnswersExpires(t *testing.T) {
	w := newWorld(t)
	w.hold()
	f := w.instance(nil)
	w.ping(f)
	require.Empty(t, w.published())
	w.redis.Advance(time.Hour)
	w.ping(f)
	require.Equal(t, []string{"remediation.expired"}, w.published())
	_, data := w.last()
	require.Equal(t, "unanswered", data.End.Reason)
	require.Equal(t, event.OutcomeExpired, w.claim().Outcome)
	_, err := w.ledger.Held(t.Context(), eventtest.RemediationID)
	require.ErrorIs(t, err, ledger.ErrNotFound)
	require.Zero(t, w.dueCount())
}

func TestTheFirstOfAnswerAndExpiryCounts(t *testing.T) {
	answer := func(w *world) ledger.Record {
		body, err := stage.Encode(eventtest.Sample(event.ApprovalGranted))
		require.NoError(w, err)
		record, err := w.ledger.AnswerOnce(context.Background(), ledger.OnceRecord{Remediation: eventtest.RemediationID,
			Step: strconv.Itoa(1), Value: body, Keep: 24 * time.Hour})
		require.NoError(w, err)
		return record
	}
	t.Run("an answer before", func(t *testing.T) {
		w := newWorld(t)
		w.hold()
		answer(w)
		w.redis.Advance(time.Hour)
		w.ping(w.instance(nil))
		require.Equal(t, []string{"approval.granted"}, w.published(), "authorize has not seen it")
		require.True(t, w.claim().Live())
		require.Equal(t, 1, w.dueCount(), "the watch alone")
	})
	t.Run("at the same time", func(t *testing.T) {
		for range 5 {
			w := newWorld(t)
			w.hold()
			w.redis.Advance(time.Hour)
			f := w.instance(nil)
			var record ledger.Record
			var wg sync.WaitGroup
			wg.Go(func() { record = answer(w) })
			wg.Go(func() { _, _ = f.Take(context.Background(), pingEvent()) })
			wg.Wait()
			want := "remediation.expired"
			if record.First {
				want = "approval.granted"
			}
			require.Equal(t, []string{want}, w.published(), "one of the two, never both")
		}
	})
}

func TestALostEventIsPublishedAgainAndThenEscalated(t *testing.T) {
	w := newWorld(t)
	w.lose()
	f := w.instance(nil)
	w.redis.Advance(30 * time.Minute)
	for n := 1; n <= MaxRepublished; n++ {
		w.ping(f)
		w.ping(f)
		require.Len(t, w.broker.events, n)
		require.Equal(t, eventtest.Sample(event.RemediationApproved).String(), w.broker.events[n-1].String(), "verbatim")
		require.True(t, w.claim().Live())
		w.redis.Advance(time.Duration(n) * settings.TurnWithin)
	}
	w.ping(f)
	e, data := w.last()
	require.Equal(t, event.RemediationEscalated, e.Type())
	require.Equal(t, "stuck", data.End.Reason)
	require.Equal(t, ledger.Settled, w.claim().State)
	require.Zero(t, w.dueCount())
}

func TestProgressStartsTheCountAnew(t *testing.T) {
	w := newWorld(t)
	w.lose()
	f := w.instance(nil)
	for range 2 * MaxRepublished {
		w.redis.Advance(2 * time.Hour)
		w.ping(f)
		w.advance(eventtest.Sample(event.RemediationApproved), time.Hour)
	}
	require.NotContains(t, w.published(), "remediation.escalated")
}

func TestABrokerThatIsDownDoesNotUseUpTheCount(t *testing.T) {
	w := newWorld(t)
	w.lose()
	f := w.instance(nil)
	w.broker.setDown(true)
	w.redis.Advance(30 * time.Minute)
	for range 2 * MaxRepublished {
		w.ping(f)
		w.redis.Advance(time.Minute)
	}
	require.True(t, w.claim().Live())
	w.broker.setDown(false)
	w.ping(f)
	require.Equal(t, []string{"remediation.approved"}, w.published())
}

func TestAHoldThatRedisForgotCanBeAnsweredAgain(t *testing.T) {
	w := newWorld(t)
	held := eventtest.Sample(event.RemediationHeld)
	w.now = func() time.Time { return eventtest.Decision(event.DecisionHeld).ExpiresAt.Add(-20 * time.Minute) }
	w.advance(held, time.Minute)
	w.redis.Advance(time.Minute)
	f := w.instance(nil)
	w.ping(f)
	require.Empty(t, w.published(), "there is nobody to act on it but a person")
	_, err := w.ledger.Held(t.Context(), eventtest.RemediationID)
	require.NoError(t, err)
	moved, err := w.ledger.HastenDue(t.Context(), ledger.ApprovalID(eventtest.RemediationID, 1), 10*time.Minute)
	require.NoError(t, err)
	require.True(t, moved, "its expiry has the id by which authorize takes it off")
	w.redis.Advance(21 * time.Minute)
	w.ping(f)
	require.Contains(t, w.published(), "remediation.expired")
}

func TestItemsThatNobodyCanBelieveAreDropped(t *testing.T) {
	forged := eventtest.Sample(event.RemediationApproved)
	forged.SetExtension(event.ExtSeal, "AAAA")
	body, err := stage.Encode(forged)
	require.NoError(t, err)
	for _, kind := range []string{kindAssess, ledger.KindApproval, ledger.KindPark, kindUndo, ledger.KindWatch} {
		for name, payload := range map[string][]byte{"forged": body, "no event": []byte("{}"), "not even JSON": []byte("x")} {
			w := newWorld(t)
			require.NoError(t, w.ledger.Schedule(t.Context(), ledger.Due{ID: "x/1", Kind: kind, Fingerprint: eventtest.Fingerprint,
				Remediation: eventtest.RemediationID, Payload: payload}, 0))
			w.ping(w.instance(nil))
			require.Empty(t, w.broker.events, "%s %s", kind, name)
			require.Zero(t, w.dueCount(), "%s %s", kind, name)
		}
	}
}

func TestAParkedEventIsPublishedWhenDue(t *testing.T) {
	w := newWorld(t)
	body, err := stage.Encode(eventtest.Sample(event.AnalysisContinued))
	require.NoError(t, err)
	require.NoError(t, w.ledger.Schedule(t.Context(), ledger.Due{ID: "park/1", Kind: ledger.KindPark, Payload: body}, time.Minute))
	f := w.instance(nil)
	w.ping(f)
	require.Empty(t, w.published())
	w.redis.Advance(time.Minute)
	w.ping(f)
	require.Equal(t, []string{"analysis.continued"}, w.published())
	require.Zero(t, w.dueCount())
}

func TestAKindOfALaterVersionIsLeftForIt(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.ledger.Schedule(t.Context(), ledger.Due{ID: "new/1", Kind: "new"}, 0))
	w.ping(w.instance(nil))
	require.Equal(t, 1, w.dueCount())
}

func TestManyDueItemsAreAllWorkedOff(t *testing.T) {
	w := newWorld(t)
	body, err := stage.Encode(eventtest.Sample(event.AnalysisContinued))
	require.NoError(t, err)
	for i := range 3*batchSize + 5 {
		require.NoError(t, w.ledger.Schedule(t.Context(), ledger.Due{ID: "park/" + strconv.Itoa(i), Kind: ledger.KindPark, Payload: body}, 0))
	}
	w.ping(w.instance(nil))
	require.Zero(t, w.dueCount())
}

// pastOf is a history of one live remediation.
type pastOf struct{ entry history.Entry }

func (p pastOf) Live(_ context.Context, olderThan time.Time, _ int) ([]history.Entry, error) {
	if p.entry.Time.Before(olderThan) {
		return []history.Entry{p.entry}, nil
	}
	return nil, nil
}
func (p pastOf) Remediation(context.Context, string) (history.Remediation, error) {
	return history.Summarise([]history.Entry{p.entry}), nil
}
func (p pastOf) Last(_ context.Context, _ string, types ...string) (history.Entry, error) {
	if len(types) > 0 && !slices.Contains(types, p.entry.Type) {
		return history.Entry{}, history.ErrNotFound
	}
	return p.entry, nil
}

func TestTheSweepOfHistory(t *testing.T) {
	body, err := stage.Encode(eventtest.Sample(event.RemediationApproved))
	require.NoError(t, err)
	entry := history.Entry{Remediation: eventtest.RemediationID, Fingerprint: eventtest.Fingerprint, Event: body, Time: eventtest.Start}
	settle := func(w *world, outcome string) {
		w.lose()
		require.NoError(w, w.ledger.Settle(w.Context(), ledger.Settlement{Fingerprint: eventtest.Fingerprint,
			Remediation: eventtest.RemediationID, Outcome: outcome}))
	}
	for name, c := range map[string]struct {
		age    time.Duration
		redis  func(w *world)
		wait   time.Duration
		types  []string
		reason string
		live   bool
		// later is how much later it is by the stage's clock.
		later time.Duration
	}{
		"a remediation that Redis forgot goes on": {time.Hour, func(*world) {}, 0, []string{"remediation.approved"}, "", true, 0},
		"a recent one is left alone":              {time.Minute, func(w *world) { w.lose() }, 0, nil, "", true, 0},
		"one whose claim is live is left to its watch": {time.Hour, func(w *world) {
			w.advance(eventtest.Sample(event.RemediationApproved), time.Hour)
		}, 0, nil, "", true, 0},
		"one that Redis forgot long ago is ended":              {25 * time.Hour, func(*world) {}, 0, []string{"remediation.closed"}, "lost_track", false, 0},
		"one whose end never arrived gets it":                  {time.Hour, func(w *world) { settle(w, event.OutcomeRejected) }, settings.EndLostAfter, []string{"remediation.closed"}, "end_event_lost", false, 0},
		"one whose end may be on its way is left, however old": {23 * time.Hour, func(w *world) { settle(w, event.OutcomeRejected) }, settings.EndLostAfter / 2, nil, "", false, 0},
		"one that another followed is ended": {3 * time.Hour, func(w *world) {
			_, _, err := w.ledger.Reserve(w.Context(), ledger.Reservation{Fingerprint: eventtest.Fingerprint, Base: "next", Lease: time.Hour})
			require.NoError(w, err)
		}, settings.EndLostAfter, []string{"remediation.closed"}, "superseded", true, 0},
		"one that was cancelled ends so": {time.Hour, func(w *world) { w.cancelled(w.hold) }, 0, []string{"remediation.closed"}, "alert_resolved", false, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			// Redis' clock is real, and deadlines are by it.
			now := time.Now().Add(c.later)
			entry := entry
			entry.Time = now.Add(-c.age)
			w.past, w.now = pastOf{entry}, func() time.Time { return now }
			c.redis(w)
			instances := []*stage.Function{w.instance(nil), w.instance(nil)}
			for _, f := range instances {
				w.ping(f)
			}
			if c.wait > 0 {
				require.Empty(t, w.published(), "its end may be on its way")
				w.redis.Advance(c.wait)
				for _, f := range instances {
					w.ping(f)
				}
			}
			require.Equal(t, c.types, slices.Clone(w.published()))
			require.Equal(t, c.live, w.claim().Live())
			if !c.live {
				_, err := w.ledger.Held(t.Context(), eventtest.RemediationID)
				require.ErrorIs(t, err, ledger.ErrNotFound, "nobody is asked to approve what has ended")
			}
			if c.reason != "" {
				// A second sweep may find it settled before record has the end: the
				// same id, and the first one counts.
				w.broker.events = w.broker.events[:1]
				_, data := w.last()
				require.Equal(t, c.reason, data.End.Reason)
			}
		})
	}
}

// pastNow is what history says of the remediation by the time that its end counts as
// lost.
type pastNow struct {
	pastOf
	known history.Remediation
	err   error
}

func (p pastNow) Remediation(context.Context, string) (history.Remediation, error) {
	return p.known, p.err
}

func TestAnEndIsLostOnlyWhereHistoryStillLacksIt(t *testing.T) {
	body, err := stage.Encode(eventtest.Sample(event.RemediationApproved))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		now  pastNow
		want []string
	}{
		"it lacks it":    {pastNow{known: history.Remediation{ID: eventtest.RemediationID}}, []string{"remediation.closed"}},
		"it has arrived": {pastNow{known: history.Remediation{ID: eventtest.RemediationID, EndedAt: eventtest.Start}}, nil},
		"it has arrived, and was forgotten by a person": {pastNow{err: fmt.Errorf("read: %w", history.ErrNotFound)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			now := time.Now()
			before := pastOf{history.Entry{Remediation: eventtest.RemediationID, Fingerprint: eventtest.Fingerprint, Event: body, Time: now.Add(-time.Hour)}}
			w.past, w.now = before, func() time.Time { return now }
			w.lose()
			require.NoError(t, w.ledger.Settle(t.Context(), ledger.Settlement{Fingerprint: eventtest.Fingerprint,
				Remediation: eventtest.RemediationID, Outcome: event.OutcomeRejected}))
			w.ping(w.instance(nil))
			require.Equal(t, 1, w.dueCount(), "it may be on its way")
			c.now.entry = history.Entry{Time: now} // and nothing is live any more
			w.past = c.now
			w.redis.Advance(settings.EndLostAfter)
			w.ping(w.instance(nil))
			require.Equal(t, c.want, slices.Clone(w.published()))
			require.Zero(t, w.dueCount())
		})
	}
}
