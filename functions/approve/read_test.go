package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
	"kubernaut.ai/shared/timeline"
)

// shelf is a history made of functions.
type shelf struct {
	timeline     func(id string) ([]history.Entry, error)
	remediations func(history.Filter) ([]history.Remediation, error)
	namespaces   func(limit int) ([]string, error)
	events       func(ids []string) ([]history.Entry, error)
}

func (s shelf) Timeline(_ context.Context, id string, _ ...string) ([]history.Entry, error) {
	return s.timeline(id)
}
func (s shelf) Remediations(_ context.Context, f history.Filter) ([]history.Remediation, error) {
	return s.remediations(f)
}
func (s shelf) Namespaces(_ context.Context, limit int) ([]string, error) { return s.namespaces(limit) }
func (s shelf) Events(_ context.Context, ids ...string) ([]history.Entry, error) {
	return s.events(ids)
}

// register is what Redis has of claims, made of functions.
type register struct {
	get    func(fingerprint string) (ledger.Claim, error)
	alerts func() (ledger.AlertList, error)
}

func (r register) Get(_ context.Context, fingerprint string) (ledger.Claim, error) {
	if r.get == nil {
		return ledger.Claim{}, ledger.ErrNotFound
	}
	return r.get(fingerprint)
}

func (r register) Alerts(context.Context, string, string) (ledger.AlertList, error) {
	if r.alerts == nil {
		return ledger.AlertList{}, ledger.ErrNotFound
	}
	return r.alerts()
}

// readable is a door at which only reading works.
func readable(p annals, change ...func(*door)) door {
	d := door{guard: guard{name: "alice"}, past: p, claims: register{}, reads: make(chan struct{}, readsAtOnce),
		drop: func(context.Context, string, string) {}}
	for _, c := range change {
		c(&d)
	}
	return d
}

func (d door) read(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	newHandler(d).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), w.Body.String())
	return v
}

// entry is a sample event as record keeps it.
func entry(t *testing.T, eventType string) history.Entry {
	t.Helper()
	e := eventtest.Sample(eventType)
	body, err := stage.Encode(e)
	require.NoError(t, err)
	producer, _ := event.StageOf(e.Source())
	return history.Entry{ID: e.ID(), Type: e.Type(), Stage: producer, Remediation: eventtest.RemediationID,
		Fingerprint: eventtest.Fingerprint, Subject: e.Subject(), Time: e.Time(), Progress: true, Event: body}
}

func received(t *testing.T) shelf {
	return shelf{timeline: func(string) ([]history.Entry, error) { return []history.Entry{entry(t, event.SignalReceived)}, nil }}
}

const listPath = "/api/v1/remediations"

func TestTheListIsFiltered(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		want  history.Filter
	}{
		"nothing asked":      {"", history.Filter{Limit: 50}},
		"by target":          {"?namespace=shop&kind=Deployment&name=checkout", history.Filter{Limit: 50, Namespace: "shop", Kind: "Deployment", Name: "checkout"}},
		"by what was done":   {"?alert=A&action=b&outcome=healed&limit=7", history.Filter{Limit: 7, Alert: "A", Action: "b", Outcome: "healed"}},
		"those under way":    {"?live=true", history.Filter{Limit: 50, Unended: true}},
		"those that wait":    {"?phase=remediation.held", history.Filter{Limit: 50, Phase: event.RemediationHeld}},
		"by the whole type":  {"?phase=" + event.RemediationHeld, history.Filter{Limit: 50, Phase: event.RemediationHeld}},
		"the largest page":   {"?limit=200", history.Filter{Limit: history.MaxPage}},
		"an empty namespace": {"?namespace=", history.Filter{Limit: 50}},
	} {
		t.Run(name, func(t *testing.T) {
			var got history.Filter
			w := readable(shelf{remediations: func(f history.Filter) ([]history.Remediation, error) {
				got = f
				return nil, nil
			}}).read(t, listPath+c.query)
			require.Equal(t, http.StatusOK, w.Code, w.Body.String())
			require.Equal(t, c.want, got)
			require.JSONEq(t, `{"remediations": []}`, w.Body.String(), "an empty list is a list")
		})
	}
}

