package function

import (
	"context"
	"fmt"
	"strconv"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
	"kubernaut.ai/shared/timeline"
)

// executed is an action that was carried out.
type executed struct {
	event    cloudevents.Event
	document event.Document
	data     event.RemediationExecutedData
	// attempt is the id of the latest result, a failed undo's included: a new
	// request after it is another one, whereas pressing twice is not.
	attempt string
	// next is an earlier step that can be taken back, too; 0 where none can.
	next int
}

func asStep(number int) string {
	if number == 0 {
		return ""
	}
	return fmt.Sprintf(" as its step %d", number)
}

// executed reads what of a remediation an undo takes back.
func (d *desk) executed(ctx context.Context, remediation string, step int) (executed, error) {
	if d.chronicle == nil {
		return executed{}, refuse(reasonNoHistory, "What was executed is read from the history: set HISTORY_URL for the approve stage.")
	}
	results, err := d.chronicle.Timeline(ctx, remediation, event.RemediationExecuted, event.RemediationFailed)
	if err != nil {
		return executed{}, err
	}
	r, ok, err := timeline.ToUndo(results, step)
	if err == nil && !ok {
		return executed{}, refuse(reasonNotExecuted, "The history knows nothing that this remediation has executed%s.", asStep(step))
	}
	x := executed{next: r.Next}
	if err == nil {
		x.attempt = results[len(results)-1].ID
		x.event, err = stage.Decode(r.Entry.Event)
	}
	if err == nil {
		x.document, err = d.believe(x.event, event.RemediationExecuted, remediation)
	}
	if err == nil {
		err = unmarshal(x.event, &x.data)
	}
	if err != nil {
		return executed{}, refuse(reasonHoldBroken, "What the history holds is not an execution that Kubernaut sealed: %v", err)
	}
	return x, nil
}

// further says how to go on from a step that was taken back.
func (x executed) further() string {
	if x.next == 0 {
		return ""
	}
	return fmt.Sprintf(` To take step %d back as well, send {"step":%d}.`, x.next, x.next)
}

// undo publishes the request to take a step back.
func (d *desk) undo(ctx context.Context, x executed, w wish) (receipt, error) {
	e := x.data.Execution
	switch {
	case e.Outcome == event.ExecutionUndone:
		return receipt{}, refuse(reasonAlreadyUndone, "Step %d, %s, has been taken back already.%s", e.Step, e.Action, x.further())
	case e.Outcome != event.ExecutionApplied:
		return receipt{}, refuse(reasonUndoImpossible, "Step %d, %s, changed nothing: its outcome is %s.", e.Step, e.Action, e.Outcome)
	case e.Undo == nil:
		return receipt{}, refuse(reasonUndoImpossible, "%s left no receipt with which it could be taken back.", e.Action)
	case !e.Undo.Possible:
		return receipt{}, refuse(reasonUndoImpossible, "%s", e.Undo.Summary)
	}
	request, err := d.press.Seal(ctx, event.Draft{
		Type: event.UndoRequested, Parent: &x.event, Cause: fmt.Sprintf("%s/undo/%d/%s", x.attempt, e.Step, d.round()), Document: x.document, Now: d.now(),
		Sections: []event.Section{{Name: event.SectionUndoRequest, Value: event.UndoRequest{
			By: w.by.Name, Reason: event.Cut(w.comment, event.MaxText), Step: e.Step, RequestedAt: d.now(),
		}}},
	})
	if err != nil {
		return receipt{}, err
	}
	return receipt{event: request}, d.press.Publish(ctx, request)
}

// round tells presses apart that lie so long after one another that the earlier
// one's event, had it been lost, would no longer be believed.
func (d *desk) round() string {
	return strconv.FormatInt(d.now().Unix()/int64(event.AnswerWithin/time.Second), 10)
}
