package function

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"kubernaut.ai/functions/gateway/caller"
	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/stage"
)

// gate lets in who may post and what there is room for.
type gate struct {
	guard  *caller.Guard
	limits limits
	// held is the memory for bodies of callers who are proven, unproven for those
	// whom only the body's signature makes known or who need no credential.
	held, unproven *budget
	// slots are for all requests; who needs no credential takes one of strangers
	// beside it.
	slots, strangers chan struct{}
}

func newGate(guard *caller.Guard, l limits) *gate {
	return &gate{guard: guard, limits: l, held: newBudget(l.held - l.held/unprovenShare), unproven: newBudget(l.held / unprovenShare),
		slots: make(chan struct{}, l.requests), strangers: make(chan struct{}, max(1, l.requests*3/4))}
}

// admitted is a request that is to be served. It holds a slot and its body's
// memory until end, which is told what was answered.
type admitted struct {
	body []byte
	end  func(ctx context.Context, code int)
}

// refused is why a request is not served: the problem, and for a caller who is
// refused what the log is told of it.
type refused struct {
	stage.Problem
	caller *caller.Refusal
}

func asRefused(p *stage.Problem) *refused { return &refused{Problem: *p} }

// admit finds out who posts before anything of the body is read, and reads it
// before a slot is taken: a slow sender holds neither a worker nor more memory
// than it has filled.
func (d door) admit(w http.ResponseWriter, r *http.Request) (*admitted, *refused) {
	if p := d.misplaced(r); p != nil {
		return nil, asRefused(p)
	}
	who, err := d.gate.guard.Head(r)
	if err != nil {
		return nil, refusedCaller(err)
	}
	if p := d.unsuitable(r); p != nil {
		return nil, asRefused(p)
	}
	from := d.gate.unproven
	if who.Proven() {
		from = d.gate.held
	}
	body, p := reading{of: from, most: d.gate.limits.body, within: d.gate.limits.readWithin, now: d.gateway.now}.body(w, r)
	if p != nil {
		return nil, asRefused(p)
	}
	in, no := d.gate.enter(r.Context(), who, body)
	if no != nil {
		from.give(cap(body))
		return nil, no
	}
	end := in.end
	in.end = func(ctx context.Context, code int) { end(ctx, code); from.give(cap(body)) }
	return in, nil
}

// misplaced is a request that nobody's credential makes right.
func (d door) misplaced(r *http.Request) *stage.Problem {
	switch {
	case d.from == nil:
		return &stage.Problem{Type: stage.ProblemNotFound, Status: http.StatusNotFound, Reason: ReasonNoPath,
			Detail: "Signals are posted to " + strings.Join(d.paths, " or ") + "."}
	case r.Method != http.MethodPost:
		return &stage.Problem{Type: stage.ProblemMethodNotAllowed, Status: http.StatusMethodNotAllowed,
			Reason: ReasonMethod, Detail: "Signals are posted: use POST."}
	}
	return nil
}

// unsuitable is a request whose body need not be read.
func (d door) unsuitable(r *http.Request) *stage.Problem {
	if !takes(d.from.MediaTypes(), r) {
		return &stage.Problem{Type: stage.ProblemMediaType, Status: http.StatusUnsupportedMediaType, Reason: ReasonMediaType,
			Detail: "Send " + strings.Join(d.from.MediaTypes(), " or ") + " in UTF-8, without a content encoding."}
	}
	if len(d.gate.slots) == cap(d.gate.slots) {
		return busy(d.gate.slots)
	}
	return nil
}

func busy(slots chan struct{}) *stage.Problem {
	return &stage.Problem{Type: stage.ProblemUnavailable, Status: http.StatusServiceUnavailable,
		Reason: ReasonBusy, Detail: fmt.Sprintf("%d requests are being worked on; post this one again.", cap(slots))}
}

// enter takes a slot for a body whose caller is known by it at the latest.
func (g *gate) enter(ctx context.Context, who caller.Caller, body []byte) (*admitted, *refused) {
	leave, p := g.take(who)
	if p != nil {
		return nil, asRefused(p)
	}
	done, err := g.guard.Body(ctx, who, body)
	if err != nil {
		leave()
		return nil, refusedCaller(err)
	}
	return &admitted{body: body, end: func(ctx context.Context, code int) {
		leave()
		if err := done(code < http.StatusMultipleChoices); err != nil {
			stage.Logger(ctx).Warnw("what became of a signed request is not remembered", "error", err)
		}
	}}, nil
}

// take takes a slot, or says that there is none. Strangers leave some to callers
// who have proven who they are.
func (g *gate) take(who caller.Caller) (leave func(), p *stage.Problem) {
	places := []chan struct{}{g.slots}
	if who.Anonymous() {
		places = []chan struct{}{g.strangers, g.slots}
	}
	for i, place := range places {
		select {
		case place <- struct{}{}:
		default:
			release(places[:i])
			return nil, busy(place)
		}
	}
	return func() { release(places) }, nil
}

func release(places []chan struct{}) {
	for _, place := range places {
		<-place
	}
}

func refusedCaller(err error) *refused {
	var no *caller.Refusal
	if !errors.As(err, &no) {
		no = &caller.Refusal{Status: http.StatusServiceUnavailable, Reason: caller.ReasonUnanswered, Detail: "Post this again.", Cause: err}
	}
	return &refused{Problem: no.Problem(), caller: no}
}

// turnAway answers a request that is not served. A caller who is refused is
// counted and logged whatever the answer.
func (d door) turnAway(w http.ResponseWriter, r *http.Request, no *refused) {
	d.gateway.meters.refused(r.Context(), no.Reason)
	if no.caller == nil {
		d.refuse(w, r, no.Problem)
		return
	}
	for _, challenge := range no.caller.Challenges {
		w.Header().Add("WWW-Authenticate", challenge)
	}
	if no.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	d.gateway.drop(r.Context(), no.Reason, no.caller.Error())
	no.Problem.Write(w, r)
}

// bound applies the limits that are set lower than what sources understand.
func (g *gate) bound(b source.Batch) (source.Batch, error) {
	if len(b.Items) > g.limits.alerts {
		return source.Batch{}, source.ErrTooMany
	}
	for i := range b.Items {
		if len(b.Items[i].Alert.Labels) > g.limits.labels && b.Items[i].Invalid == "" {
			b.Items[i].Invalid = source.ReasonTooManyLabels
		}
	}
	return b, nil
}
