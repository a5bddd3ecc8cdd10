package function

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

type fakeAlerts struct {
	list ledger.AlertList
	err  error
}

func (f fakeAlerts) Alerts(context.Context, string, string) (ledger.AlertList, error) {
	return f.list, f.err
}

type fakeFiring struct {
	active int
	err    error
}

func (f fakeFiring) Active(context.Context, []string) (int, error) { return f.active, f.err }

func TestWhatIsKnownOfAlerts(t *testing.T) {
	done := eventtest.Start.Add(time.Hour)
	c := Case{Remediation: eventtest.Remediation, Execution: event.Execution{FinishedAt: done}}
	alert := func(starts, ends time.Duration) ledger.Alert {
		a := ledger.Alert{ID: "a1", StartsAt: done.Add(starts)}
		if ends != 0 {
			a.EndsAt = done.Add(ends)
		}
		return a
	}
	moment := func(starts time.Duration) ledger.Alert {
		return ledger.Alert{ID: signal.MomentID(nil), StartsAt: done.Add(starts)}
	}
	expired := func(a ledger.Alert) ledger.Alert { a.Expired = true; return a }
	flux := ledger.Alert{ID: signal.AlertID("", nil), StartsAt: done.Add(-time.Hour)}
	list := func(alerts ...ledger.Alert) fakeAlerts { return fakeAlerts{list: ledger.AlertList{Alerts: alerts}} }
	seen := func(a ledger.Alert, at time.Duration) ledger.Alert { a.LastSeen = done.Add(at); return a }
	down := errors.New("connection refused")
	for name, e := range map[string]struct {
		book fakeAlerts
		am   firing
		want Alerts
	}{
		"all resolved":                                       {list(alert(-time.Hour, time.Minute)), nil, Alerts{Known: true}},
		"resolved is proof without Alertmanager":             {list(alert(-time.Hour, time.Minute)), fakeFiring{0, down}, Alerts{Known: true}},
		"one has not resolved":                               {list(alert(-time.Hour, time.Minute), alert(-time.Hour, 0)), nil, Alerts{Known: true, Firing: true}},
		"one was received again since":                       {list(seen(alert(-time.Hour, 0), time.Minute)), nil, Alerts{Known: true, Firing: true, Confirmed: true}},
		"one was received only before":                       {list(seen(alert(-time.Hour, 0), -time.Minute)), nil, Alerts{Known: true, Firing: true}},
		"another was received since":                         {list(alert(-time.Hour, 0), seen(alert(-time.Hour, time.Minute), time.Minute)), nil, Alerts{Known: true, Firing: true}},
		"Alertmanager may not know what was posted directly": {list(seen(alert(-time.Hour, 0), time.Minute)), fakeFiring{}, Alerts{Known: true, Firing: true}},
		"nor does it know of what Flux says":                 {list(flux), fakeFiring{}, Alerts{Known: true, Firing: true}},
		"nor once it started again":                          {list(seen(alert(time.Minute, 0), time.Minute)), fakeFiring{}, Alerts{Known: true, Firing: true, Recurred: true}},
		"Alertmanager has what was received since":           {list(seen(alert(-time.Hour, 0), time.Minute)), fakeFiring{active: 1}, Alerts{Known: true, Firing: true, Confirmed: true}},
		"one started again":                                  {list(seen(alert(time.Minute, 0), time.Minute)), nil, Alerts{Known: true, Firing: true, Confirmed: true, Recurred: true}},
		"one started again and stopped":                      {list(alert(time.Minute, 2*time.Minute)), nil, Alerts{Known: true, Recurred: true}},
		"Alertmanager has it":                                {list(alert(-time.Hour, 0)), fakeFiring{active: 1}, Alerts{Known: true, Firing: true, Confirmed: true}},
		"Alertmanager has it no more":                        {list(alert(-time.Hour, 0)), fakeFiring{}, Alerts{Known: true}},
		"an unreachable Alertmanager is no success":          {list(alert(-time.Hour, 0)), fakeFiring{0, down}, Alerts{Known: true, Firing: true}},
		"nor where the alert was received again":             {list(seen(alert(-time.Hour, 0), time.Minute)), fakeFiring{0, down}, Alerts{Known: true, Firing: true}},
		"only events told of it":                             {list(moment(-time.Hour)), nil, Alerts{}},
		"nor does Alertmanager know of events":               {list(moment(-time.Hour)), fakeFiring{}, Alerts{}},
		"an alert beside an event has resolved":              {list(moment(-time.Hour), alert(-time.Hour, time.Minute)), nil, Alerts{Known: true}},
		"it happened again":                                  {list(seen(moment(time.Minute), 9*time.Minute)), nil, Alerts{Known: true, Firing: true, Confirmed: true, Recurred: true}},
		"it happened as the action took effect, and no more": {list(seen(moment(time.Minute), time.Minute)), nil, Alerts{}},
		"that leaves the alert beside it to tell":            {list(seen(moment(time.Minute), time.Minute), alert(-time.Hour, time.Minute)), nil, Alerts{Known: true}},
		"nobody said that one stopped":                       {list(alert(-time.Hour, time.Minute), expired(alert(-time.Hour, time.Minute))), nil, Alerts{}},
		"nor does Alertmanager know of it":                   {list(alert(-time.Hour, 0), expired(alert(-time.Hour, time.Minute))), fakeFiring{}, Alerts{}},
		"one fires beside one that fell silent":              {list(alert(-time.Hour, 0), expired(alert(-time.Hour, time.Minute))), nil, Alerts{Known: true, Firing: true}},
		"one fell silent after it started again":             {list(expired(alert(time.Minute, 2*time.Minute))), nil, Alerts{Known: true, Recurred: true}},
		"Redis cannot be read":                               {fakeAlerts{err: down}, nil, Alerts{}},
		"Redis forgot them":                                  {list(), nil, Alerts{}},
	} {
		t.Run(name, func(t *testing.T) {
			now := func() time.Time { return done.Add(10 * time.Minute) }
			got := eyes{alerts: e.book, alertmanager: e.am, now: now, settle: 5 * time.Minute}.alert(t.Context(), c)
			require.NotEmpty(t, got.Detail)
			got.Detail = ""
			require.Equal(t, e.want, got)
		})
	}
}

