package function

import (
	"context"
	"errors"
	"fmt"
	"slices"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// actionNotify is the action that is complete once it was said.
const actionNotify = "notify_only"

// executed decides when an execution is judged: at once where nothing was
// changed for good, else when its window is over.
func (a *assessor) executed(ctx context.Context, in stage.Input[event.RemediationExecutedData]) (stage.Reply, error) {
	x := in.Data.Execution
	switch {
	case x.Outcome == event.ExecutionDryRun && in.Data.Decision.Undo:
		// What was changed is in place, and is judged as if nobody had asked.
		return stage.Nothing(ReasonUndoTried), nil
	case x.Outcome == event.ExecutionDryRun:
		return a.closed(event.End{Outcome: event.OutcomeDryRun, Reason: endDryRun,
			Detail: "Nothing was changed: the API server only tried it out."}), nil
	case x.Outcome == event.ExecutionUndone:
		return a.undone(x), nil
	case x.Outcome == event.ExecutionNothing && x.Action == actionNotify:
		return a.closed(event.End{Outcome: event.OutcomeNotified, Reason: endNotified,
			Detail: told(in.Data) + ": a person has to look at " + in.Data.Signal.Target.String() + "."}), nil
	case x.Outcome == event.ExecutionNothing && onlyLooks(x.Action):
		return a.looked(ctx, in)
	}
	return a.schedule(ctx, in)
}

// onlyLooks tells that an action changes nothing by its nature.
func onlyLooks(name string) bool {
	known, ok := action.Lookup(name)
	return ok && !known.ChangesCluster
}

func (a *assessor) closed(end event.End) stage.Reply {
	end.Stage, end.EndedAt = event.StageAssess, a.now()
	reply := stage.Ended(event.RemediationClosed, end)
	reply.Reason = end.Reason
	return reply
}

// undone closes what a person took back. That may be long after the
// remediation ended, when another may hold the claim by now: the claim is
// settled only if it is still this one's.
func (a *assessor) undone(x event.Execution) stage.Reply {
	reply := a.closed(event.End{Outcome: event.OutcomeUndone, Reason: endUndone,
		Detail: fmt.Sprintf("Step %d (%s) was taken back.", x.Step, x.Action)})
	reply.Detached = true
	reply.Before = func(ctx context.Context, e cloudevents.Event) error {
		return unlessSuperseded(a.herald.Track(ctx, e, 0))
	}
	return reply
}

// looked goes on from an action that only gathered evidence: it cannot have
// helped, so the next rung follows, unless the alert has stopped by itself.
func (a *assessor) looked(ctx context.Context, in stage.Input[event.RemediationExecutedData]) (stage.Reply, error) {
	r := in.Data.Remediation
	list, err := a.book.Alerts(ctx, r.Fingerprint, r.ID)
	if err != nil {
		return stage.Reply{}, err
	}
	list.Alerts = slices.DeleteFunc(list.Alerts, func(a ledger.Alert) bool { return happened(a, in.Data.Execution.FinishedAt) })
	// Where an earlier step changed something that was judged not to help, the
	// alert that stopped does not say that all is well; nor does one of which
	// nobody said that it stopped.
	if len(list.Alerts) > 0 && list.Firing() == 0 && silent(list) == 0 && !changedBefore(in.Data) {
		return a.closed(event.End{Outcome: event.OutcomeCancelled, Reason: endByItself,
			Detail: "The alert stopped before anything was changed."}), nil
	}
	x := in.Data.Execution
	reply := stage.Emit(event.EffectivenessAssessed, event.Section{Name: event.SectionAssessment, Value: event.Assessment{
		Verdict: event.VerdictIneffective, Step: x.Step, Attempt: 1, AssessedAt: a.now(), Coverage: 1,
		Parts: []event.Part{}, Reasons: []string{ReasonNothingChanged, x.Action + " gathers evidence and changes nothing"},
	}})
	reply.Reason = ReasonNothingChanged
	return reply, nil
}

// changedBefore tells that an earlier step of the remediation changed something.
func changedBefore(d event.RemediationExecutedData) bool {
	return slices.ContainsFunc(d.Attempts, func(a event.Attempt) bool { return a.Outcome == event.ExecutionApplied })
}

// told is what became of the cluster, for whoever is called.
func told(d event.RemediationExecutedData) string {
	if changedBefore(d) {
		return "What was changed did not help"
	}
	return "Nothing was changed"
}

// schedule puts the assessment on the due list, then moves the claim's
// deadline behind it. A death in between leaves an item for a claim whose
// deadline is too early, which the redelivery or the sweep repairs.
func (a *assessor) schedule(ctx context.Context, in stage.Input[event.RemediationExecutedData]) (stage.Reply, error) {
	r, step := in.Data.Remediation, in.Data.Execution.Step
	id := assessID(r.ID, step)
	// A late second delivery must not judge a step again that was judged.
	_, err := a.book.Verdict(ctx, verdictID(id, 1))
	if err == nil {
		return stage.Nothing(ReasonAlreadyAssessed), nil
	}
	if !errors.Is(err, ledger.ErrNotFound) {
		return stage.Reply{}, err
	}
	body, err := stage.Encode(in.Event)
	if err != nil {
		return stage.Reply{}, err
	}
	window := a.settings.window(in.Data)
	due := ledger.Due{ID: id, Kind: kindAssess, Fingerprint: r.Fingerprint, Remediation: r.ID, Payload: counted(1, body)}
	if err := a.book.ScheduleOnce(ctx, due, window); err != nil {
		return stage.Reply{}, err
	}
	err = a.book.Advance(ctx, ledger.Advance{Fingerprint: r.Fingerprint, Remediation: r.ID,
		Phase: event.ShortType(in.Type), Within: window + a.settings.Grace, Event: body})
	if over(err) {
		// The item finds the same and goes.
		return stage.Nothing(stage.ReasonSuperseded), nil
	}
	return stage.Nothing(ReasonScheduled), err
}
