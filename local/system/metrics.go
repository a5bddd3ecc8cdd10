package system

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
)

// ExposeMetrics lets every function's instruments be scraped at /metrics: one
// process that stays up, unlike the functions in a cluster, which push. It is
// for the process as a whole, and comes before Start. The answer ends it.
func ExposeMetrics() (func(), error) {
	exporter, err := prometheus.New()
	if err != nil {
		return nil, fmt.Errorf("open metrics: %w", err)
	}
	provider := metric.NewMeterProvider(metric.WithReader(exporter))
	otel.SetMeterProvider(provider)
	return func() { _ = provider.Shutdown(context.Background()) }, nil // the process ends: nothing is left to lose
}