func TestAnItemSaysHowItEndedOrHowToAnswer(t *testing.T) {
	at, held := eventtest.Start, entry(t, event.RemediationHeld)
	expires := eventtest.Sample(event.RemediationHeld)
	var decided event.RemediationDecidedData
	require.NoError(t, json.Unmarshal(expires.Data(), &decided))
	p := shelf{
		remediations: func(history.Filter) ([]history.Remediation, error) {
			return []history.Remediation{
				{ID: eventtest.RemediationID, Phase: event.RemediationHeld, Last: held.ID, Alert: "A", Subject: "shop/Deployment/checkout", Action: "b", OpenedAt: at},
				{ID: "h-1", Phase: event.RemediationHeld, Last: "torn", OpenedAt: at},
				{ID: "b-1", Phase: event.RemediationClosed, Outcome: "healed", Reason: "effective", OpenedAt: at, EndedAt: at.Add(time.Minute)},
			}, nil
		},
		events: func(ids []string) ([]history.Entry, error) {
			require.Equal(t, []string{held.ID, "torn"}, ids, "one question for all that wait")
			return []history.Entry{held, {ID: "torn", Type: event.RemediationHeld, Event: []byte("{")}}, nil
		},
	}
	var dropped []string
	w := readable(p, func(d *door) {
		d.drop = func(_ context.Context, reason, _ string) { dropped = append(dropped, reason) }
	}).read(t, listPath)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.JSONEq(t, fmt.Sprintf(`{"remediations": [
		{"id": %[1]q, "phase": "remediation.held", "alert": "A", "target": "shop/Deployment/checkout", "action": "b", "openedAt": "2026-01-05T03:00:00Z",
			"held": {"reason": %[2]q, "expiresAt": %[3]q, "approve": "POST /api/v1/remediations/%[1]s/approve", "refuse": "POST /api/v1/remediations/%[1]s/refuse"}},
		{"id": "h-1", "phase": "remediation.held", "alert": "", "target": "", "openedAt": "2026-01-05T03:00:00Z"},
		{"id": "b-1", "phase": "remediation.closed", "outcome": "healed", "reason": "effective", "alert": "", "target": "",
			"openedAt": "2026-01-05T03:00:00Z", "endedAt": "2026-01-05T03:01:00Z"}]}`,
		eventtest.RemediationID, decided.Decision.Reason, decided.Decision.ExpiresAt.Format(time.RFC3339Nano)), w.Body.String())
	require.Equal(t, []string{reasonHistoryBroken}, dropped, "a hold that cannot be read does not hide the others, and is told")
}

// TestPagesFollowOneAnother follows "continue" to the end.
func TestPagesFollowOneAnother(t *testing.T) {
	var all []history.Remediation
	for i := range 5 {
		all = append(all, history.Remediation{ID: fmt.Sprintf("a/b c-%d", i), OpenedAt: eventtest.Start.Add(-time.Duration(i) * time.Nanosecond)})
	}
	p := shelf{remediations: func(f history.Filter) ([]history.Remediation, error) {
		require.Equal(t, "shop", f.Namespace, "the filter stays")
		from := 0
		if f.After.ID != "" {
			for all[from].Cursor() != f.After {
				from++
			}
			from++
		}
		return all[from:min(from+f.Limit, len(all))], nil
	}}
	var got []string
	path := listPath + "?limit=2&namespace=shop"
	for range len(all) {
		page := decode[listView](t, readable(p).read(t, path))
		for _, r := range page.Remediations {
			got = append(got, r.ID)
		}
		if page.Continue == "" {
			break
		}
		path = listPath + "?limit=2&namespace=shop&continue=" + url.QueryEscape(page.Continue)
	}
	require.Equal(t, []string{"a/b c-0", "a/b c-1", "a/b c-2", "a/b c-3", "a/b c-4"}, got)
}

