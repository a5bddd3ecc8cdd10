package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/api"
	"kubernaut.ai/local/timeline"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

type fakeHistory struct {
	timeline     func(id string) ([]history.Entry, error)
	remediations func(history.Filter) ([]history.Remediation, error)
}

func (f fakeHistory) Timeline(_ context.Context, id string) ([]history.Entry, error) {
	return f.timeline(id)
}

func (f fakeHistory) Remediations(_ context.Context, filter history.Filter) ([]history.Remediation, error) {
	return f.remediations(filter)
}

type fakeClaims struct {
	get    func(fingerprint string) (ledger.Claim, error)
	alerts func() (ledger.AlertList, error)
}

func (f fakeClaims) Alerts(context.Context, string, string) (ledger.AlertList, error) {
	if f.alerts == nil {
		return ledger.AlertList{}, errors.New("redis is down")
	}
	return f.alerts()
}

func (f fakeClaims) Get(_ context.Context, fingerprint string) (ledger.Claim, error) {
	return f.get(fingerprint)
}

func ask(t *testing.T, o api.Options, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	api.New(o).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), w.Body.String())
	return v
}

func received(t *testing.T) []history.Entry {
	t.Helper()
	e := eventtest.Sample(event.SignalReceived)
	body, err := stage.Encode(e)
	require.NoError(t, err)
	return []history.Entry{{ID: e.ID(), Type: e.Type(), Stage: event.StageGateway, Remediation: eventtest.RemediationID,
		Fingerprint: eventtest.Fingerprint, Subject: e.Subject(), Time: e.Time(), Progress: true, Event: body}}
}

func TestTheListIsFiltered(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		want  history.Filter
	}{
		"nothing asked":     {"", history.Filter{Limit: 50}},
		"by target":         {"?namespace=shop&kind=Deployment&name=checkout", history.Filter{Limit: 50, Namespace: "shop", Kind: "Deployment", Name: "checkout"}},
		"by what was done":  {"?alert=A&action=b&outcome=healed&limit=7", history.Filter{Limit: 7, Alert: "A", Action: "b", Outcome: "healed"}},
		"those under way":   {"?live=true", history.Filter{Limit: 50, Unended: true}},
		"those that wait":   {"?phase=remediation.held", history.Filter{Limit: 50, Phase: event.RemediationHeld}},
		"by the whole type": {"?phase=" + event.RemediationHeld, history.Filter{Limit: 50, Phase: event.RemediationHeld}},
	} {
		t.Run(name, func(t *testing.T) {
			var got history.Filter
			w := ask(t, api.Options{History: fakeHistory{remediations: func(f history.Filter) ([]history.Remediation, error) {
				got = f
				return nil, nil
			}}}, "/api/v1/remediations"+c.query)
			require.Equal(t, http.StatusOK, w.Code, w.Body.String())
			require.Equal(t, c.want, got)
			require.JSONEq(t, `{"remediations": []}`, w.Body.String(), "an empty list is a list")
		})
	}
}

func TestAnItemSaysHowItEndedOrStands(t *testing.T) {
	at := eventtest.Start
	w := ask(t, api.Options{History: fakeHistory{remediations: func(history.Filter) ([]history.Remediation, error) {
		return []history.Remediation{
			{ID: "a-1", Phase: event.RemediationHeld, Alert: "A", Subject: "shop/Deployment/checkout", Action: "b", OpenedAt: at},
			{ID: "b-1", Phase: event.RemediationClosed, Outcome: "healed", Reason: "effective", OpenedAt: at, EndedAt: at.Add(time.Minute)},
		}, nil
	}}}, "/api/v1/remediations")
	require.JSONEq(t, `{"remediations": [
		{"id": "a-1", "phase": "remediation.held", "alert": "A", "target": "shop/Deployment/checkout", "action": "b", "openedAt": "2026-01-05T03:00:00Z"},
		{"id": "b-1", "phase": "remediation.closed", "outcome": "healed", "reason": "effective", "alert": "", "target": "",
			"openedAt": "2026-01-05T03:00:00Z", "endedAt": "2026-01-05T03:01:00Z"}]}`, w.Body.String())
}

