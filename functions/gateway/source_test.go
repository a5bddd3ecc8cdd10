package function

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// A source is one file: this registers one, and nothing else knows of it.
func init() { source.Register(openPager) }

type pager struct{ severity string }

func openPager(s source.Settings) (source.Source, error) {
	return pager{severity: s.String("PAGER_SEVERITY", "page")}, nil
}

func (pager) Name() string         { return "pager" }
func (pager) Paths() []string      { return []string{"/api/v1/signals/pager/{pod}"} }
func (pager) MediaTypes() []string { return []string{"text/plain"} }
func (pager) Reply() source.Reply  { return source.Empty }
func (p pager) Read(r source.Request) (source.Batch, error) {
	labels := map[string]string{"alertname": string(r.Body), "namespace": "shop", "pod": r.PathValue("pod"), "severity": p.severity}
	return source.Batch{Items: []source.Item{
		{Alert: signal.Alert{ID: signal.AlertID("", labels), Labels: labels, StartsAt: r.Now.Add(-time.Minute)},
			Ignored: r.Header.Get("X-Ignored"), Invalid: r.Header.Get("X-Invalid")}}}, nil
}

func TestASourceIsOneFile(t *testing.T) {
	tests := map[string]struct {
		header, value string
		code          int
		opened        bool
		dropped       string
	}{
		"what it reads opens a remediation":               {code: 200, opened: true},
		"what it ignores is dropped with its reason":      {header: "X-Ignored", value: "off_duty", code: 200, dropped: "off_duty"},
		"what it calls malformed is refused, told or not": {header: "X-Invalid", value: "no_number", code: 400, dropped: "no_number"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/signals/pager/cart-1", strings.NewReader("Paged"))
			r.Header.Set("Content-Type", "text/plain")
			if test.header != "" {
				r.Header.Set(test.header, test.value)
			}
			got := do(t, w.gateway(t), r)
			require.Equal(t, test.code, got.code, got.raw)
			if test.code == http.StatusOK {
				require.Empty(t, got.raw, "its sender wants no body")
			}
			received := w.broker.of(event.SignalReceived)
			require.Equal(t, test.opened, len(received) == 1)
			if test.opened {
				s := section[event.Signal](t, received[0], event.SectionSignal)
				require.Equal(t, "pager", s.Source)
				require.Equal(t, signal.SeverityCritical, s.Severity)
				require.Equal(t, "shop/Deployment/cart", s.Target.String())
				return
			}
			require.Contains(t, w.dropped, test.dropped)
		})
	}
}

func TestWhoKnowsNoPathIsToldAllOfThem(t *testing.T) {
	got := do(t, newWorld(t).gateway(t), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/signal", nil))
	require.Equal(t, 404, got.code)
	for _, path := range []string{prometheusPath, "/api/v1/signals/pager/{pod}"} {
		require.Contains(t, got.raw, path)
	}
}
