package function

import (
	"context"
	"errors"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// reasonDeadLettered is the named reason of the remediation's end.
const reasonDeadLettered = "dead_lettered"

// New makes the stage.
func New() *stage.Function {
	return stage.New(event.StageDeadletter, open, stage.NeedsLedger(), stage.NeedsSink(), stage.CatchAll(take))
}

// open checks the settings; the stage has no routes, since it takes all.
func open(_ context.Context, rt *stage.Runtime) (stage.Routes, error) {
	_, err := stage.ParseStages(rt.Config.String(stage.EnvStages, ""))
	return nil, err
}

func take(ctx context.Context, rt *stage.Runtime, e cloudevents.Event) error {
	stages, err := stage.ParseStages(rt.Config.String(stage.EnvStages, ""))
	if err != nil {
		return err
	}
	u := undertaker{letters: rt.Ledger, claims: rt.Ledger, herald: rt, verify: rt.Keys.Verify, now: rt.Now, stages: byHost(stages)}
	reason, err := u.take(ctx, e)
	if err != nil {
		return err
	}
	rt.Drop(ctx, reason, e.Type()+" "+e.ID())
	return nil
}

// letters keeps dead letters.
type letters interface {
	PutDeadLetter(ctx context.Context, d ledger.DeadLetter) (ledger.DeadLettered, error)
}

// claims tells which remediation holds a target.
type claims interface {
	Get(ctx context.Context, fingerprint string) (ledger.Claim, error)
}

// herald seals, publishes and tracks events, and tells of what is lost.
type herald interface {
	Drop(ctx context.Context, reason, detail string)
	Seal(ctx context.Context, d event.Draft) (cloudevents.Event, error)
	Publish(ctx context.Context, e cloudevents.Event) error
	Track(ctx context.Context, e cloudevents.Event, within time.Duration) error
}

// undertaker keeps what is dead and tells whom it concerned.
type undertaker struct {
	letters letters
	claims  claims
	herald  herald
	verify  func(cloudevents.Event) error
	now     func() time.Time
	// stages are the stages' names by host and port.
	stages map[string]string
}

// take keeps a dead letter and, where a remediation waited for it, ends that.
// A death in between is healed by the next delivery of the same letter: the
// letter is kept once, the failure's id is the same, settling is idempotent.
func (u undertaker) take(ctx context.Context, e cloudevents.Event) (string, error) {
	f := failureOf(func(name string) string { return fmt.Sprint(orEmpty(e.Extensions()[name])) }, u.stages)
	original := withoutError(e)
	remediation, reason, err := u.concerns(ctx, original, f)
	if err != nil {
		return "", err
	}
	letter, err := letterOf(original, f)
	if err != nil {
		return "", stage.Permanent(stage.ReasonMalformed, err)
	}
	letter.Remediation = remediation.ID
	kept, err := u.letters.PutDeadLetter(ctx, letter)
	if err != nil {
		return "", err
	}
	u.tell(ctx, kept.Removed, letter.Informs)
	switch {
	case reason != "":
		return reason, nil
	case !kept.First:
		return ReasonFailedAlready, nil
	}
	return ReasonFailedTheCause, u.fail(ctx, original, f)
}

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}

// withoutError is the event as it was before the Broker gave it up.
func withoutError(e cloudevents.Event) cloudevents.Event {
	original := e.Clone()
	for _, name := range []string{extDest, extCode, extData} {
		original.SetExtension(name, nil)
	}
	return original
}

// concerns finds the remediation that waited for the event, or the named
// reason for which none did.
func (u undertaker) concerns(ctx context.Context, e cloudevents.Event, f Failure) (event.Remediation, string, error) {
	var none event.Remediation
	if reason := onlyKept(f, e.Type()); reason != "" {
		return none, reason, nil
	}
	if err := u.verify(e); err != nil {
		return none, ReasonNotBelieved, nil
	}
	doc, err := event.ParseDocument(e.Data())
	if err != nil {
		return none, ReasonNotBelieved, nil
	}
	var r event.Remediation
	if err := doc.Decode(event.SectionRemediation, &r); err != nil || r.ID == "" {
		return none, ReasonNoRemediation, nil
	}
	if ofUnappliedUndo(e, doc) {
		return none, ReasonOnlyAbout, nil
	}
	claim, err := u.claims.Get(ctx, r.Fingerprint)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		// Redis forgot the claim: the sweep would recreate it for an event that
		// cannot be delivered. End it.
		return r, "", nil
	case errors.Is(err, ledger.ErrInvalid):
		return none, ReasonNoRemediation, nil
	case err != nil:
		return none, "", err
	case !claim.Live() || claim.Remediation != r.ID:
		return none, ReasonNotLive, nil
	case !waitsFor(claim.Phase, e.Type()):
		return none, ReasonMovedOn, nil
	}
	return r, "", nil
}

