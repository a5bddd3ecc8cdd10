package function

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestWhatIsCountedOfRequestsAndAlerts(t *testing.T) {
	read := metric.NewManualReader()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(read)))
	t.Cleanup(func() { otel.SetMeterProvider(noop.NewMeterProvider()) })
	w := newWorld(t)
	g := w.gateway(t)
	require.Equal(t, 201, post(t, g, body(firing("cart-1"))).code)
	require.Equal(t, 207, post(t, g, body(firing("cart-1"), alert("firing", "namespace", "shop", "pod", "gone"))).code)
	r := posted(t, nil)
	r.Header.Set("Content-Type", "text/plain")
	require.Equal(t, 415, do(t, g, r).code)

	var all metricdata.ResourceMetrics
	require.NoError(t, read.Collect(t.Context(), &all))
	got := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					got[m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder())] += p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					got[m.Name] += int64(p.Count)
				}
			}
		}
	}
	for name, n := range map[string]int64{
		"kubernaut.gateway.received source=prometheus":               3,
		"kubernaut.gateway.duplicates source=prometheus":             1,
		"kubernaut.gateway.suppressed reason=target_gone":            1,
		"kubernaut.gateway.refused reason=unsupported_media_type":    1,
		"kubernaut.gateway.requests.in_flight ":                      0,
		"kubernaut.gateway.request.duration":                         3,
		"kubernaut.gateway.claim.duration":                           2,
		"kubernaut.gateway.alerts reason=target_gone,status=ignored": 1,
	} {
		require.Contains(t, got, name)
		require.Equal(t, n, got[name], name)
	}
}
