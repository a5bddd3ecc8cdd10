package pipeline_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	gateway "kubernaut.ai/functions/gateway"
	"kubernaut.ai/shared/stage"
)

const signalsPath = "/api/v1/signals/prometheus"

// alert is one of Alertmanager's, in the least words.
type alert struct {
	Status   string            `json:"status"`
	Labels   map[string]string `json:"labels"`
	StartsAt time.Time         `json:"startsAt"`
	EndsAt   time.Time         `json:"endsAt,omitzero"`
}

// oomKilled is the alert about the namespace's Deployment.
func oomKilled(namespace string) alert {
	return alert{Status: "firing", StartsAt: time.Now().UTC(), Labels: map[string]string{
		"alertname": "KubePodOOMKilled", "namespace": namespace, "deployment": "app", "container": "app", "severity": "critical"}}
}

func (a alert) resolved() alert {
	a.Status, a.EndsAt = "resolved", time.Now().UTC()
	return a
}

func webhook(t *testing.T, a alert) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"version": "4", "status": a.Status, "receiver": "kubernaut", "groupKey": "{}", "alerts": []alert{a}})
	require.NoError(t, err)
	return body
}

// answer is what the other side said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func exchange(t *testing.T, r *http.Request) answer {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, body}
}

func request(t *testing.T, method, url string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.body, into), string(a.body))
}

// patient posts a body until the answer is not 503, as Alertmanager does: on a
// busy machine Redis, or the request that opens the claim, may take its time.
func patient(t *testing.T, url string, body []byte) (got answer) {
	t.Helper()
	until(t, "an answer other than 503", func() (bool, any) {
		got = exchange(t, request(t, http.MethodPost, url, body))
		return got.status != http.StatusServiceUnavailable, string(got.body)
	})
	return got
}

// post posts an alert to the front and answers what became of it.
func (b *bed) post(t *testing.T, a alert) (answer, gateway.Result) {
	t.Helper()
	got := patient(t, b.URL()+signalsPath, webhook(t, a))
	var said gateway.Answer
	got.decode(t, &said)
	require.Len(t, said.Results, 1, string(got.body))
	return got, said.Results[0]
}

// opened posts an alert that must open a remediation, and answers its id. A
// sender that had to post twice meets its own remediation.
func (b *bed) opened(t *testing.T, a alert) string {
	t.Helper()
	got, result := b.post(t, a)
	require.Contains(t, []int{http.StatusCreated, http.StatusAccepted}, got.status, string(got.body))
	require.NotEmpty(t, result.RemediationID)
	return result.RemediationID
}

// ask is a request to one of approve's paths.
func (b *bed) ask(t *testing.T, method, path, body string) answer {
	t.Helper()
	return exchange(t, request(t, method, b.URL()+path, []byte(body)))
}

// problem requires an RFC 7807 document.
func problem(t *testing.T, a answer) (reason string) {
	t.Helper()
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"), string(a.body))
	var p struct {
		Type, Title, Detail, Reason string
		Status                      int
	}
	a.decode(t, &p)
	require.Equal(t, a.status, p.Status)
	require.True(t, strings.HasPrefix(p.Type, stage.ProblemBase), p.Type)
	require.NotEmpty(t, p.Title)
	require.NotEmpty(t, p.Detail)
	return p.Reason
}

// publish posts an event to the Broker's ingress, as anybody can who reaches it.
func (b *bed) publish(t *testing.T, e cloudevents.Event) {
	t.Helper()
	body, err := stage.Encode(e)
	require.NoError(t, err)
	r := request(t, http.MethodPost, b.SinkURL(), body)
	r.Header.Set("Content-Type", cloudevents.ApplicationCloudEventsJSON)
	got := exchange(t, r)
	require.Equal(t, http.StatusAccepted, got.status, string(got.body))
}

// metric sums the series of a metric that have all the labels.
func (b *bed) metric(t *testing.T, name string, labels map[string]string) (sum float64) {
	t.Helper()
	got := exchange(t, request(t, http.MethodGet, b.URL()+"/metrics", nil))
	require.Equal(t, http.StatusOK, got.status)
	for line := range strings.Lines(string(got.body)) {
		if !strings.HasPrefix(line, name+"{") || !hasLabels(line, labels) {
			continue
		}
		fields := strings.Fields(line)
		value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		require.NoError(t, err, line)
		sum += value
	}
	return sum
}

func hasLabels(line string, labels map[string]string) bool {
	for name, value := range labels {
		if !strings.Contains(line, name+"="+strconv.Quote(value)) {
			return false
		}
	}
	return true
}
