package function

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

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
	sources map[string]source
	slots   chan struct{}
}

func newHandler(g *gateway) *handler {
	h := &handler{gateway: g, sources: map[string]source{}, slots: make(chan struct{}, maxRequests)}
	for _, s := range sources {
		h.sources[s.path()] = s
	}
	return h
}

// ServeHTTP takes one request of a sender.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	if path == healthPath && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
		return
	}
	done := h.gateway.meters.served(r.Context(), h.gateway.now)
	body, from, refusal := h.admit(r, path)
	if refusal != nil {
		done(refusal.Status)
		h.refuse(w, r, *refusal)
		return
	}
	defer func() { <-h.slots }()
	done(h.serve(w, r, request{from, body}))
}

// request is a body and the source that understands it.
type request struct {
	from source
	body []byte
}

// admit checks all that can be checked without understanding the body, and
// reads it. A slot is held where there is no refusal.
func (h *handler) admit(r *http.Request, path string) ([]byte, source, *stage.Problem) {
	from, ok := h.sources[path]
	switch {
	case !ok:
		return nil, nil, &stage.Problem{Type: stage.ProblemNotFound, Status: http.StatusNotFound, Reason: ReasonNoPath,
			Detail: "Signals are posted to " + strings.Join(paths(), " or ") + "."}
	case r.Method != http.MethodPost:
		return nil, nil, &stage.Problem{Type: stage.ProblemMethodNotAllowed, Status: http.StatusMethodNotAllowed,
			Reason: ReasonMethod, Detail: "Signals are posted: use POST."}
	case !isJSON(r):
		return nil, nil, &stage.Problem{Type: stage.ProblemMediaType, Status: http.StatusUnsupportedMediaType,
			Reason: ReasonMediaType, Detail: "Send application/json in UTF-8, without a content encoding."}
	}
	select {
	case h.slots <- struct{}{}:
	default:
		return nil, nil, &stage.Problem{Type: stage.ProblemUnavailable, Status: http.StatusServiceUnavailable,
			Reason: ReasonBusy, Detail: fmt.Sprintf("%d requests are being worked on; post this one again.", maxRequests)}
	}
	body, refusal := readBody(r)
	if refusal != nil {
		<-h.slots
	}
	return body, from, refusal
}

func paths() []string {
	out := make([]string, len(sources))
	for i, s := range sources {
		out[i] = s.path()
	}
	return out
}

func isJSON(r *http.Request) bool {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, encoding := params["charset"], r.Header.Get("Content-Encoding")
	return err == nil && kind == "application/json" && (charset == "" || strings.EqualFold(charset, "utf-8")) &&
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
func (h *handler) serve(w http.ResponseWriter, r *http.Request, in request) int {
	batch, err := in.from.read(in.body)
	if err != nil {
		p := stage.Problem{Type: stage.ProblemValidation, Status: http.StatusBadRequest, Reason: ReasonMalformed,
			Detail: event.Cut(err.Error(), event.MaxText)}
		if errors.Is(err, errTooManyAlerts) {
			p.Type, p.Status, p.Reason = stage.ProblemTooLarge, http.StatusRequestEntityTooLarge, ReasonTooLarge
			p.Detail = fmt.Sprintf("A request may bring %d alerts; set max_alerts at the sender.", MaxAlerts)
		}
		h.refuse(w, r, p)
		return p.Status
	}
	answer := h.gateway.accept(r.Context(), batch)
	code := answer.Code()
	switch code {
	case http.StatusServiceUnavailable:
		err := answer.failure()
		stage.Logger(r.Context()).Warnw("request to be posted again", "alerts", answer.Summary.Received,
			"failed", answer.Summary.Retry, "error", err)
		h.refuse(w, r, postAgain(answer))
	case http.StatusBadRequest:
		h.refuse(w, r, stage.Problem{Type: stage.ProblemValidation, Status: code, Reason: answer.Results[0].Reason,
			Detail: "No alert of the request is well formed: " + reasons(answer, StatusInvalid) + "."})
	default:
		writeJSON(w, code, answer)
	}
	return code
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
