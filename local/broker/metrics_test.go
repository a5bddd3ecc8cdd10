package broker

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestMetricsCountAttemptsAndDrops(t *testing.T) {
	reader := metric.NewManualReader()
	before := otel.GetMeterProvider()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient)), nil, "enrich")
	b.stages["enrich"].answer = func(n int, w http.ResponseWriter, _ received) {
		w.WriteHeader(map[int]int{1: 503, 2: 200, 3: 422}[n])
	}
	for range 2 {
		b.send(nil, "{}")
		b.settle()
	}
	b.send(map[string]string{"Ce-Type": "nobody.wants.this"}, "{}")

	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &data))
	counts := map[string]int64{}
	for _, m := range data.ScopeMetrics[0].Metrics {
		switch d := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range d.DataPoints {
				for _, label := range []string{"result", "reason"} {
					if v, ok := p.Attributes.Value(attribute.Key(label)); ok {
						counts[v.AsString()] += p.Value
					}
				}
			}
		case metricdata.Histogram[float64]:
			for _, p := range d.DataPoints {
				counts["timed"] += int64(p.Count)
			}
		}
	}
	require.Equal(t, map[string]int64{
		resultDelivered: 1, resultRetried: 1, resultDeadLettered: 1, ReasonNoMatchingTrigger: 1, "timed": 4,
	}, counts)
}