func TestWhatCannotBeReadIsAProblem(t *testing.T) {
	down := shelf{
		timeline:     func(string) ([]history.Entry, error) { return nil, history.ErrUnavailable },
		remediations: func(history.Filter) ([]history.Remediation, error) { return nil, history.ErrUnavailable },
		namespaces:   func(int) ([]string, error) { return nil, history.ErrUnavailable },
	}
	none := shelf{timeline: func(string) ([]history.Entry, error) { return nil, history.ErrNotFound }}
	nobody := shelf{timeline: func(string) ([]history.Entry, error) { return nil, nil }}
	torn := shelf{timeline: func(string) ([]history.Entry, error) { return []history.Entry{{ID: "e", Event: []byte("{")}}, nil }}
	holds := shelf{
		remediations: func(history.Filter) ([]history.Remediation, error) {
			return []history.Remediation{{ID: "h-1", Phase: event.RemediationHeld, Last: "e"}}, nil
		},
		events: func([]string) ([]history.Entry, error) { return nil, history.ErrUnavailable },
	}
	for name, c := range map[string]struct {
		past   annals
		path   string
		status int
		reason string
	}{
		"a limit that is no number":                      {down, "?limit=many", 400, reasonBadRequest},
		"a limit of nothing":                             {down, "?limit=0", 400, reasonBadRequest},
		"more than a page":                               {down, "?limit=201", 400, reasonBadRequest},
		"a phase that there is not":                      {down, "?phase=remediation.wished", 400, reasonBadRequest},
		"live that is neither":                           {down, "?live=perhaps", 400, reasonBadRequest},
		"a filter that there is not":                     {down, "?namespce=shop", 400, reasonBadRequest},
		"a filter that is given twice":                   {down, "?namespace=shop&namespace=bank", 400, reasonBadRequest},
		"a filter that no database takes":                {down, "?name=%00", 400, reasonBadRequest},
		"a filter that is no text":                       {down, "?name=%ff", 400, reasonBadRequest},
		"a continue that no page said":                   {down, "?continue=%21", 400, reasonBadRequest},
		"a continue without an id":                       {down, "?continue=" + token(history.Cursor{}), 400, reasonBadRequest},
		"a list while history is away":                   {down, "", 503, reasonUnavailable},
		"a list whose holds cannot be read":              {holds, "", 503, reasonUnavailable},
		"one while history is away":                      {down, "/a-1", 503, reasonUnavailable},
		"an id that nobody knows":                        {nobody, "/a-1", 404, reasonUnknown},
		"an id that nobody knows, as some stores say it": {none, "/a-1", 404, reasonUnknown},
		"an id that no database takes":                   {down, "/%00", 404, reasonUnknown},
		"one whose events are torn":                      {torn, "/a-1", 500, reasonHistoryBroken},
		"a list without a history":                       {nil, "", 501, reasonNoHistory},
		"one without a history":                          {nil, "/a-1", 501, reasonNoHistory},
	} {
		t.Run(name, func(t *testing.T) {
			w := readable(c.past).read(t, listPath+c.path)
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			require.Equal(t, c.status == 503, w.Header().Get("Retry-After") != "")
			require.Equal(t, c.reason, decode[map[string]any](t, w)["reason"])
		})
	}
}

