// Package api serves what people ask of a running Kubernaut: which
// remediations there are, and what happened to one. Answers to held ones are
// the approve function's own.
//
//	http.Handle("/api/v1/remediations", api.New(api.Options{History: store, Ledger: claims, Now: time.Now}))
package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"kubernaut.ai/local/timeline"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// History is what the API reads of the past.
type History interface {
	Timeline(ctx context.Context, remediation string) ([]history.Entry, error)
	Remediations(ctx context.Context, filter history.Filter) ([]history.Remediation, error)
}

// Claims is what the API reads of the present.
type Claims interface {
	Get(ctx context.Context, fingerprint string) (ledger.Claim, error)
	Alerts(ctx context.Context, fingerprint, remediation string) (ledger.AlertList, error)
}

// Options are what the API reads from.
type Options struct {
	History History
	Ledger  Claims
	Now     func() time.Time
}

// queryTimeout bounds one question to history.
const queryTimeout = 5 * time.Second

type server struct{ Options }

// New makes the API's handler: GET /api/v1/remediations and one by its id.
func New(o Options) http.Handler {
	s := server{o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/remediations", s.list)
	mux.HandleFunc("GET /api/v1/remediations/{id}", s.one)
	return mux
}

// item is a remediation in the list.
type item struct {
	ID       string     `json:"id"`
	Phase    string     `json:"phase"`
	Outcome  string     `json:"outcome,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Alert    string     `json:"alert"`
	Target   string     `json:"target"`
	Action   string     `json:"action,omitempty"`
	OpenedAt time.Time  `json:"openedAt"`
	EndedAt  *time.Time `json:"endedAt,omitempty"`
}

func (s server) list(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), queryTimeout)
	defer cancel()
	filter, wrong := filterOf(r.URL.Query())
	if wrong != "" {
		stage.Problem{Type: stage.ProblemValidation, Status: http.StatusBadRequest, Detail: wrong}.Write(w, r)
		return
	}
	found, err := s.History.Remediations(ctx, filter)
	if err != nil {
		unavailable(w, r)
		return
	}
	items := make([]item, len(found))
	for i, f := range found {
		items[i] = item{ID: f.ID, Phase: event.ShortType(f.Phase), Outcome: f.Outcome, Reason: f.Reason,
			Alert: f.Alert, Target: f.Subject, Action: f.Action, OpenedAt: f.OpenedAt}
		if f.Ended() {
			items[i].EndedAt = &f.EndedAt
		}
	}
	answer(w, map[string]any{"remediations": items})
}

func (s server) one(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), queryTimeout)
	defer cancel()
	entries, err := s.History.Timeline(ctx, r.PathValue("id"))
	if err != nil && !errors.Is(err, history.ErrNotFound) {
		unavailable(w, r)
		return
	}
	if len(entries) == 0 {
		stage.Problem{Type: stage.ProblemNotFound, Status: http.StatusNotFound,
			Detail: "History knows no remediation of this id; GET /api/v1/remediations lists them."}.Write(w, r)
		return
	}
	view, err := timeline.Of(entries)
	if err != nil {
		stage.Problem{Type: stage.ProblemInternal, Status: http.StatusInternalServerError, Detail: err.Error()}.Write(w, r)
		return
	}
	// The claim counts every duplicate; history only those that were told.
	fingerprint := history.Summarise(entries).Fingerprint
	if c, err := s.Ledger.Get(ctx, fingerprint); err == nil && c.Remediation == view.ID {
		view.Duplicates = c.Duplicates
	}
	if list, err := s.Ledger.Alerts(ctx, fingerprint, view.ID); err == nil {
		view.Alerts = alerts(list)
		view.AlertsNotListed = list.Excess
	}
	answer(w, view)
}

// alerts are those of the list, as people read them.
func alerts(list ledger.AlertList) []timeline.Alert {
	out := make([]timeline.Alert, len(list.Alerts))
	for i, a := range list.Alerts {
		out[i] = timeline.Alert{ID: a.ID, Name: a.Name, Severity: a.Severity, State: timeline.StateFiring, StartsAt: a.StartsAt,
			FirstSeen: a.FirstSeen, LastSeen: a.LastSeen, Times: a.Times}
		if a.Firing() {
			continue
		}
		out[i].EndsAt, out[i].State = &list.Alerts[i].EndsAt, timeline.StateResolved
		if a.Expired {
			out[i].State = timeline.StateExpired
		}
	}
	return out
}

func unavailable(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "1")
	stage.Problem{Type: stage.ProblemUnavailable, Status: http.StatusServiceUnavailable,
		Detail: "History did not answer; try again in a second."}.Write(w, r)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	// The status is out: an error here can only be a client that has gone.
	_ = enc.Encode(v)
}
