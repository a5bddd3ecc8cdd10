package function

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/stage"
)

// explainPath is where people ask what would become of a request; with a
// source's path behind it, the request is that source's.
const explainPath = "/api/v1/explain"

// rootPath is the path of senders that know no path.
const rootPath = "/{$}"

// maxExplaining bounds the requests that are explained at a time: signals come
// first, and each question wakes stages up.
const maxExplaining = 4

// explain serves explanations for all sources.
func (h *handler) explain(e *explainer, sources []source.Source) {
	slots := make(chan struct{}, maxExplaining)
	h.handle(explainPath, door{h, explained{guess(sources), h, e, slots}})
	for _, s := range sources {
		for _, path := range s.Paths() {
			if path == rootPath {
				continue // its senders ask at explainPath itself
			}
			h.handle(explainPath+path, door{h, explained{s, h, e, slots}})
		}
	}
}

// explained is a source whose requests are explained instead of taken.
type explained struct {
	source.Source
	handler   *handler
	explainer *explainer
	slots     chan struct{}
}

// serve answers what would become of the alerts.
func (e explained) serve(w http.ResponseWriter, r *http.Request, b source.Batch) int {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	default:
		p := stage.Problem{Type: stage.ProblemUnavailable, Status: http.StatusServiceUnavailable, Reason: ReasonBusy,
			Detail: "Other requests are being explained; ask again."}
		e.handler.refuse(w, r, p)
		return p.Status
	}
	if b.Source == "" {
		b.Source = e.Name()
	}
	said := e.explainer.explain(r.Context(), b)
	if wantsText(r) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		// An error here can only be somebody who has gone.
		_, _ = w.Write([]byte(said.Text()))
		return http.StatusOK
	}
	writeJSON(w, http.StatusOK, said)
	return http.StatusOK
}

// wantsText reports whether the asker prefers text for people to JSON: the
// first of the two that the Accept header names.
func wantsText(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept"), ",") {
		switch kind, _, _ := mime.ParseMediaType(part); kind {
		case "text/plain":
			return true
		case source.MediaJSON, "application/*", "*/*":
			return false
		}
	}
	return false
}

// guess is a source that finds out whose request it is: of all that understand
// it, the first that finds an alert which is well formed.
type guess []source.Source

// Name is that of a source that is not known.
func (guess) Name() string { return "unknown" }

// Paths are where requests of any sender are explained.
func (guess) Paths() []string { return []string{explainPath} }

// MediaTypes are those of all sources.
func (g guess) MediaTypes() []string {
	var all []string
	for _, s := range g {
		all = append(all, s.MediaTypes()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Reply is a report.
func (guess) Reply() source.Reply { return source.Report }

// Read reads as the sources do, and names the one that understood. A path that
// only some sender's has no wildcards to tell of here.
func (g guess) Read(r source.Request) (source.Batch, error) {
	var understood *source.Batch
	var wrong []error
	r.PathValue = func(string) string { return "" }
	for _, s := range g {
		b, err := s.Read(r)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		b.Source = s.Name()
		if slices.ContainsFunc(b.Items, func(i source.Item) bool { return i.Invalid == "" }) {
			return b, nil
		}
		if understood == nil {
			understood = &b
		}
	}
	if understood != nil {
		return *understood, nil
	}
	return source.Batch{}, errors.Join(wrong...)
}
