package broker

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const meterName = "kubernaut.ai/local/broker"

// Results in the metric kubernaut.broker.attempts.
const (
	resultDelivered    = "delivered"
	resultRetried      = "retried"
	resultDeadLettered = "dead_lettered"
)

// durationBounds are seconds: a warm hop is below a millisecond, a turn lasts up to 25 s.
var durationBounds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// metrics are the Broker's instruments on the global meter.
type metrics struct {
	attempts metric.Int64Counter
	drops    metric.Int64Counter
	duration metric.Float64Histogram
}

func newMetrics() (*metrics, error) {
	meter := otel.Meter(meterName)
	attempts, err := meter.Int64Counter("kubernaut.broker.attempts",
		metric.WithDescription("Delivery attempts by Trigger and result"))
	if err != nil {
		return nil, fmt.Errorf("create attempt counter: %w", err)
	}
	drops, err := meter.Int64Counter("kubernaut.broker.drops",
		metric.WithDescription("Events and deliveries that ended with nobody having them, by Trigger and reason"))
	if err != nil {
		return nil, fmt.Errorf("create drop counter: %w", err)
	}
	duration, err := meter.Float64Histogram("kubernaut.broker.attempt.duration",
		metric.WithDescription("Time from sending an event to having read its answer"), metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(durationBounds...))
	if err != nil {
		return nil, fmt.Errorf("create duration histogram: %w", err)
	}
	return &metrics{attempts: attempts, drops: drops, duration: duration}, nil
}

// marks are one Trigger's attribute sets, built once so that a delivery allocates none.
type marks struct {
	trigger                          metric.MeasurementOption
	delivered, retried, deadLettered metric.MeasurementOption
}

func newMarks(trigger string) marks {
	name := attribute.String("trigger", trigger)
	with := func(result string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(name, attribute.String("result", result)))
	}
	return marks{
		trigger:   metric.WithAttributeSet(attribute.NewSet(name)),
		delivered: with(resultDelivered), retried: with(resultRetried), deadLettered: with(resultDeadLettered),
	}
}

func (m *metrics) attempt(ctx context.Context, mark metric.MeasurementOption) {
	m.attempts.Add(ctx, 1, mark)
}

func (m *metrics) took(ctx context.Context, s *subscription, d time.Duration) {
	m.duration.Record(ctx, d.Seconds(), s.marks.trigger)
}

func (m *metrics) drop(ctx context.Context, trigger, reason string) {
	m.drops.Add(ctx, 1, metric.WithAttributes(attribute.String("trigger", trigger), attribute.String("reason", reason)))
}
