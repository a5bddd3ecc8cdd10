package function

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

const (
	// MaxBody bounds one request, in bytes. Groups of Alertmanager can be large.
	MaxBody = 4 << 20
	// maxRequests bounds the requests that are worked on, and so the bodies that
	// are held, at a time. More are told to come again.
	maxRequests = 128
	// retryAfter tells senders when to post again, in seconds.
	retryAfter = "5"
	healthPath = "/health"
)

// Reasons for which a whole request is refused.
const (
	ReasonBusy      = "too_many_requests_in_flight"
	ReasonMalformed = "malformed_body"
	ReasonTooLarge  = "body_too_large"
	ReasonMediaType = "unsupported_media_type"
	ReasonMethod    = "method_not_allowed"
	ReasonNoPath    = "unknown_path"
	ReasonCutOff    = "body_cut_off"
)

// handler serves senders over HTTP.
type handler struct {
	gateway *gateway
	routes  *http.ServeMux
	paths   []string
	slots   chan struct{}
}

func newHandler(g *gateway, sources []source.Source) *handler {
	h := &handler{gateway: g, routes: http.NewServeMux(), paths: source.Paths(sources), slots: make(chan struct{}, maxRequests)}
	h.handle(healthPath, http.HandlerFunc(h.health))
	for _, s := range sources {
		for _, path := range s.Paths() {
			h.handle(path, door{h, s})
		}
	}
	h.routes.Handle("/", door{h, nil})
	return h
}

// handle serves a path, and the same with a slash at its end.
func (h *handler) handle(path string, by http.Handler) {
	h.routes.Handle(path, by)
	if !strings.HasSuffix(path, "/") && !strings.HasSuffix(path, "}") {
		h.routes.Handle(path+"/{$}", by)
	}
}

// ServeHTTP takes one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.routes.ServeHTTP(w, r) }

func (h *handler) health(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		door{h, nil}.ServeHTTP(w, r)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// door is where one source's sender comes in; without a source, whoever
// knows no better.
type door struct {
	*handler
	from source.Source
}

// ServeHTTP takes one request of a sender.
func (d door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	done := d.gateway.meters.served(r.Context(), d.gateway.now)
	body, refusal := d.admit(r)
	if refusal != nil {
		done(refusal.Status)
		d.refuse(w, r, *refusal)
		return
	}
	defer func() { <-d.slots }()
	done(d.serve(w, r, body))
}

// admit checks all that can be checked without understanding the body, and
// reads it. A slot is held where there is no refusal.
func (d door) admit(r *http.Request) ([]byte, *stage.Problem) {
	switch {
	case d.from == nil:
		return nil, &stage.Problem{Type: stage.ProblemNotFound, Status: http.StatusNotFound, Reason: ReasonNoPath,
			Detail: "Signals are posted to " + strings.Join(d.paths, " or ") + "."}
	case r.Method != http.MethodPost:
		return nil, &stage.Problem{Type: stage.ProblemMethodNotAllowed, Status: http.StatusMethodNotAllowed,
			Reason: ReasonMethod, Detail: "Signals are posted: use POST."}
	case !takes(d.from.MediaTypes(), r):
		return nil, &stage.Problem{Type: stage.ProblemMediaType, Status: http.StatusUnsupportedMediaType, Reason: ReasonMediaType,
			Detail: "Send " + strings.Join(d.from.MediaTypes(), " or ") + " in UTF-8, without a content encoding."}
	}
	select {
	case d.slots <- struct{}{}:
	default:
		return nil, &stage.Problem{Type: stage.ProblemUnavailable, Status: http.StatusServiceUnavailable,
			Reason: ReasonBusy, Detail: fmt.Sprintf("%d requests are being worked on; post this one again.", maxRequests)}
	}
	body, refusal := readBody(r)
	if refusal != nil {
		<-d.slots
	}
	return body, refusal
}

// takes reports whether a request's content is one of the media types.
func takes(types []string, r *http.Request) bool {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, encoding := params["charset"], r.Header.Get("Content-Encoding")
	return err == nil && slices.Contains(types, kind) && (charset == "" || strings.EqualFold(charset, "utf-8")) &&
		(encoding == "" || encoding == "identity")
}

// readBody reads no more than MaxBody, and allocates once where the sender
// says how much will come.
func readBody(r *http.Request) ([]byte, *stage.Problem) {
	tooLarge := &stage.Problem{Type: stage.ProblemTooLarge, Status: http.StatusRequestEntityTooLarge, Reason: ReasonTooLarge,
		Detail: fmt.Sprintf("A request may have %d bytes; set max_alerts at the sender.", MaxBody)}
	if r.ContentLength > MaxBody {
		return nil, tooLarge
	}
	var body []byte
	var err error
	if r.ContentLength > 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	}
	switch {
	case err != nil:
		return nil, &stage.Problem{Type: stage.ProblemUnavailable, Status: http.StatusServiceUnavailable, Reason: ReasonCutOff,
			Detail: "The request ended before its body did; post it again."}
	case len(body) > MaxBody:
		return nil, tooLarge
	}
	return body, nil
}