// A healthy target does not outweigh alerts of which nobody said that they stopped.
func TestAnAlertmanagerThatSaysNothingMakesNoSuccess(t *testing.T) {
	done := eventtest.Start.Add(time.Hour)
	c := Case{Remediation: eventtest.Remediation, Execution: event.Execution{FinishedAt: done}}
	unresolved := ledger.AlertList{Alerts: []ledger.Alert{{ID: "a1", StartsAt: done.Add(-time.Hour)}}}
	found := Findings{Health: health(1), Alerts: eyes{alerts: fakeAlerts{list: unresolved},
		alertmanager: fakeFiring{0, errors.New("connection refused")}}.alert(t.Context(), c)}
	for attempt := 1; attempt <= MaxAttempts; attempt++ {
		require.Equal(t, event.VerdictUnknown, Judge(found, Round{Step: 1, Attempt: attempt}).Verdict, attempt)
	}
}

func serve(t *testing.T, handler http.HandlerFunc) *service {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s, err := serviceAt("X_URL", server.URL+"/prefix/")
	require.NoError(t, err)
	return s
}

func TestAlertmanagerIsAsked(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/prefix/api/v2/alerts", r.URL.Path)
		_, _ = w.Write([]byte(`[{"fingerprint":"a1","status":{"state":"suppressed"}},{"fingerprint":"zz"}]`))
	})
	n, err := alertmanager{s}.Active(t.Context(), []string{"a1", "a2"})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	for name, handler := range map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"not JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"too long an answer": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, maxAnswer+1))
		},
	} {
		_, err := alertmanager{serve(t, handler)}.Active(t.Context(), []string{"a1"})
		require.Error(t, err, name)
	}
}

func TestPrometheusIsAskedAboutTheTargetOnly(t *testing.T) {
	pods := Measurement{Target: eventtest.Deployment, Pods: []string{"web-1", `we"ird.2`}, Over: 10 * time.Minute}
	node := Measurement{Target: event.Target{Kind: "Node", Name: "node-a"}, Over: time.Hour}
	value := func(v string) string {
		return `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"` + v + `"]}]}}`
	}
	const restarts = `sum(increase(kube_pod_container_status_restarts_total{namespace="shop",pod=~"web-1|we\"ird\\.2"}[600s]))`
	for name, c := range map[string]struct {
		of     Measurement
		answer string
		query  string
		known  bool
		score  float64
	}{
		"no restarts":           {pods, value("0"), restarts, true, 1},
		"restarts":              {pods, value("2.2"), restarts, true, 0},
		"no data":               {pods, `{"status":"success","data":{"result":[]}}`, restarts, false, 0},
		"not a number":          {pods, value("NaN"), restarts, false, 0},
		"an error":              {pods, `{"status":"error","error":"bad"}`, restarts, false, 0},
		"a node that is ready":  {node, value("1"), `min(kube_node_status_condition{node="node-a",condition="Ready",status="true"})`, true, 1},
		"a node that is not":    {node, value("0"), `min(kube_node_status_condition{node="node-a",condition="Ready",status="true"})`, true, 0},
		"a target without pods": {Measurement{Target: eventtest.Deployment}, "", "", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var query url.Values
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				query = r.URL.Query()
				_, _ = w.Write([]byte(c.answer))
			})
			got := prometheus{s}.Measure(t.Context(), c.of)
			require.Equal(t, c.known, got.Known)
			require.InDelta(t, c.score, got.Score, 0)
			require.NotEmpty(t, got.Detail)
			require.Equal(t, c.query, query.Get("query"))
		})
	}
}

func TestServices(t *testing.T) {
	none, err := serviceAt("X_URL", "")
	require.NoError(t, err)
	require.Nil(t, none)
	for _, address := range []string{"localhost:9093", "ftp://x", "http://", "::"} {
		_, err := serviceAt("X_URL", address)
		require.ErrorContains(t, err, "X_URL", address)
	}
	s, err := serviceAt("X_URL", "http://user:secret@127.0.0.1:1/")
	require.NoError(t, err)
	require.NotContains(t, s.get(t.Context(), "/x", nil, nil).Error(), "secret")
}
