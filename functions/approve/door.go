package function

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/redrive"
	"kubernaut.ai/shared/stage"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 16 << 10

// pauses stops and resumes everything.
type pauses interface {
	Pause(ctx context.Context, p ledger.Pause) error
	Resume(ctx context.Context) (bool, error)
	Paused(ctx context.Context) (ledger.Pause, bool, error)
}

// door turns requests into wishes, and what became of them into answers.
type door struct {
	guard  Authenticator
	desk   *desk
	pauses pauses
	// past is nil where no history is configured.
	past   annals
	claims claims
	// letters are events that were not delivered.
	letters redrive.Letters
	// reads has a place for each read that may be under way.
	reads chan struct{}
	// drop records a refusal by its named reason.
	drop func(ctx context.Context, reason, detail string)
}

// action handles a request of a person who is known; it still has to ask
// whether they may.
type action func(ctx context.Context, v visit) (status int, body any, err error)

// visit is one request of one person.
type visit struct {
	person      Person
	remediation string
	query       url.Values
	body        requestBody
}

// requestBody is what a request may say.
type requestBody struct {
	Comment string `json:"comment"`
	// Reason is the same as Comment, as undo and pause call it.
	Reason string `json:"reason"`
	// Proposal is the digest of the proposal that the person saw.
	Proposal string `json:"proposal"`
	// Step is the one to take back, where that is not the last that can be.
	Step int `json:"step"`
}

func (b requestBody) text() string {
	if b.Comment != "" {
		return b.Comment
	}
	return b.Reason
}

// routes are the stage's paths, by method.
func (d door) routes() map[string]map[string]action {
	return map[string]map[string]action{
		"/api/v1/remediations":              {http.MethodGet: d.list},
		"/api/v1/remediations/{id}":         {http.MethodGet: d.one},
		"/api/v1/remediations/{id}/approve": {http.MethodPost: d.approve},
		"/api/v1/remediations/{id}/refuse":  {http.MethodPost: d.refuse},
		"/api/v1/remediations/{id}/undo":    {http.MethodPost: d.undo},
		"/api/v1/remediations/{id}/held":    {http.MethodGet: d.held},
		"/api/v1/deadletters":               {http.MethodGet: d.deadLetters},
		"/api/v1/deadletters/redrive":       {http.MethodPost: d.redrive},
		"/api/v1/pause":                     {http.MethodPost: d.pause, http.MethodGet: d.paused},
		"/api/v1/resume":                    {http.MethodPost: d.resume},
	}
}

func newHandler(d door) http.Handler {
	mux := http.NewServeMux()
	for path, methods := range d.routes() {
		mux.Handle(path, d.serve(methods))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		stage.Problem{Type: stage.ProblemNotFound, Status: http.StatusNotFound, Detail: "No such path."}.Write(w, r)
	})
	return mux
}

func (d door) serve(methods map[string]action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		do, ok := methods[r.Method]
		if !ok {
			w.Header().Set("Allow", allowed(methods))
			stage.Problem{Type: stage.ProblemMethodNotAllowed, Status: http.StatusMethodNotAllowed, Detail: "Allowed: " + allowed(methods)}.Write(w, r)
			return
		}
		status, body, err := d.handle(w, r, do)
		if err != nil {
			d.refused(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		// The status is out: an error here can only be a client that has gone.
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		_ = enc.Encode(body)
	}
}

// handle finds out who asks before anything else is looked at.
func (d door) handle(w http.ResponseWriter, r *http.Request, do action) (int, any, error) {
	who, err := d.guard.Authenticate(r.Context(), r)
	if err != nil {
		return 0, nil, err
	}
	body, err := readBody(w, r)
	if err != nil {
		return 0, nil, err
	}
	return do(r.Context(), visit{person: who, remediation: r.PathValue("id"), query: r.URL.Query(), body: body})
}

func allowed(methods map[string]action) string {
	switch {
	case methods[http.MethodGet] != nil && methods[http.MethodPost] != nil:
		return "GET, POST"
	case methods[http.MethodGet] != nil:
		return "GET"
	default:
		return "POST"
	}
}

// readBody takes no body for an empty one, and refuses what it does not know:
// a misspelt "proposal" would otherwise approve something unseen.
func readBody(w http.ResponseWriter, r *http.Request) (requestBody, error) {
	var b requestBody
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return b, &badRequest{stage.ProblemTooLarge, http.StatusRequestEntityTooLarge, "The body is larger than 16 KiB."}
	}
	if err != nil {
		return b, &badRequest{stage.ProblemValidation, http.StatusBadRequest, "The body cannot be read."}
	}
	if len(raw) == 0 {
		return b, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return b, &badRequest{stage.ProblemMediaType, http.StatusUnsupportedMediaType, "Send application/json."}
	}
	// Parsers disagree about names that are given twice: none is accepted.
	if _, err := event.ParseDocument(raw); err != nil {
		return b, &badRequest{stage.ProblemValidation, http.StatusBadRequest, "The body is not one JSON object: " + err.Error()}
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return b, &badRequest{stage.ProblemValidation, http.StatusBadRequest, "The body is not understood: " + err.Error()}
	}
	return b, nil
}
