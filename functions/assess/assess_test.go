package function

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
	"kubernaut.ai/shared/stage"
)

var (
	unwell = Findings{Health: health(0.2), Alerts: Alerts{Known: true, Firing: true, Confirmed: true}}
	unsure = Findings{}
)

func TestAnActionIsJudgedAfterItsWindow(t *testing.T) {
	w := newWorld(t)
	f := w.instance(nil)
	require.Nil(t, w.take(f, eventtest.Sample(event.RemediationExecuted)))
	w.ping(f)
	require.Empty(t, w.published(), "not before the window is over")
	w.redis.Advance(settings.Stabilization)
	w.ping(f)
	require.Equal(t, []string{"effectiveness.assessed", "remediation.closed"}, w.published())
	closed, data := w.last()
	require.Equal(t, event.OutcomeHealed, data.End.Outcome)
	require.Equal(t, event.StageAssess, data.End.Stage)
	require.Equal(t, event.VerdictEffective, data.Assessment.Verdict)
	require.Equal(t, eventtest.RemediationID, event.Extension(closed, event.ExtCorrelation))
	require.Equal(t, event.Extension(eventtest.Sample(event.RemediationExecuted), event.ExtTraceParent)[:35],
		event.Extension(closed, event.ExtTraceParent)[:35], "the remediation's trace goes on, not the ping's")
	require.Equal(t, ledger.Settled, w.claim().State)
	require.Zero(t, w.dueCount(), "nothing is left to do")
}

func TestAnActionThatDidNotHelpGoesBackForTheNextRung(t *testing.T) {
	w := newWorld(t)
	w.found = unwell
	f := w.instance(nil)
	w.take(f, eventtest.Sample(event.RemediationExecuted))
	w.redis.Advance(settings.Stabilization)
	w.ping(f)
	require.Equal(t, []string{"effectiveness.assessed"}, w.published())
	e, _ := w.last()
	require.Equal(t, event.VerdictIneffective, event.Extension(e, "outcome"))
	require.True(t, w.claim().Live(), "the claim is kept")
	require.Equal(t, "effectiveness.assessed", w.claim().Phase)

	require.Nil(t, w.take(f, eventtest.Sample(event.RemediationExecuted)), "a late second delivery")
	w.redis.Advance(settings.Stabilization)
	w.ping(f)
	require.Len(t, w.published(), 1, "is not judged again")
}

// The Broker may take a verdict and not say so: when the verdict is published
// again, stages behind may have moved the claim further.
func TestAVerdictThatIsPublishedAgainMovesNothingBack(t *testing.T) {
	w := newWorld(t)
	w.found = unwell
	f := w.instance(nil)
	e := eventtest.Sample(event.RemediationExecuted)
	w.take(f, e)
	w.redis.Advance(settings.Stabilization)
	w.ping(f)
	w.advance(eventtest.Sample(event.RemediationHeld), 3*time.Hour)
	before := w.claim()

	body, err := stage.Encode(e)
	require.NoError(t, err)
	require.NoError(t, w.ledger.Schedule(t.Context(), ledger.Due{ID: assessID(eventtest.RemediationID, 1), Kind: kindAssess,
		Fingerprint: eventtest.Fingerprint, Remediation: eventtest.RemediationID, Payload: counted(1, body)}, 0))
	w.ping(f)
	require.Len(t, w.broker.events, 2)
	require.Equal(t, w.broker.events[0].ID(), w.broker.events[1].ID())
	require.Equal(t, before.Phase, w.claim().Phase)
	require.Equal(t, before.Deadline, w.claim().Deadline)
	require.Equal(t, 1, w.dueCount(), "the watch alone")
}

// An undo that was approved and refused leaves its phase: that is no progress of
// the verdict, which must be kept for the sweep.
func TestAVerdictIsTrackedThoughAnUndoWasRefusedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.found = unwell
	f := w.instance(nil)
	w.take(f, eventtest.Sample(event.RemediationExecuted))
	w.advance(eventtest.Sample(event.RemediationApproved), time.Hour)
	w.redis.Advance(settings.Stabilization)
	w.ping(f)
	require.Equal(t, []string{"effectiveness.assessed"}, w.published())
	require.Equal(t, "effectiveness.assessed", w.claim().Phase)
}

