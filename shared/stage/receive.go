package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"kubernaut.ai/shared/event"
)

// maxRequest bounds a request's body, in bytes: an event's data in the
// structured encoding, escaped at its worst.
const maxRequest = 4 * event.MaxEventSize

// Handle serves one event over HTTP. func-go could hand over decoded events,
// but its receiver pairs requests with goroutines by chance: a client that
// hangs up at the wrong moment leaves a request that nobody takes, and from
// then on every event waits for the next one to come. So stages take plain
// HTTP, and decode here.
func (f *Function) Handle(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		Problem{Type: ProblemMethodNotAllowed, Status: http.StatusMethodNotAllowed, Detail: "This function takes CloudEvents by POST."}.Write(w, r)
		return
	}
	if r.URL.Path == WakePath {
		wake(w)
		return
	}
	if !f.ready() {
		f.answer(w, r, nil, &Error{Reason: ReasonStarting, Err: errors.New("the function has not started")})
		return
	}
	e, problem := receive(w, r)
	if problem != nil {
		f.rt.Drop(withLogger(r.Context(), f.rt), problem.Reason, problem.Detail)
		problem.Write(w, r)
		return
	}
	if r.URL.Path == ExplainPath {
		f.serveExplanation(w, r, e)
		return
	}
	reply, err := f.Take(r.Context(), e)
	f.answer(w, r, reply, err)
}

// receive decodes the request's event. What is none is refused with a code
// that a Broker does not retry.
func receive(w http.ResponseWriter, r *http.Request) (cloudevents.Event, *Problem) {
	body := &trackedBody{ReadCloser: http.MaxBytesReader(w, r.Body, maxRequest)}
	r.Body = body
	e, err := cehttp.NewEventFromHTTPRequest(r)
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return cloudevents.Event{}, &Problem{Type: ProblemTooLarge, Status: http.StatusRequestEntityTooLarge, Reason: ReasonTooLarge,
			Detail: fmt.Sprintf("The request is over %d bytes.", maxRequest)}
	case body.broke != nil:
		return cloudevents.Event{}, &Problem{Type: ProblemUnavailable, Status: http.StatusServiceUnavailable, Reason: ReasonCutShort,
			Detail: "The request ended before its body did: " + body.broke.Error()}
	case errors.Is(err, binding.ErrUnknownEncoding):
		return cloudevents.Event{}, &Problem{Type: ProblemMediaType, Status: http.StatusUnsupportedMediaType, Reason: ReasonNotAnEvent,
			Detail: "The request is no CloudEvent. Send one in the binary or the structured mode."}
	case err == nil:
		err = e.Validate()
	}
	if err != nil {
		return cloudevents.Event{}, &Problem{Type: ProblemValidation, Status: http.StatusBadRequest, Reason: ReasonMalformed,
			Detail: "The CloudEvent is not valid: " + event.Cut(err.Error(), event.MaxText)}
	}
	return *e, nil
}

// trackedBody keeps why a request's body could not be read to its end, which
// says nothing against the event in it.
type trackedBody struct {
	io.ReadCloser
	broke error
}

func (b *trackedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.broke = err
	}
	return n, err
}

// answer writes the reply, or the code that makes a Broker do the right thing
// with the reason as the body that ends up in knativeerrordata.
func (f *Function) answer(w http.ResponseWriter, r *http.Request, reply *cloudevents.Event, err error) {
	var failure *Error
	switch {
	case err != nil:
		if !errors.As(err, &failure) {
			failure = classify(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(failure.Status())
		// The status is out: an error here can only be a client that has gone.
		_ = json.NewEncoder(w).Encode(Refusal{Reason: failure.Reason, Message: event.Cut(failure.Err.Error(), event.MaxText)})
	case reply == nil:
		w.WriteHeader(http.StatusOK)
	default:
		ctx := context.WithoutCancel(r.Context())
		if err := cehttp.WriteResponseWriter(ctx, binding.ToMessage(reply), http.StatusOK, w); err != nil {
			// The Broker gets no whole reply and delivers again.
			Logger(withLogger(ctx, f.rt)).Warnw("reply not written", "id", reply.ID(), "error", err)
		}
	}
}

// Refusal is the body of an answer that refuses an event.
type Refusal struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}