// TestWhoMayListWhat asks in the whole cluster first, then in each namespace.
func TestWhoMayListWhat(t *testing.T) {
	broken := errors.New("API server is down")
	many := make([]string, maxNamespaces+1)
	for i := range many {
		many[i] = fmt.Sprint("n-", i)
	}
	for name, c := range map[string]struct {
		query   string
		there   []string
		rights  map[string]error // by namespace; a namespace that is not here is forbidden
		status  int
		reason  string
		want    history.Filter // what history is asked for
		reviews int
	}{
		"all, with the right in the whole cluster": {rights: map[string]error{"": nil}, status: 200, want: history.Filter{Limit: 50}, reviews: 1},
		"one namespace, with the right there": {query: "?namespace=shop", rights: map[string]error{"shop": nil}, status: 200,
			want: history.Filter{Limit: 50, Namespace: "shop"}, reviews: 1},
		"one namespace, without the right there": {query: "?namespace=bank", rights: map[string]error{"shop": nil}, status: 403, reason: reasonForbidden, reviews: 1},
		"only the namespaces with the right": {there: []string{"bank", "shop", "zoo"}, rights: map[string]error{"shop": nil, "zoo": nil}, status: 200,
			want: history.Filter{Limit: 50, Namespaces: []string{"shop", "zoo"}}, reviews: 4},
		"no namespace with the right":          {there: []string{"bank"}, status: 403, reason: reasonForbidden, reviews: 2},
		"no namespace at all":                  {status: 403, reason: reasonForbidden, reviews: 1},
		"more namespaces than are asked about": {there: many, rights: map[string]error{"n-1": nil}, status: 400, reason: reasonNamespaceNeeded, reviews: 1},
		"as many as are asked about": {there: many[1:], rights: map[string]error{"n-1": nil}, status: 200,
			want: history.Filter{Limit: 50, Namespaces: []string{"n-1"}}, reviews: maxNamespaces + 1},
		"no answer about the whole cluster": {rights: map[string]error{"": broken}, status: 503, reason: reasonUnavailable, reviews: 1},
		"no answer about one of several":    {there: []string{"bank", "shop"}, rights: map[string]error{"shop": nil, "bank": broken}, status: 503, reason: reasonUnavailable, reviews: 3},
	} {
		t.Run(name, func(t *testing.T) {
			var got *history.Filter
			var mutex sync.Mutex
			reviews := 0
			w := readable(shelf{
				remediations: func(f history.Filter) ([]history.Remediation, error) { got = &f; return nil, nil },
				namespaces:   func(limit int) ([]string, error) { return c.there[:min(limit, len(c.there))], nil },
			}, func(d *door) {
				d.guard = guard{name: "alice", allow: func(_ Person, a Access) error {
					require.Equal(t, verbList, a.Verb)
					mutex.Lock()
					defer mutex.Unlock()
					reviews++
					verdict, ok := c.rights[a.Namespace]
					if !ok {
						return errForbidden
					}
					return verdict
				}}
			}).read(t, listPath+c.query)
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Equal(t, c.reviews, reviews)
			if c.status != 200 {
				require.Nil(t, got, "history is not even asked")
				require.Equal(t, c.reason, decode[map[string]any](t, w)["reason"])
				return
			}
			require.Equal(t, c.want, *got)
		})
	}
}

