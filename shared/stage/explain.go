package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

// ExplainPath is where a stage is asked what it would answer to an event. No
// Trigger leads there: what a Broker delivers never explains.
const ExplainPath = "/explain"

var (
	errOnlyExplains = errors.New("the event only explains what would happen; ask at " + ExplainPath + " of the stage, not through a Broker")
	errActs         = errors.New("the event is a real one: only events that are sealed for explanation are explained")
	errExplaining   = errors.New("nothing may be published, tracked or sealed for real while a turn only explains")
)

type explainingKey struct{}

// Explaining reports whether the turn only says what it would answer. Redis
// refuses every write under such a context, and the runtime publishes nothing:
// a stage asks only where it wants to foresee instead of doing.
func Explaining(ctx context.Context) bool { return ctx.Value(explainingKey{}) != nil }

// ExplainOnly is a context under which Explaining holds.
func ExplainOnly(ctx context.Context) context.Context {
	return context.WithValue(ledger.ReadOnly(ctx), explainingKey{}, true)
}

// Explain says how Take would answer the event, and changes nothing. The event
// must be sealed for explanation; so is the reply. Without a reply there is a
// named reason. An error is an *Error.
func (f *Function) Explain(ctx context.Context, e cloudevents.Event) (*cloudevents.Event, string, error) {
	return f.take(ExplainOnly(ctx), e, f.explain)
}

func (f *Function) explain(ctx context.Context, e cloudevents.Event) (*cloudevents.Event, string, error) {
	if !event.ForExplanation(e) {
		return nil, "", Permanent(ReasonExplanation, errActs)
	}
	route, ok := f.rt.explains[e.Type()]
	if !ok {
		return nil, "", Permanent(ReasonCannotExplain, fmt.Errorf("stage %s does not explain %s", f.name, event.ShortType(e.Type())))
	}
	if err := f.rt.Keys.Verify(e); err != nil {
		return nil, "", err
	}
	a, err := f.run(ctx, route, e)
	return a.reply, a.reason, err
}

// serveExplanation answers one question over HTTP: with the next event, or with
// the reason for which there would be none.
func (f *Function) serveExplanation(w http.ResponseWriter, r *http.Request, e cloudevents.Event) {
	reply, reason, err := f.Explain(r.Context(), e)
	if reply != nil || err != nil {
		f.answer(w, r, reply, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// The status is out: an error here can only be a client that has gone.
	_ = json.NewEncoder(w).Encode(Refusal{Reason: reason})
}