func TestWhatCannotBeAskedIsAProblem(t *testing.T) {
	down := fakeHistory{
		timeline:     func(string) ([]history.Entry, error) { return nil, history.ErrUnavailable },
		remediations: func(history.Filter) ([]history.Remediation, error) { return nil, history.ErrUnavailable },
	}
	none := fakeHistory{timeline: func(string) ([]history.Entry, error) { return nil, history.ErrNotFound }}
	for name, c := range map[string]struct {
		history fakeHistory
		path    string
		status  int
	}{
		"a limit that is no number":    {down, "/api/v1/remediations?limit=many", 400},
		"a limit of nothing":           {down, "/api/v1/remediations?limit=0", 400},
		"more than a page":             {down, "/api/v1/remediations?limit=201", 400},
		"a phase that there is not":    {down, "/api/v1/remediations?phase=remediation.wished", 400},
		"live that is neither":         {down, "/api/v1/remediations?live=perhaps", 400},
		"a filter that there is not":   {down, "/api/v1/remediations?namespce=shop", 400},
		"a list while history is away": {down, "/api/v1/remediations", 503},
		"one while history is away":    {down, "/api/v1/remediations/a-1", 503},
		"an id that nobody knows":      {none, "/api/v1/remediations/a-1", 404},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(t, api.Options{History: c.history}, c.path)
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			require.Equal(t, c.status == 503, w.Header().Get("Retry-After") != "")
		})
	}
}

func TestDuplicatesAreThoseThatTheClaimCounted(t *testing.T) {
	past := fakeHistory{timeline: func(string) ([]history.Entry, error) { return received(t), nil }}
	for name, c := range map[string]struct {
		claim ledger.Claim
		err   error
		want  int64
	}{
		"the claim is this remediation's": {claim: ledger.Claim{Remediation: eventtest.RemediationID, Duplicates: 99}, want: 99},
		"the claim is another's by now":   {claim: ledger.Claim{Remediation: "another-2", Duplicates: 7}},
		"Redis does not answer":           {err: errors.New("down")},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(t, api.Options{History: past, Ledger: fakeClaims{get: func(fingerprint string) (ledger.Claim, error) {
				require.Equal(t, eventtest.Fingerprint, fingerprint)
				return c.claim, c.err
			}}}, "/api/v1/remediations/"+eventtest.RemediationID)
			require.Equal(t, http.StatusOK, w.Code, w.Body.String())
			v := decode[timeline.View](t, w)
			require.Equal(t, c.want, v.Duplicates)
			require.Equal(t, "signal.received", v.Phase)
		})
	}
}

func TestAllAlertsThatJoinedAreListed(t *testing.T) {
	at := eventtest.Start
	alert := func(id string, change func(*ledger.Alert)) ledger.Alert {
		a := ledger.Alert{ID: id, Name: "A", Severity: "high", StartsAt: at, FirstSeen: at.Add(time.Second), LastSeen: at.Add(time.Minute), Times: 3}
		if change != nil {
			change(&a)
		}
		return a
	}
	over := func(a *ledger.Alert) { a.EndsAt = at.Add(time.Hour) }
	list := ledger.AlertList{Excess: 2, Alerts: []ledger.Alert{alert("fires", nil), alert("ended", over),
		alert("silent", func(a *ledger.Alert) { over(a); a.Expired = true })}}
	past := fakeHistory{timeline: func(string) ([]history.Entry, error) { return received(t), nil }}
	w := ask(t, api.Options{History: past, Ledger: fakeClaims{
		get:    func(string) (ledger.Claim, error) { return ledger.Claim{}, ledger.ErrNotFound },
		alerts: func() (ledger.AlertList, error) { return list, nil },
	}}, "/api/v1/remediations/"+eventtest.RemediationID)
	v := decode[timeline.View](t, w)
	require.Equal(t, 2, v.AlertsNotListed)
	states := map[string]string{}
	for _, a := range v.Alerts {
		states[a.ID] = a.State
		require.Equal(t, []any{"A", "high", int64(3), at.Add(time.Second), at.Add(time.Minute)}, []any{a.Name, a.Severity, a.Times, a.FirstSeen, a.LastSeen})
		require.Equal(t, a.State == timeline.StateFiring, a.EndsAt == nil)
	}
	require.Equal(t, map[string]string{"fires": "firing", "ended": "resolved", "silent": "expired"}, states)
}
