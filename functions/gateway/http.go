package function

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

const (
	// retryAfter tells senders when to post again, in seconds.
	retryAfter = "5"
	healthPath = "/health"
)

// Reasons for which a whole request is refused.
const (
	ReasonBusy      = "too_many_requests_in_flight"
	ReasonMalformed = "malformed_body"
	ReasonMediaType = "unsupported_media_type"
	ReasonMethod    = "method_not_allowed"
	ReasonNoPath    = "unknown_path"
)

// handler serves senders over HTTP.
type handler struct {
	gateway *gateway
	routes  *http.ServeMux
	paths   []string
	gate    *gate
}

func newHandler(g *gateway, at *gate, sources []source.Source) *handler {
	h := &handler{gateway: g, gate: at, routes: http.NewServeMux(), paths: source.Paths(sources)}
	h.handle(healthPath, http.HandlerFunc(h.health))
	for _, s := range sources {
		for _, path := range s.Paths() {
			h.handle(path, door{h, s})
		}
	}
	h.handle(roundPath, http.HandlerFunc(h.rounds))
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
	in, no := d.admit(w, r)
	if no != nil {
		done(no.Status)
		d.turnAway(w, r, no)
		return
	}
	// A defect counts as not taken.
	code := http.StatusInternalServerError
	defer func() {
		took := code
		if _, asks := d.from.(explained); asks {
			// A signed body that was only explained may still be posted for real.
			took = http.StatusServiceUnavailable
		}
		in.end(r.Context(), took)
		done(code)
	}()
	code = d.serve(w, r, in.body)
}

// takes reports whether a request's content is one of the media types.
func takes(types []string, r *http.Request) bool {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, encoding := params["charset"], r.Header.Get("Content-Encoding")
	return err == nil && slices.Contains(types, kind) && (charset == "" || strings.EqualFold(charset, "utf-8")) &&
		(encoding == "" || encoding == "identity")
}

// serve understands a body, does what it asks, and answers.
func (d door) serve(w http.ResponseWriter, r *http.Request, body []byte) int {
	batch, err := d.from.Read(source.Request{Header: r.Header, PathValue: r.PathValue, Body: body, Now: d.gateway.now()})
	if err == nil {
		batch, err = d.gate.bound(batch)
	}
	if err != nil {
		p := d.unreadable(err)
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
func (h *handler) unreadable(err error) stage.Problem {
	if errors.Is(err, source.ErrTooMany) {
		return stage.Problem{Type: stage.ProblemTooLarge, Status: http.StatusRequestEntityTooLarge, Reason: ReasonTooLarge,
			Detail: fmt.Sprintf("A request may bring %d alerts; set max_alerts at the sender.", h.gate.limits.alerts)}
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
