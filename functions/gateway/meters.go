package function

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// instrumentScope names the gateway's instruments.
const instrumentScope = "kubernaut.ai/functions/gateway"

// Buckets in seconds: of requests up to their budget, and of claims.
var (
	requestBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25}
	claimBuckets   = []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2}
)

// meters are the gateway's instruments.
type meters struct {
	alerts     metric.Int64Counter
	received   metric.Int64Counter
	duplicates metric.Int64Counter
	suppressed metric.Int64Counter
	turnedAway metric.Int64Counter
	truncated  metric.Int64Counter
	silent     metric.Int64Counter
	inFlight   metric.Int64UpDownCounter
	request    metric.Float64Histogram
	reserving  metric.Float64Histogram
}

func newMeters() (meters, error) {
	m := otel.Meter(instrumentScope)
	var out meters
	var err [10]error
	out.alerts, err[0] = m.Int64Counter("kubernaut.gateway.alerts",
		metric.WithDescription("Alerts received, by what became of them and the named reason."))
	out.truncated, err[1] = m.Int64Counter("kubernaut.gateway.truncated",
		metric.WithDescription("Alerts that senders left out of their requests."))
	out.silent, err[2] = m.Int64Counter("kubernaut.gateway.unreported",
		metric.WithDescription("Suppressions whose event the Broker did not take, by named reason."))
	out.inFlight, err[3] = m.Int64UpDownCounter("kubernaut.gateway.requests.in_flight",
		metric.WithDescription("Requests being worked on."))
	out.request, err[4] = m.Float64Histogram("kubernaut.gateway.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from reading a request to answering it."), metric.WithExplicitBucketBoundaries(requestBuckets...))
	out.reserving, err[5] = m.Float64Histogram("kubernaut.gateway.claim.duration", metric.WithUnit("s"),
		metric.WithDescription("Time in which Redis answered the reservations of a request."), metric.WithExplicitBucketBoundaries(claimBuckets...))
	out.received, err[6] = m.Int64Counter("kubernaut.gateway.received",
		metric.WithDescription("Alerts received, by source."))
	out.duplicates, err[7] = m.Int64Counter("kubernaut.gateway.duplicates",
		metric.WithDescription("Alerts that joined a remediation that was open, by source."))
	out.suppressed, err[8] = m.Int64Counter("kubernaut.gateway.suppressed",
		metric.WithDescription("Alerts that opened nothing, by named reason."))
	out.turnedAway, err[9] = m.Int64Counter("kubernaut.gateway.refused",
		metric.WithDescription("Requests that were not served, by named reason."))
	return out, errors.Join(err[:]...)
}

// answered counts the alerts of a source's request together by what became of
// them.
func (m meters) answered(ctx context.Context, from string, a Answer) {
	counts := make(map[[2]string]int64, 4)
	for i := range a.Results {
		counts[[2]string{a.Results[i].Status, a.Results[i].Reason}]++
	}
	source := metric.WithAttributes(attribute.String("source", from))
	m.received.Add(ctx, int64(len(a.Results)), source)
	for key, n := range counts {
		switch key[0] {
		case StatusDuplicate:
			m.duplicates.Add(ctx, n, source)
		case StatusIgnored:
			m.suppressed.Add(ctx, n, metric.WithAttributes(attribute.String("reason", key[1])))
		}
		m.alerts.Add(ctx, n, metric.WithAttributes(attribute.String("status", key[0]), attribute.String("reason", key[1])))
	}
	if a.Summary.Truncated > 0 {
		m.truncated.Add(ctx, int64(a.Summary.Truncated))
	}
}

// refused counts a request that was not served.
func (m meters) refused(ctx context.Context, reason string) {
	m.turnedAway.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", reason)))
}

func (m meters) claimed(ctx context.Context, took time.Duration) {
	m.reserving.Record(ctx, took.Seconds())
}

func (m meters) unreported(ctx context.Context, reason string) {
	m.silent.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", reason)))
}

// served counts one request while it lasts; the returned func ends it.
func (m meters) served(ctx context.Context, now func() time.Time) func(code int) {
	started := now()
	m.inFlight.Add(ctx, 1)
	return func(code int) {
		m.inFlight.Add(ctx, -1)
		m.request.Record(ctx, now().Sub(started).Seconds(), metric.WithAttributes(attribute.Int("code", code)))
	}
}
