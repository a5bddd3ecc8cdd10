package function

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
)

func TestRequestsThatAreRefused(t *testing.T) {
	path := prometheusPath
	jsonType := "application/json"
	big := `{"alerts":[],"x":"` + strings.Repeat("x", MaxBody) + `"}`
	tests := map[string]struct {
		method, path, contentType, body string
		code                            int
		problem, says                   string
		chunked                         bool
	}{
		"another method":                        {method: "GET", path: path, code: 405, problem: "method-not-allowed", says: "POST"},
		"another path":                          {method: "POST", path: "/api/v1/other", contentType: jsonType, code: 404, problem: "not-found", says: path},
		"another content type":                  {method: "POST", path: path, contentType: "text/plain", body: "{}", code: 415, problem: "unsupported-media-type"},
		"another character set":                 {method: "POST", path: path, contentType: "application/json; charset=latin1", body: "{}", code: 415, problem: "unsupported-media-type"},
		"a body beyond the bound":               {method: "POST", path: path, contentType: jsonType, body: big, code: 413, problem: "payload-too-large", says: "max_alerts"},
		"a body beyond the bound, in chunks":    {method: "POST", path: path, contentType: jsonType, body: big, chunked: true, code: 413, problem: "payload-too-large"},
		"more alerts than the bound":            {method: "POST", path: path, contentType: jsonType, body: body(strings.Split(strings.Repeat("{};", source.MaxAlerts)+"{}", ";")...), code: 413, problem: "payload-too-large", says: "2000 alerts"},
		"no JSON":                               {method: "POST", path: path, contentType: jsonType, body: "hello", code: 400, problem: "validation-error"},
		"nothing":                               {method: "POST", path: path, contentType: jsonType, code: 400, problem: "validation-error"},
		"no alerts":                             {method: "POST", path: path, contentType: jsonType, body: body(), code: 400, problem: "validation-error", says: "no alerts"},
		"another version":                       {method: "POST", path: path, contentType: jsonType, body: `{"version":"3","alerts":[` + firing("x") + `]}`, code: 400, problem: "validation-error", says: "version 4"},
		"a label named twice":                   {method: "POST", path: path, contentType: jsonType, body: `{"alerts":[{"labels":{"pod":"a","pod":"b"}}]}`, code: 400, problem: "validation-error", says: "twice"},
		"a label that is a number":              {method: "POST", path: path, contentType: jsonType, body: `{"alerts":[{"labels":{"pod":1}}]}`, code: 400, problem: "validation-error", says: "a string"},
		"bytes that are not UTF-8":              {method: "POST", path: path, contentType: jsonType, body: "{\"a\":\"\xff\"}", code: 400, problem: "validation-error", says: "UTF-8"},
		"only alerts without labels":            {method: "POST", path: path, contentType: jsonType, body: body(`{"status":"firing","labels":{},"startsAt":"2026-11-22T03:40:12Z"}`), code: 400, problem: "validation-error", says: source.ReasonNoLabels},
		"only alerts without a name":            {method: "POST", path: path, contentType: jsonType, body: body(alert("firing", "alertname", "")), code: 400, problem: "validation-error", says: source.ReasonNoAlertName},
		"only alerts without a start":           {method: "POST", path: path, contentType: jsonType, body: body(`{"status":"firing","labels":{"alertname":"X"}}`), code: 400, problem: "validation-error", says: source.ReasonNoStart},
		"only alerts of an unknown status":      {method: "POST", path: path, contentType: jsonType, body: body(alert("pending")), code: 400, problem: "validation-error", says: source.ReasonBadStatus},
		"only alerts with a time that is none":  {method: "POST", path: path, contentType: jsonType, body: body(`{"status":"firing","labels":{"alertname":"X"},"startsAt":"yesterday"}`), code: 400, problem: "validation-error", says: source.ReasonBadTime},
		"only alerts with a label that is huge": {method: "POST", path: path, contentType: jsonType, body: body(alert("firing", "pod", strings.Repeat("x", source.MaxLabelValue+1))), code: 400, problem: "validation-error", says: source.ReasonLabelTooLong},
		"only alerts with too many labels":      {method: "POST", path: path, contentType: jsonType, body: body(alert("firing", manyLabels(source.MaxLabels)...)), code: 400, problem: "validation-error", says: source.ReasonTooManyLabels},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var in io.Reader = strings.NewReader(test.body)
			if test.chunked {
				in = io.MultiReader(in)
			}
			r := httptest.NewRequestWithContext(t.Context(), test.method, test.path, in)
			r.Header.Set("Content-Type", test.contentType)
			got := do(t, w.gateway(t), r)
			require.Equal(t, test.code, got.code, got.raw)
			require.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
			for _, member := range []string{`"type":"https://kubernaut.ai/problems/` + test.problem, `"title":`, `"detail":`, fmt.Sprintf(`"status":%d`, test.code), `"instance":"` + test.path} {
				require.Contains(t, got.raw, member)
			}
			require.Contains(t, got.raw, test.says)
			require.Equal(t, test.code == 405, got.header.Get("Allow") == "POST")
			require.Empty(t, w.broker.sent)
		})
	}
}

