package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
)

// TurnBudget bounds one turn. func-go's server cuts a reply off after 30 s,
// and a reply that is cut off is redelivered.
const TurnBudget = 25 * time.Second

// Open connects a stage to what it works with and returns its routes. It runs
// in Start, may do I/O, and is the only place that may fail for a setting.
type Open func(ctx context.Context, rt *Runtime) (Routes, error)

// Function is a stage that takes events. Its methods are those that func-go
// looks for.
type Function struct {
	lifecycle
	open   Open
	routes Routes
}

// New makes a stage. It does no I/O and cannot fail.
func New(name string, open Open, options ...Option) *Function {
	return &Function{lifecycle: newLifecycle(name, options), open: open}
}

// Start connects the stage; func-go calls it in its own goroutine, so Ready
// and Handle refuse until it is done.
func (f *Function) Start(ctx context.Context, settings map[string]string) error {
	return f.start(ctx, settings, func(ctx context.Context, rt *Runtime) (err error) {
		f.routes, err = f.open(ctx, rt)
		return err
	})
}

// Take works one event off and answers with at most one. An error is an
// *Error, with its named reason.
func (f *Function) Take(ctx context.Context, e cloudevents.Event) (*cloudevents.Event, error) {
	// Who sent the event may hang up; the turn is finished all the same, since
	// its effect and its recorded reply count and not who waits.
	reply, _, err := f.take(context.WithoutCancel(ctx), e, f.turn)
	return reply, err
}

// take runs one turn, observed and within its deadline, which is set here and
// nowhere else.
func (f *Function) take(ctx context.Context, e cloudevents.Event, turn turn) (*cloudevents.Event, string, error) {
	ctx, cancel := context.WithTimeout(ctx, TurnBudget)
	defer cancel()
	if !f.ready() {
		return nil, "", &Error{Reason: ReasonStarting, Err: errors.New("the function has not started")}
	}
	started := f.rt.Now()
	ctx, span := f.observe(ctx, e)
	defer span.End()
	reply, reason, err := safely(ctx, e, turn)
	failure := f.conclude(ctx, conclusion{event: e, reply: reply, reason: reason, err: err, took: f.rt.Now().Sub(started)})
	if failure != nil {
		span.RecordError(failure)
		return nil, "", failure
	}
	return reply, reason, nil
}

// turn answers an event with at most one, or a named reason for none.
type turn func(context.Context, cloudevents.Event) (*cloudevents.Event, string, error)

// safely runs a turn. A panic is a failure like any other.
func safely(ctx context.Context, e cloudevents.Event, turn turn) (reply *cloudevents.Event, reason string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			reply, err = nil, panicked(ctx, cause)
		}
	}()
	return turn(ctx, e)
}

// turn verifies the event and runs its route, through the inbox where the
// stage has one.
func (f *Function) turn(ctx context.Context, e cloudevents.Event) (*cloudevents.Event, string, error) {
	if event.ForExplanation(e) {
		// Whoever put it on the Broker: nothing follows from it, and nobody keeps it.
		return nil, "", Permanent(ReasonExplanation, errOnlyExplains)
	}
	if f.catchAll != nil {
		return nil, "", f.catchAll(ctx, f.rt, e)
	}
	if e.Type() != event.Ping {
		if err := f.rt.Keys.Verify(e); err != nil {
			return nil, "", err
		}
	}
	route, ok := f.routes[e.Type()]
	if !ok {
		return nil, "", Permanent(ReasonUnknownType, fmt.Errorf("stage %s takes no %s", f.name, e.Type()))
	}
	run := func(ctx context.Context) (answer, error) { return f.run(ctx, route, e) }
	if f.inbox {
		return f.once(ctx, e, run)
	}
	a, err := run(ctx)
	if err != nil {
		return nil, "", err
	}
	return f.settled(ctx, a)
}

// answer is what a route came to.
type answer struct {
	reply  *cloudevents.Event
	reason string
	// settles: the reply ends its remediation, and the claim does not say so yet.
	settles bool
}

// run has the route answer and moves the claim, but for what ends it: that is
// for settled, once the answer is recorded. A claim that is settled refuses
// whoever asks again.
func (f *Function) run(ctx context.Context, route Route, e cloudevents.Event) (answer, error) {
	in, err := input(e)
	if err != nil {
		return answer{}, err
	}
	reply, err := route(ctx, in)
	if err != nil || reply.Type == "" {
		return answer{reason: reply.Reason}, err
	}
	next, err := f.rt.Seal(ctx, event.Draft{Type: reply.Type, Parent: &e, Document: in.Document, Sections: reply.Sections})
	if err != nil {
		return answer{}, err
	}
	a := answer{reply: &next, reason: reply.Reason}
	if Explaining(ctx) {
		// The event is for the one who asks: it moves no claim, and what must be in
		// place when it is seen is not needed.
		return a, nil
	}
	if reply.Before != nil {
		if err := reply.Before(ctx, next); err != nil {
			return answer{}, err
		}
	}
	entry, _ := event.Lookup(next.Type())
	switch {
	case reply.Detached:
		return a, nil
	case entry.Terminal:
		a.settles = true
		return a, nil
	}
	return f.tracked(ctx, a, reply.Within)
}

// settled settles the claim of what ends its remediation, and lets the answer go.
func (f *Function) settled(ctx context.Context, a answer) (*cloudevents.Event, string, error) {
	if !a.settles {
		return a.reply, a.reason, nil
	}
	a, err := f.tracked(ctx, a, 0)
	return a.reply, a.reason, err
}

// tracked moves the claim to the answer. One that comes too late is dropped.
func (f *Function) tracked(ctx context.Context, a answer, within time.Duration) (answer, error) {
	err := f.rt.Track(ctx, *a.reply, within)
	if errors.Is(err, ErrSuperseded) {
		f.rt.Drop(ctx, ReasonSuperseded, err.Error())
		return answer{reason: ReasonSuperseded}, nil
	}
	return a, err
}

func input(e cloudevents.Event) (Input[json.RawMessage], error) {
	in := Input[json.RawMessage]{Data: e.Data(), ID: e.ID(), Type: e.Type(), Time: e.Time(),
		Remediation: event.Extension(e, event.ExtCorrelation), Event: e}
	in.Stage, _ = event.StageOf(e.Source())
	if e.Type() == event.Ping {
		return in, nil
	}
	var err error
	in.Document, err = event.ParseDocument(e.Data())
	return in, err
}
