package function

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"go.opentelemetry.io/otel/propagation"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// Named reasons for which the stage answers with no event, or drops an item.
const (
	ReasonScheduled       = "assessment_scheduled"
	ReasonUndoTried       = "undo_only_tried"
	ReasonAlreadyAssessed = "already_assessed"
	ReasonNoRemediation   = "no_remediation"
	ReasonEvidence        = "resolve_is_evidence"
	ReasonHastened        = "assessment_hastened"
	ReasonWorked          = "due_items_done"
	ReasonUnknownKind     = "unknown_kind"
	ReasonBadItem         = "item_not_believed"
	ReasonAnswered        = "answered_in_time"
	ReasonNoEvent         = "nothing_to_republish"
)

// Named reasons of a remediation's end.
const (
	endEffective  = "effective"
	endDryRun     = "dry_run"
	endUndone     = "undone"
	endNotified   = "notified"
	endResolved   = "alert_resolved"
	endByItself   = "resolved_without_change"
	endUnanswered = "unanswered"
	endNoVerdict  = "no_verdict"
	endTakenOver  = "taken_over"
	endStuck      = "stuck"
	endSuperseded = "superseded"
	endEventLost  = "end_event_lost"
	endLostTrack  = "lost_track"
)

// The kinds of due items that this stage handles, beside the ledger's own.
const (
	kindAssess = "assess"
	kindUndo   = "undo"
	kindLost   = "lost"
)

const (
	// verdictsKeptFor is longer than anything may still be delivered.
	verdictsKeptFor = 7 * 24 * time.Hour
	// countSeparator ends the number in front of a kept event.
	countSeparator = '\n'
	maxCountDigits = 4
)

// claims is what the stage asks and tells of claims.
type claims interface {
	Get(ctx context.Context, fingerprint string) (ledger.Claim, error)
	Advance(ctx context.Context, a ledger.Advance) error
	Alerts(ctx context.Context, fingerprint, remediation string) (ledger.AlertList, error)
}

// dueList is what is to be done later.
type dueList interface {
	Schedule(ctx context.Context, d ledger.Due, in time.Duration) error
	ScheduleOnce(ctx context.Context, d ledger.Due, in time.Duration) error
	HastenDue(ctx context.Context, id string, in time.Duration) (bool, error)
	LeaseDue(ctx context.Context, limit int, lease time.Duration) ([]ledger.Leased, error)
	Complete(ctx context.Context, item ledger.Leased) error
	Postpone(ctx context.Context, item ledger.Leased, in time.Duration) error
}

// records are kept once, and held events.
type records interface {
	Verdict(ctx context.Context, item string) ([]byte, error)
	VerdictOnce(ctx context.Context, item string, verdict []byte, keep time.Duration) (ledger.Record, error)
	AnswerOnce(ctx context.Context, answer ledger.OnceRecord) (ledger.Record, error)
	Held(ctx context.Context, remediation string) ([]byte, error)
	Hold(ctx context.Context, remediation string, event []byte, keep time.Duration) error
	Unhold(ctx context.Context, remediation string) error
}

// turns lets one instance at a time do what is done for all.
type turns interface {
	Begin(ctx context.Context, stage, event string, lease time.Duration) (ledger.Turn, error)
	Release(ctx context.Context, turn ledger.Turn) error
}

type book interface {
	claims
	dueList
	records
	turns
}

// herald seals, publishes and tracks events.
type herald interface {
	Seal(ctx context.Context, d event.Draft) (cloudevents.Event, error)
	Publish(ctx context.Context, e cloudevents.Event) error
	Track(ctx context.Context, e cloudevents.Event, within time.Duration) error
	Drop(ctx context.Context, reason, detail string)
}

// witness finds out what a verdict rests on.
type witness interface {
	Look(ctx context.Context, c Case) Findings
}

type assessor struct {
	book     book
	herald   herald
	verify   func(cloudevents.Event) error
	witness  witness
	past     past
	settings Settings
	now      func() time.Time
}