func manyLabels(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("l%d", i), "x")
	}
	return out
}

func TestOneMalformedAlertCostsNoOther(t *testing.T) {
	w := newWorld(t)
	got := post(t, w.gateway(t), body(firing("cart-1"), alert("firing", "alertname", "")))
	require.Equal(t, http.StatusMultiStatus, got.code)
	require.Equal(t, Summary{Received: 2, Created: 1, Invalid: 1}, got.answer.Summary)
	require.Equal(t, source.ReasonNoAlertName, got.answer.Results[1].Reason)
	require.Contains(t, w.dropped, source.ReasonNoAlertName)
}

func TestWhatTheSenderLeftOutIsReported(t *testing.T) {
	w := newWorld(t)
	w.cluster.own("shop/Deployment/basket")
	got := post(t, w.gateway(t), sample(t, "firing_cut_by_max_alerts"))
	require.Equal(t, 201, got.code, got.raw)
	require.Equal(t, 2, got.answer.Summary.Truncated)
}

func TestMoreRequestsThanSlotsAreToldToComeAgain(t *testing.T) {
	w := newWorld(t)
	h := newHandler(w.gateway(t), openGate(t), sources(t))
	for range MaxRequests {
		h.gate.slots <- struct{}{}
	}
	out := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, prometheusPath, strings.NewReader(body(firing("cart-1"))))
	r.Header.Set("Content-Type", "application/json")
	h.ServeHTTP(out, r)
	require.Equal(t, 503, out.Code, "never 429: Alertmanager would not repeat it")
	require.Equal(t, retryAfter, out.Header().Get("Retry-After"))
	<-h.gate.slots
	for range 3 {
		out = httptest.NewRecorder()
		r.Body = io.NopCloser(strings.NewReader(body(firing("cart-1"))))
		h.ServeHTTP(out, r)
		require.Less(t, out.Code, 300, "a slot is given back")
	}
}

func TestHealth(t *testing.T) {
	got := do(t, newWorld(t).gateway(t), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health", nil))
	require.Equal(t, 200, got.code)
}

func TestTextsOfStrangersStayWithinTheEventsBounds(t *testing.T) {
	w := newWorld(t)
	labels := append([]string{"namespace", "shop", "pod", "cart-1"}, manyLabels(source.MaxLabels-4)...)
	for i := 5; i < len(labels); i += 2 {
		labels[i] = strings.Repeat("v", 4000)
	}
	require.Equal(t, 201, post(t, w.gateway(t), body(alert("firing", labels...))).code)
	s := section[event.Signal](t, w.broker.of(event.SignalReceived)[0], event.SectionSignal)
	require.NotEmpty(t, s.Cut)
}
