package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/test/e2e/product"
)

// gatewayURL takes Alertmanager's webhooks, the others what their names say.
const (
	gatewayHost = "gateway." + product.Namespace + clusterDomain
	gatewayURL  = "http://" + gatewayHost + "/api/v1/signals/prometheus"
	alertsURL   = "http://" + gatewayHost + "/api/v2/alerts"
	fluxURL     = "http://" + gatewayHost + "/api/v1/signals/flux"
	exporterURL = "http://" + gatewayHost + "/api/v1/signals/kubernetes-event"
	explainURL  = "http://" + gatewayHost + "/api/v1/explain"
)

// routing has Alertmanager tell Kubernaut of every alert at once, with the
// credential that the installation made. It runs
// outside the cluster, where names of the cluster mean nothing: it asks the
// ingress for the gateway's.
const routing = `
route:
  receiver: kubernaut
  group_by: ["..."]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: kubernaut
    webhook_configs:
      - url: %s
        send_resolved: true
        http_config:
          proxy_url: %s
          authorization: {credentials: %q}
`

func (w *world) routeAlerts(ctx context.Context) error {
	routing, err := w.routing(ctx)
	if err != nil {
		return err
	}
	return w.sender.Configure(ctx, routing)
}

// routing is the configuration of an Alertmanager that tells Kubernaut.
func (w *world) routing(ctx context.Context) (string, error) {
	ingress, err := w.addressOf(ctx, gatewayHost, "80")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(routing, gatewayURL, "http://"+ingress, w.credential), nil
}

// alert is one as Prometheus posts it to Alertmanager.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt,omitzero"`
}

// keptFiring is how long Alertmanager believes an alert that nobody repeats.
const keptFiring = time.Hour

// fire has Alertmanager take an alert that starts now, and returns it for resolve.
func (w *world) fire(t testing.TB, labels map[string]string) alert {
	t.Helper()
	now := time.Now()
	a := alert{Labels: labels, Annotations: map[string]string{"summary": "a scenario says so"}, StartsAt: now, EndsAt: now.Add(keptFiring)}
	w.postAlerts(t, []alert{a})
	return a
}

// resolve has Alertmanager take that the alert has stopped.
func (w *world) resolve(t testing.TB, a alert) {
	t.Helper()
	a.EndsAt = time.Now()
	w.postAlerts(t, []alert{a})
}

func (w *world) postAlerts(t testing.TB, all []alert) {
	t.Helper()
	status, said := post(t, http.DefaultClient, w.sender.URL()+"/api/v2/alerts", all)
	require.Equal(t, http.StatusOK, status, "%s", said)
}

// post posts JSON and returns the answer's status and body.
func post(t testing.TB, client *http.Client, url string, body any) (int, []byte) {
	t.Helper()
	status, said, err := send(t.Context(), client, url, body)
	require.NoError(t, err)
	return status, said
}

// send is post for goroutines, which may not end a test.
func send(ctx context.Context, client *http.Client, url string, body any) (int, []byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	return sendText(ctx, client, url, bytes.NewReader(text))
}

func sendText(ctx context.Context, client *http.Client, url string, text io.Reader) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, text)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(response.Body)
	return response.StatusCode, said, err
}
