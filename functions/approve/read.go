package function

import (
	"context"
	"errors"
	"net/http"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/timeline"
)

// readsAtOnce bounds the reads of one process: a long timeline takes memory.
const readsAtOnce = 4

// annals is what people ask of the history.
type annals interface {
	Timeline(ctx context.Context, remediation string, types ...string) ([]history.Entry, error)
	Remediations(ctx context.Context, filter history.Filter) ([]history.Remediation, error)
	Namespaces(ctx context.Context, limit int) ([]string, error)
	Events(ctx context.Context, ids ...string) ([]history.Entry, error)
}

// claims is what people ask of the present.
type claims interface {
	Get(ctx context.Context, fingerprint string) (ledger.Claim, error)
	Alerts(ctx context.Context, fingerprint, remediation string) (ledger.AlertList, error)
}

// begin waits for one of the few reads that may go on at once; the answer ends
// it.
func (d door) begin(ctx context.Context) (end func(), err error) {
	if d.past == nil {
		return nil, refuse(reasonNoHistory, "What happened is read from the history: set HISTORY_URL for the approve stage.")
	}
	select {
	case d.reads <- struct{}{}:
		return func() { <-d.reads }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// listView is a page of remediations, the newest first.
type listView struct {
	Remediations []item `json:"remediations"`
	// Continue asks for the page behind this one: absent behind the last.
	Continue string `json:"continue,omitempty"`
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
	// Held says until when it waits for a person, and how to answer.
	Held *timeline.Held `json:"held,omitempty"`
}

func (d door) list(ctx context.Context, v visit) (int, any, error) {
	end, err := d.begin(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer end()
	filter, err := filterOf(v.query)
	if err != nil {
		return 0, nil, err
	}
	if err := d.narrow(ctx, v.person, &filter); err != nil {
		return 0, nil, err
	}
	found, err := d.past.Remediations(ctx, filter)
	if err != nil {
		return 0, nil, err
	}
	page := listView{Remediations: make([]item, len(found))}
	for i, f := range found {
		page.Remediations[i] = item{ID: f.ID, Phase: event.ShortType(f.Phase), Outcome: f.Outcome, Reason: f.Reason,
			Alert: f.Alert, Target: f.Subject, Action: f.Action, OpenedAt: f.OpenedAt}
		if f.Ended() {
			page.Remediations[i].EndedAt = &found[i].EndedAt
		}
	}
	if len(found) == filter.Limit {
		page.Continue = token(found[len(found)-1].Cursor())
	}
	return http.StatusOK, page, d.tellHeld(ctx, page.Remediations, found)
}

// tellHeld says of those that wait until when, and how to answer.
func (d door) tellHeld(ctx context.Context, items []item, found []history.Remediation) error {
	waiting := map[string]*item{}
	var ids []string
	for i, f := range found {
		if f.Phase == event.RemediationHeld && !f.Ended() {
			waiting[f.Last] = &items[i]
			ids = append(ids, f.Last)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	events, err := d.past.Events(ctx, ids...)
	if err != nil {
		return err
	}
	for _, e := range events {
		held, err := timeline.HeldOf(e)
		if err != nil {
			// The others are to be seen: this one is listed as held, no more.
			d.drop(ctx, reasonHistoryBroken, err.Error())
			continue
		}
		waiting[e.ID].Held = held
	}
	return nil
}

func (d door) one(ctx context.Context, v visit) (int, any, error) {
	end, err := d.begin(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer end()
	var entries []history.Entry
	if storable(v.remediation) {
		entries, err = d.past.Timeline(ctx, v.remediation)
	}
	if err != nil && !errors.Is(err, history.ErrNotFound) {
		return 0, nil, err
	}
	if len(entries) == 0 {
		return 0, nil, refuse(reasonUnknown, "History knows no remediation of this id; GET /api/v1/remediations lists them.")
	}
	view, err := timeline.Of(entries)
	if err != nil {
		return 0, nil, refuse(reasonHistoryBroken, "The history of %s cannot be read: %v", v.remediation, err)
	}
	if err := d.mayRead(ctx, v.person, view.ID, view.Namespaces()); err != nil {
		return 0, nil, err
	}
	d.addClaim(ctx, &view, history.Summarise(entries).Fingerprint)
	return http.StatusOK, view, nil
}

// addClaim adds what only the claim knows: it counts every duplicate, and lists
// the alerts; history has only those that were told. While Redis is down people
// need the rest all the more, so the view says what it lacks.
func (d door) addClaim(ctx context.Context, view *timeline.View, fingerprint string) {
	c, err := d.claims.Get(ctx, fingerprint)
	switch {
	case err == nil && c.Remediation == view.ID:
		view.Duplicates = c.Duplicates
	case err != nil && !gone(err):
		view.Unavailable = append(view.Unavailable, "duplicates")
	}
	list, err := d.claims.Alerts(ctx, fingerprint, view.ID)
	switch {
	case err == nil:
		view.Alerts, view.AlertsNotListed = alerts(list), list.Excess
	case !gone(err):
		view.Unavailable = append(view.Unavailable, "alerts")
	}
}

// gone tells that Redis knows nothing, or never will, under that name.
func gone(err error) bool {
	return errors.Is(err, ledger.ErrNotFound) || errors.Is(err, ledger.ErrInvalid)
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