// assessID names the due item of an applied step.
func assessID(remediation string, step int) string {
	return kindAssess + "/" + remediation + "/" + strconv.Itoa(step)
}

// verdictID names the verdict of one attempt at an item.
func verdictID(item string, attempt int) string { return item + "/" + strconv.Itoa(attempt) }

// counted puts a number in front of an encoded event: how often it was tried.
func counted(n int, body []byte) []byte {
	return append(strconv.AppendInt(nil, int64(n), 10), append([]byte{countSeparator}, body...)...)
}

// uncounted takes the number off again; a body without one counts 0.
func uncounted(payload []byte) (n int, body []byte) {
	for i := 0; i < len(payload) && i <= maxCountDigits; i++ {
		if payload[i] != countSeparator {
			continue
		}
		if n, err := strconv.Atoi(string(payload[:i])); err == nil && n >= 0 {
			return n, payload[i+1:]
		}
		break
	}
	return 0, payload
}

// parked reads an event that was kept in Redis or history. Whoever can write
// there cannot seal: what is not sealed is not believed.
func (a *assessor) parked(body []byte) (cloudevents.Event, error) {
	e, err := stage.Decode(body)
	if err != nil {
		return e, stage.Permanent(ReasonBadItem, err)
	}
	if err := a.verify(e); err != nil {
		return e, stage.Permanent(ReasonBadItem, fmt.Errorf("verify kept event: %w", err))
	}
	return e, nil
}

// ending is what publishing the end of a remediation needs.
type ending struct {
	eventType string
	parent    cloudevents.Event
	cause     string
	end       event.End
	sections  []event.Section
}

// sealEnd makes the event that ends a remediation.
func (a *assessor) sealEnd(ctx context.Context, x ending) (cloudevents.Event, error) {
	doc, err := event.ParseDocument(x.parent.Data())
	if err != nil {
		return cloudevents.Event{}, err
	}
	x.end.Stage = event.StageAssess
	if x.end.EndedAt.IsZero() {
		x.end.EndedAt = a.now()
	}
	return a.herald.Seal(follow(ctx, x.parent), event.Draft{Type: x.eventType, Parent: &x.parent, Cause: x.cause, Document: doc,
		Sections: append(x.sections, event.Section{Name: event.SectionEnd, Value: x.end}), Now: x.end.EndedAt})
}

// publishEnd publishes the end, then settles the claim: whoever finds a claim
// settled has nothing left to publish.
func (a *assessor) publishEnd(ctx context.Context, e cloudevents.Event) error {
	if err := a.herald.Publish(ctx, e); err != nil {
		return err
	}
	return unlessSuperseded(a.herald.Track(ctx, e, 0))
}

// over tells that a remediation has ended or lost its claim.
func over(err error) bool {
	return errors.Is(err, stage.ErrSuperseded) || errors.Is(err, ledger.ErrSettled) || errors.Is(err, ledger.ErrNotHolder)
}

func unlessSuperseded(err error) error {
	if over(err) {
		return nil
	}
	return err
}

// claimOf is the claim of an item's remediation; over tells that it has ended or
// is another's by now. A claim that Redis forgot is empty, and says nothing.
func (a *assessor) claimOf(ctx context.Context, item ledger.Due) (claim ledger.Claim, over bool, err error) {
	claim, err = a.book.Get(ctx, item.Fingerprint)
	if errors.Is(err, ledger.ErrNotFound) {
		return ledger.Claim{}, false, nil
	}
	return claim, err == nil && (!claim.Live() || claim.Remediation != item.Remediation), err
}

// follow continues the trace of the event instead of the ping's.
func follow(ctx context.Context, e cloudevents.Event) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{
		event.ExtTraceParent: event.Extension(e, event.ExtTraceParent),
		event.ExtTraceState:  event.Extension(e, event.ExtTraceState),
	})
}