func TestWhoMayReadOneMustBeAllowedWhereverItIsAbout(t *testing.T) {
	elsewhere := func(change func(*event.Decision)) history.Entry {
		e := entry(t, event.RemediationHeld)
		var d event.RemediationDecidedData
		ce := eventtest.Sample(event.RemediationHeld)
		require.NoError(t, json.Unmarshal(ce.Data(), &d))
		change(&d.Decision)
		data, err := json.Marshal(d)
		require.NoError(t, err)
		ce.DataEncoded = data
		e.Event, err = stage.Encode(ce)
		require.NoError(t, err)
		return e
	}
	node := elsewhere(func(d *event.Decision) { d.Target = event.Target{Kind: "Node", Name: "worker-1"} })
	other := elsewhere(func(d *event.Decision) { d.Target.Namespace = "bank" })
	signal := entry(t, event.SignalReceived)
	broken := errors.New("API server is down")
	for name, c := range map[string]struct {
		entries []history.Entry
		rights  map[string]error
		status  int
	}{
		"with the right in its namespace": {[]history.Entry{signal}, map[string]error{"shop": nil}, 200},
		"without":                         {[]history.Entry{signal}, map[string]error{"bank": nil}, 403},
		"while nobody says":               {[]history.Entry{signal}, map[string]error{"shop": broken}, 503},
		"of an action elsewhere, with the right in the one":           {[]history.Entry{signal, other}, map[string]error{"shop": nil}, 403},
		"of an action elsewhere, with the right in the other":         {[]history.Entry{signal, other}, map[string]error{"bank": nil}, 403},
		"of an action elsewhere, with the right in both":              {[]history.Entry{signal, other}, map[string]error{"shop": nil, "bank": nil}, 200},
		"of an action on a node, with the right in the namespace":     {[]history.Entry{signal, node}, map[string]error{"shop": nil}, 403},
		"of an action on a node, with the right in the whole cluster": {[]history.Entry{signal, node}, map[string]error{"": nil}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			w := readable(shelf{timeline: func(string) ([]history.Entry, error) { return c.entries, nil }}, func(d *door) {
				d.guard = guard{name: "alice", allow: func(_ Person, a Access) error {
					require.Equal(t, Access{Verb: verbGet, Namespace: a.Namespace, Remediation: eventtest.RemediationID}, a)
					verdict, ok := c.rights[a.Namespace]
					if !ok {
						return errForbidden
					}
					return verdict
				}}
			}).read(t, listPath+"/"+eventtest.RemediationID)
			require.Equal(t, c.status, w.Code, w.Body.String())
		})
	}
}

func TestNobodyReadsWhoIsNotKnown(t *testing.T) {
	for _, path := range []string{listPath, listPath + "/a-1"} {
		w := readable(shelf{}, func(d *door) { d.guard = guard{} }).read(t, path)
		require.Equal(t, http.StatusUnauthorized, w.Code, path)
	}
}

func TestReadsWaitForOneAnother(t *testing.T) {
	d := readable(shelf{remediations: func(history.Filter) ([]history.Remediation, error) { return nil, nil }})
	for range readsAtOnce {
		d.reads <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	newHandler(d).ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, listPath, nil))
	require.Equal(t, http.StatusServiceUnavailable, w.Code, "its time is over while it waits")
	<-d.reads
	require.Equal(t, http.StatusOK, d.read(t, listPath).Code)
	require.Equal(t, http.StatusOK, d.read(t, listPath).Code, "who is done makes room")
}

func TestDuplicatesAreThoseThatTheClaimCounted(t *testing.T) {
	for name, c := range map[string]struct {
		claim   ledger.Claim
		err     error
		want    int64
		lacking []string
	}{
		"the claim is this remediation's": {claim: ledger.Claim{Remediation: eventtest.RemediationID, Duplicates: 99}, want: 99},
		"the claim is another's by now":   {claim: ledger.Claim{Remediation: "another-2", Duplicates: 7}},
		"the claim is forgotten":          {err: ledger.ErrNotFound},
		"Redis does not answer":           {err: errors.New("down"), lacking: []string{"duplicates"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := readable(received(t), func(d *door) {
				d.claims = register{get: func(fingerprint string) (ledger.Claim, error) {
					require.Equal(t, eventtest.Fingerprint, fingerprint)
					return c.claim, c.err
				}}
			}).read(t, listPath+"/"+eventtest.RemediationID)
			require.Equal(t, http.StatusOK, w.Code, w.Body.String())
			v := decode[timeline.View](t, w)
			require.Equal(t, c.want, v.Duplicates)
			require.Equal(t, c.lacking, v.Unavailable, "what is not known is not passed off as nothing")
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
	w := readable(received(t), func(d *door) {
		d.claims = register{alerts: func() (ledger.AlertList, error) { return list, nil }}
	}).read(t, listPath+"/"+eventtest.RemediationID)
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