// ofUnappliedUndo tells that the event belongs to an undo that has taken nothing back: its
// remediation goes on, or ended long ago, as if nobody had asked. What cannot be
// read belongs to none.
func ofUnappliedUndo(e cloudevents.Event, doc event.Document) bool {
	var decision event.Decision
	var execution event.Execution
	if doc.Decode(event.SectionDecision, &decision) != nil {
		return false
	}
	entry := history.Entry{Type: e.Type()}
	entry.Stage, _ = event.StageOf(e.Source())
	if e.Type() == event.RemediationExecuted && doc.Decode(event.SectionExecution, &execution) == nil {
		entry.Outcome = execution.Outcome
	}
	return history.UnappliedUndo(entry, &decision)
}

// fail ends the remediation: published first, since whoever finds the claim
// settled would have nothing left to do.
func (u undertaker) fail(ctx context.Context, e cloudevents.Event, f Failure) error {
	doc, err := event.ParseDocument(e.Data())
	if err != nil {
		return err
	}
	failed, err := u.herald.Seal(ctx, event.Draft{
		Type: event.RemediationFailed, Parent: &e, Document: doc, Now: u.now(),
		// One per remediation, whichever of its events dies first.
		Cause: event.StageDeadletter + "/" + event.Extension(e, event.ExtCorrelation),
		Sections: []event.Section{{Name: event.SectionEnd, Value: event.End{
			Outcome: event.OutcomeFailed, Reason: reasonDeadLettered, Stage: event.StageDeadletter, EndedAt: u.now(),
			Detail: event.Cut(fmt.Sprintf("%s could not be delivered: %s", event.ShortType(e.Type()), f), event.MaxText),
		}}},
	})
	if err != nil {
		return err
	}
	if err := u.herald.Publish(ctx, failed); err != nil {
		return err
	}
	err = u.herald.Track(ctx, failed, 0)
	if errors.Is(err, stage.ErrSuperseded) {
		return nil // somebody else ended it in between
	}
	return err
}

// maxLetter bounds a letter's event, in bytes: what a stage makes is less. Whoever
// can post to the Broker must not fill Redis, on which all stages depend, with
// letters: of the largest it holds ledger.MaxDeadLetters in about 200 MiB.
const maxLetter = event.MaxEventSize + 16<<10

// letterOf is the letter to keep. One event has one letter per subscriber
// that failed it. Ids of strangers' events may hold anything, so the letter's
// id is derived.
func letterOf(e cloudevents.Event, f Failure) (ledger.DeadLetter, error) {
	d := ledger.DeadLetter{ID: event.ID(e.Source()+" "+e.ID(), f.Destination, 0),
		Reason: event.Cut(f.String(), ledger.MaxText), Code: f.Code, Destination: f.Stage + " " + f.Destination,
		Informs: f.Stage == event.StageRecord}
	body, err := stage.Encode(e)
	if err != nil {
		return d, err
	}
	if len(body) > maxLetter {
		// No stage made it, and none takes it. Better what it was than nothing.
		d.Reason = event.Cut(fmt.Sprintf("%d bytes not kept; %s", len(body), d.Reason), ledger.MaxText)
		if body, err = stage.Encode(shell(e)); err != nil {
			return d, err
		}
	}
	d.Event = body
	return d, nil
}

// shell is what names an event, as far as that is not too long either.
func shell(e cloudevents.Event) cloudevents.Event {
	short := func(text string) string {
		if len(text) > event.MaxAttribute {
			return "not-kept"
		}
		return text
	}
	out := cloudevents.NewEvent()
	out.SetID(short(e.ID()))
	out.SetType(short(e.Type()))
	out.SetSource(short(e.Source()))
	return out
}