// serve understands a body, does what it asks, and answers.
func (d door) serve(w http.ResponseWriter, r *http.Request, body []byte) int {
	batch, err := d.from.Read(source.Request{Header: r.Header, PathValue: r.PathValue, Body: body, Now: d.gateway.now()})
	if err != nil {
		p := unreadable(err)
		d.refuse(w, r, p)
		return p.Status
	}
	if e, asks := d.from.(explained); asks {
		return e.serve(w, r, batch)
	}
	batch.Source = d.from.Name()
	answer := d.gateway.accept(r.Context(), batch)
	code := answer.Code()
	silent := d.from.Reply() == source.Empty
	switch {
	case code == http.StatusServiceUnavailable:
		err := answer.failure()
		stage.Logger(r.Context()).Warnw("request to be posted again", "alerts", answer.Summary.Received,
			"failed", answer.Summary.Retry, "error", err)
		d.refuse(w, r, postAgain(answer))
	case code == http.StatusBadRequest, silent && answer.Summary.Invalid > 0:
		code = http.StatusBadRequest
		d.refuse(w, r, malformed(answer))
	case silent:
		code = http.StatusOK
		w.WriteHeader(code)
	default:
		writeJSON(w, code, answer)
	}
	return code
}

// unreadable is the answer to a body that can never be understood.
func unreadable(err error) stage.Problem {
	if errors.Is(err, source.ErrTooMany) {
		return stage.Problem{Type: stage.ProblemTooLarge, Status: http.StatusRequestEntityTooLarge, Reason: ReasonTooLarge,
			Detail: fmt.Sprintf("A request may bring %d alerts; set max_alerts at the sender.", source.MaxAlerts)}
	}
	return stage.Problem{Type: stage.ProblemValidation, Status: http.StatusBadRequest, Reason: ReasonMalformed,
		Detail: event.Cut(err.Error(), event.MaxText)}
}

// malformed is the answer to a request with alerts that are none, where it is
// all of them or the sender could not be told which.
func malformed(a Answer) stage.Problem {
	p := stage.Problem{Type: stage.ProblemValidation, Status: http.StatusBadRequest}
	for i := range a.Results {
		if a.Results[i].Status == StatusInvalid {
			p.Reason = a.Results[i].Reason
			break
		}
	}
	p.Detail = "No alert of the request is well formed: " + reasons(a, StatusInvalid) + "."
	if a.Summary.Invalid < a.Summary.Received {
		p.Detail = fmt.Sprintf("%d of %d alerts are not well formed: %s. The others were taken.",
			a.Summary.Invalid, a.Summary.Received, reasons(a, StatusInvalid))
	}
	return p
}

// postAgain is the answer to a request of which something may yet succeed.
func postAgain(a Answer) stage.Problem {
	p := stage.Problem{Type: stage.ProblemUnavailable, Status: http.StatusServiceUnavailable}
	for i := range a.Results {
		if a.Results[i].Status == StatusRetry {
			p.Reason = a.Results[i].Reason
			break
		}
	}
	p.Detail = fmt.Sprintf("%d of %d alerts could not be taken now (%s). Post the whole request again: what was taken is a duplicate then.",
		a.Summary.Retry, a.Summary.Received, reasons(a, StatusRetry))
	return p
}

// reasons lists the named reasons of the results with a status, each once.
func reasons(a Answer, status string) string {
	var names []string
	seen := map[string]bool{}
	for i := range a.Results {
		if r := &a.Results[i]; r.Status == status && !seen[r.Reason] {
			seen[r.Reason] = true
			names = append(names, r.Reason)
		}
	}
	return strings.Join(names, ", ")
}

// refuse answers with a problem, counts it and says when to come again.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, p stage.Problem) {
	switch p.Status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	default:
		h.gateway.drop(r.Context(), p.Reason, p.Detail)
	}
	p.Write(w, r)
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	// The status is out: an error here can only be a sender that has gone.
	_ = json.NewEncoder(w).Encode(body)
}