func TestWhatCannotBeToldIsLookedIntoAgainAndThenEscalated(t *testing.T) {
	w := newWorld(t)
	w.found = unsure
	f := w.instance(nil)
	w.take(f, eventtest.Sample(event.RemediationExecuted))
	w.redis.Advance(settings.Stabilization)
	for range MaxAttempts - 1 {
		w.ping(f)
		w.ping(f)
		require.Empty(t, w.published())
		w.redis.Advance(settings.Retry)
	}
	w.ping(f)
	require.Equal(t, []string{"effectiveness.assessed", "remediation.escalated"}, w.published())
	_, data := w.last()
	require.Equal(t, "no_verdict", data.End.Reason)
	require.Equal(t, MaxAttempts, data.Assessment.Attempt)
	require.Equal(t, ledger.Settled, w.claim().State)
}

// TestWhatOthersTookOverAndIsWellCallsNobody: but what they changed and is not well
// does, and so does what nobody can tell of.
func TestWhatOthersTookOverAndIsWellCallsNobody(t *testing.T) {
	drifted := Drift{Known: true, Moved: true, Detail: "somebody has rolled out another"}
	restarting := Finding{Known: true, Detail: "containers restarted 3 times"}
	for name, c := range map[string]struct {
		found  Findings
		end    string
		reason string
	}{
		"its containers restart": {Findings{Health: health(1), Alerts: Alerts{Known: true}, Metrics: restarting, Drift: drifted}, "remediation.escalated", "no_verdict"},
		"it is well":             {Findings{Health: health(1), Alerts: Alerts{Known: true}, Drift: drifted}, "remediation.closed", "taken_over"},
		"it is not well":         {Findings{Health: health(0.3), Alerts: Alerts{Known: true}, Drift: drifted}, "remediation.escalated", "no_verdict"},
		"its alert fires":        {Findings{Health: health(1), Alerts: Alerts{Known: true, Firing: true}, Drift: drifted}, "remediation.escalated", "no_verdict"},
		"nobody knows its alert": {Findings{Health: health(1), Drift: drifted}, "remediation.escalated", "no_verdict"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.found = c.found
			f := w.instance(nil)
			w.take(f, eventtest.Sample(event.RemediationExecuted))
			w.redis.Advance(settings.Stabilization)
			for range MaxAttempts {
				require.Empty(t, w.published())
				w.ping(f)
				w.redis.Advance(settings.Retry)
			}
			require.Equal(t, []string{"effectiveness.assessed", c.end}, w.published())
			_, data := w.last()
			require.Equal(t, c.reason, data.End.Reason)
			require.NotContains(t, data.End.Detail, "still in place")
			require.Equal(t, ledger.Settled, w.claim().State)
		})
	}
}

func TestSeveralInstancesPublishOneVerdict(t *testing.T) {
	w := newWorld(t)
	f := w.instance(nil)
	w.take(f, eventtest.Sample(event.RemediationExecuted))
	w.redis.Advance(settings.Stabilization)
	var wg sync.WaitGroup
	for range 4 {
		instance := w.instance(nil)
		wg.Go(func() {
			if _, err := instance.Take(context.Background(), pingEvent()); err != nil {
				t.Errorf("ping: %v", err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, []string{"effectiveness.assessed", "remediation.closed"}, w.published())
}

// TestADeathAtAnyStepIsHealed lets an instance die before and after each of
// its calls, and another go on when the lease has ended.
func TestADeathAtAnyStepIsHealed(t *testing.T) {
	type story struct {
		begin func(w *world)
		found Findings
		types []string
		live  bool
	}
	applied := func(w *world) {
		w.take(w.instance(nil), eventtest.Sample(event.RemediationExecuted))
		w.redis.Advance(settings.Stabilization)
	}
	for name, s := range map[string]story{
		"an effective verdict":   {applied, Findings{Health: health(1)}, []string{"effectiveness.assessed", "remediation.closed"}, false},
		"an ineffective verdict": {applied, unwell, []string{"effectiveness.assessed"}, true},
		"a verdict put off":      {applied, unsure, []string{}, true},
		"an unanswered hold":     {func(w *world) { w.hold(); w.redis.Advance(time.Hour) }, unsure, []string{"remediation.expired"}, false},
		"an event that was lost": {func(w *world) { w.lose(); w.redis.Advance(time.Hour) }, unsure, []string{"remediation.approved"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			reached := false
			for dieAt := 1; !reached; dieAt++ {
				require.Less(t, dieAt, 30)
				for _, after := range []bool{false, true} {
					w := newWorld(t)
					s.begin(w)
					w.found = s.found
					m := &mortal{dieAt: dieAt, after: after}
					_, _ = w.instance(m).Take(t.Context(), pingEvent())
					// Whoever comes after the dead may see something else; the
					// stored verdict stands.
					if slices.Contains(w.published(), "effectiveness.assessed") {
						w.found = unsure
					}
					healthy := w.instance(nil)
					w.redis.Advance(itemLease)
					w.ping(healthy)
					if name == "an event that was lost" {
						w.redis.Advance(settings.TurnWithin)
						w.ping(healthy)
					}
					got := append([]string{}, w.published()...)
					require.Equal(t, s.types, got, "died at %d, after: %v", dieAt, after)
					require.Equal(t, s.live, w.claim().Live(), "died at %d, after: %v", dieAt, after)
					reached = !m.dead
				}
			}
		})
	}
}

func TestWhatNeedsNoWindow(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*event.Execution)
		outcome string
		reason  string
	}{
		"a dry run": {func(x *event.Execution) { x.Outcome = event.ExecutionDryRun }, event.OutcomeDryRun, "dry_run"},
		"an undo":   {func(x *event.Execution) { x.Outcome = event.ExecutionUndone }, event.OutcomeUndone, "undone"},
		"a notice": {func(x *event.Execution) { x.Outcome, x.Action = event.ExecutionNothing, "notify_only" },
			event.OutcomeNotified, "notified"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := executed(t, c.change)
			w.advance(e, time.Hour)
			for range 2 {
				reply := w.take(w.instance(nil), e)
				require.NotNil(t, reply)
				require.Equal(t, event.RemediationClosed, reply.Type())
				require.Equal(t, c.outcome, event.Extension(*reply, "outcome"))
			}
			require.Equal(t, c.outcome, w.claim().Outcome)
			require.Zero(t, w.dueCount())
		})
	}
}

func TestAnUndoThatIsOnlyTriedEndsNothing(t *testing.T) {
	w := newWorld(t)
	f := w.instance(nil)
	w.take(f, eventtest.Sample(event.RemediationExecuted))
	decision := eventtest.Decision(event.DecisionApproved)
	decision.Undo, decision.DryRun = true, true
	tried := executed(t, func(x *event.Execution) { x.Outcome = event.ExecutionDryRun },
		event.Section{Name: event.SectionDecision, Value: decision})
	require.Nil(t, w.take(f, tried))
	require.True(t, w.claim().Live())
	w.redis.Advance(settings.Stabilization)
	w.ping(f)
	require.Equal(t, event.OutcomeHealed, w.claim().Outcome, "what was changed is judged as if nobody had asked")
}

func TestAnUndoAfterAnotherRemediationFollowedIsStillClosed(t *testing.T) {
	w := newWorld(t)
	e := executed(t, func(x *event.Execution) { x.Outcome = event.ExecutionUndone })
	w.advance(e, time.Hour)
	require.NoError(t, w.ledger.Settle(t.Context(), ledger.Settlement{Fingerprint: eventtest.Fingerprint,
		Remediation: eventtest.RemediationID, Outcome: event.OutcomeHealed}))
	next, _, err := w.ledger.Reserve(t.Context(), ledger.Reservation{Fingerprint: eventtest.Fingerprint, Base: "next", Lease: time.Hour})
	require.NoError(t, err)
	require.NotNil(t, w.take(w.instance(nil), e))
	require.Equal(t, next.Remediation, w.claim().Remediation)
	require.True(t, w.claim().Live(), "the one that followed is left alone")
}

func TestGatheringEvidenceLeadsToTheNextRung(t *testing.T) {
	diagnose := func(x *event.Execution) { x.Outcome, x.Action = event.ExecutionNothing, "collect_diagnostics" }
	alert := ledger.Alert{ID: "a1", StartsAt: eventtest.Start, Fingerprint: eventtest.Fingerprint, Remediation: eventtest.RemediationID}
	t.Run("while the alert fires", func(t *testing.T) {
		w := newWorld(t)
		_, err := w.ledger.JoinAlert(t.Context(), alert)
		require.NoError(t, err)
		reply := w.take(w.instance(nil), executed(t, diagnose))
		require.Equal(t, event.EffectivenessAssessed, reply.Type())
		require.Equal(t, event.VerdictIneffective, event.Extension(*reply, "outcome"))
		require.True(t, w.claim().Live())
	})
	t.Run("but not once it has stopped by itself", func(t *testing.T) {
		w := newWorld(t)
		_, err := w.ledger.JoinAlert(t.Context(), alert)
		require.NoError(t, err)
		_, _, err = w.ledger.ResolveAlert(t.Context(), alert.ID, alert.StartsAt, alert.StartsAt.Add(time.Minute))
		require.NoError(t, err)
		reply := w.take(w.instance(nil), executed(t, diagnose))
		require.Equal(t, event.RemediationClosed, reply.Type())
		require.Equal(t, event.OutcomeCancelled, event.Extension(*reply, "outcome"))
	})
	t.Run("also once nobody posts it any more, as that is not knowing", func(t *testing.T) {
		w := newWorld(t)
		_, err := w.ledger.JoinAlert(t.Context(), alert)
		require.NoError(t, err)
		_, _, err = w.ledger.ExpireAlert(t.Context(), alert.ID, alert.StartsAt.Add(time.Minute))
		require.NoError(t, err)
		reply := w.take(w.instance(nil), executed(t, diagnose))
		require.Equal(t, event.EffectivenessAssessed, reply.Type())
	})
	t.Run("but an event from before keeps nothing from having stopped by itself", func(t *testing.T) {
		w := newWorld(t)
		moment := alert
		moment.ID = signal.MomentID(nil)
		for _, a := range []ledger.Alert{alert, moment} {
			_, err := w.ledger.JoinAlert(t.Context(), a)
			require.NoError(t, err)
		}
		_, _, err := w.ledger.ResolveAlert(t.Context(), alert.ID, alert.StartsAt, alert.StartsAt.Add(time.Minute))
		require.NoError(t, err)
		reply := w.take(w.instance(nil), executed(t, diagnose))
		require.Equal(t, event.RemediationClosed, reply.Type())
	})
	changed := event.Section{Name: event.SectionAttempts, Value: []event.Attempt{
		{Step: 1, Action: "update_hpa", Outcome: event.ExecutionApplied, Verdict: event.VerdictIneffective}}}
	t.Run("also once it has stopped, where an earlier step changed something", func(t *testing.T) {
		w := newWorld(t)
		_, err := w.ledger.JoinAlert(t.Context(), alert)
		require.NoError(t, err)
		_, _, err = w.ledger.ResolveAlert(t.Context(), alert.ID, alert.StartsAt, alert.StartsAt.Add(time.Minute))
		require.NoError(t, err)
		reply := w.take(w.instance(nil), executed(t, diagnose, changed))
		require.Equal(t, event.EffectivenessAssessed, reply.Type())
	})
	t.Run("whose person is told that something was changed", func(t *testing.T) {
		w := newWorld(t)
		notify := func(x *event.Execution) { x.Outcome, x.Action = event.ExecutionNothing, "notify_only" }
		reply := w.take(w.instance(nil), executed(t, notify, changed))
		require.Equal(t, event.OutcomeNotified, event.Extension(*reply, "outcome"))
		require.Contains(t, string(reply.Data()), "What was changed did not help")
	})
}

func TestWindows(t *testing.T) {
	gitOps := event.RemediationExecutedData{}
	gitOps.Context.GitOps = &event.GitOps{Tool: "argocd"}
	both := gitOps
	both.Classification.SignalMode = modeProactive
	for name, c := range map[string]struct {
		data event.RemediationExecutedData
		want time.Duration
	}{
		"a plain target":                             {event.RemediationExecutedData{}, 5 * time.Minute},
		"a target of GitOps":                         {gitOps, 8 * time.Minute},
		"a target of GitOps with a predicting alert": {both, 13 * time.Minute},
	} {
		require.Equal(t, c.want, settings.window(c.data), name)
	}
}

// unread is a ledger of which no claim can be read.
type unread struct{ *ledger.Ledger }

func (unread) Get(context.Context, string) (ledger.Claim, error) { return ledger.Claim{}, errDied }

// start executes the first step of the sample remediation, to its end or not.
func (w *world) start(ended bool) {
	e, err := w.ledger.StartExecution(w.Context(), ledger.ExecutionStart{Fingerprint: eventtest.Fingerprint,
		Remediation: eventtest.RemediationID, Step: "step-1", Target: eventtest.Fingerprint, Lease: time.Hour})
	require.NoError(w, err)
	require.Equal(w, ledger.Acquired, e.Outcome)
	if ended {
		require.NoError(w, w.ledger.EndExecution(w.Context(), e, true))
	}
}

func TestAResolve(t *testing.T) {
	resolution := func(t *testing.T, r event.Resolution) (*world, *event.Resolution) { return newWorld(t), &r }
	t.Run("of an alert that joined nothing is noted", func(t *testing.T) {
		w, r := resolution(t, event.Resolution{})
		require.Nil(t, w.take(w.instance(nil), w.resolved(event.Remediation{}, *r)))
	})
	t.Run("before anything started ends the remediation", func(t *testing.T) {
		w, r := resolution(t, event.Resolution{Cancelled: true})
		w.hold()
		for range 2 {
			reply := w.take(w.instance(nil), w.resolved(eventtest.Remediation, *r))
			require.Equal(t, event.RemediationClosed, reply.Type())
			require.Equal(t, event.OutcomeCancelled, event.Extension(*reply, "outcome"))
		}
		require.Equal(t, event.OutcomeCancelled, w.claim().Outcome)
		_, err := w.ledger.Held(t.Context(), eventtest.RemediationID)
		require.ErrorIs(t, err, ledger.ErrNotFound, "nobody is asked any more")
	})
	for name, ended := range map[string]bool{"is being done": false, "was done": true} {
		t.Run("that cancels what "+name+" is evidence", func(t *testing.T) {
			w, r := resolution(t, event.Resolution{Cancelled: true})
			f := w.instance(nil)
			w.take(f, eventtest.Sample(event.RemediationExecuted))
			w.start(ended)
			require.Nil(t, w.take(f, w.resolved(eventtest.Remediation, *r)))
			require.True(t, w.claim().Live())
			w.redis.Advance(settings.SettleWindow)
			w.ping(f)
			require.Equal(t, []string{"effectiveness.assessed", "remediation.closed"}, w.published(), "the verdict was brought forward")
		})
	}
	t.Run("that cancels is not believed while Redis is down", func(t *testing.T) {
		w, r := resolution(t, event.Resolution{Cancelled: true})
		a := &assessor{book: unread{w.ledger}, settings: settings, now: w.now}
		in := stage.Input[event.SignalResolvedData]{Data: event.SignalResolvedData{Resolution: *r}}
		in.Data.Remediation = eventtest.Remediation
		_, err := a.resolved(t.Context(), in)
		require.ErrorIs(t, err, errDied, "it is delivered again")
	})
	t.Run("of the last alert brings the verdict forward, but not to now", func(t *testing.T) {
		w, r := resolution(t, event.Resolution{})
		f := w.instance(nil)
		w.take(f, eventtest.Sample(event.RemediationExecuted))
		require.Nil(t, w.take(f, w.resolved(eventtest.Remediation, *r)))
		w.ping(f)
		require.Empty(t, w.published())
		w.redis.Advance(settings.SettleWindow)
		w.ping(f)
		require.Len(t, w.published(), 2)
	})
	t.Run("that nobody spoke, because the sender fell silent, brings no verdict forward", func(t *testing.T) {
		w, r := resolution(t, event.Resolution{Expired: true})
		f := w.instance(nil)
		w.take(f, eventtest.Sample(event.RemediationExecuted))
		w.take(f, w.resolved(eventtest.Remediation, *r))
		w.redis.Advance(settings.SettleWindow)
		w.ping(f)
		require.Empty(t, w.published())
	})
	t.Run("of one alert of several changes nothing", func(t *testing.T) {
		w, r := resolution(t, event.Resolution{StillFiring: 2})
		f := w.instance(nil)
		w.take(f, eventtest.Sample(event.RemediationExecuted))
		w.take(f, w.resolved(eventtest.Remediation, *r))
		w.redis.Advance(settings.SettleWindow)
		w.ping(f)
		require.Empty(t, w.published())
	})
}
