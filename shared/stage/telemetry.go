package stage

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"knative.dev/pkg/logging"

	"kubernaut.ai/shared/event"
)

// scope names the harness's instruments.
const scope = "kubernaut.ai/shared/stage"

// meters are the harness's instruments, made once a stage.
type meters struct {
	stage    attribute.KeyValue
	tracer   trace.Tracer
	turns    metric.Int64Counter
	duration metric.Float64Histogram
	drops    metric.Int64Counter
	outgoing metric.Int64Counter
}

// turnBuckets are seconds, from a recorded reply to the whole budget.
var turnBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25}

func newMeters(stage string, tracers trace.TracerProvider) (meters, error) {
	m := otel.Meter(scope)
	out := meters{stage: attribute.String("stage", stage), tracer: tracers.Tracer(scope)}
	var err [4]error
	out.turns, err[0] = m.Int64Counter("kubernaut.turns", metric.WithDescription("Events handled, by outcome and named reason."))
	out.duration, err[1] = m.Float64Histogram("kubernaut.turn.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from taking an event to answering it."), metric.WithExplicitBucketBoundaries(turnBuckets...))
	out.drops, err[2] = m.Int64Counter("kubernaut.drops", metric.WithDescription("What was dropped, suppressed or refused, by named reason."))
	out.outgoing, err[3] = m.Int64Counter("kubernaut.published", metric.WithDescription("Events posted to the Broker, by named reason of failure."))
	for _, e := range err {
		if e != nil {
			return out, fmt.Errorf("make instruments: %w", e)
		}
	}
	return out, nil
}

func (m meters) drop(ctx context.Context, reason string) {
	m.drops.Add(ctx, 1, metric.WithAttributes(m.stage, attribute.String("reason", reason)))
}

func (m meters) publish(ctx context.Context, eventType, reason string) {
	m.outgoing.Add(ctx, 1, metric.WithAttributes(m.stage,
		attribute.String("type", event.ShortType(eventType)), attribute.String("reason", reason)))
}

// conclusion is how a turn ended.
type conclusion struct {
	event  cloudevents.Event
	reply  *cloudevents.Event
	reason string
	err    error
	took   time.Duration
}

// conclude counts and logs a turn once, and returns its failure if it failed.
func (f *Function) conclude(ctx context.Context, c conclusion) *Error {
	failure := asError(c.err)
	outcome, log := "nothing", Logger(ctx).WithLazy("took", c.took)
	switch {
	case failure != nil && failure.Permanent:
		outcome, c.reason = "refused", failure.Reason
		log.Errorw("event refused", "reason", failure.Reason, "error", failure.Err)
	case failure != nil:
		outcome, c.reason = "retry", failure.Reason
		log.Warnw("event to be retried", "reason", failure.Reason, "error", failure.Err)
	case Explaining(ctx):
		outcome = "explained"
		log.Infow("explained what it would answer", "reason", c.reason)
	case c.reply != nil:
		outcome = "replied"
		log.Infow("event answered", "with", event.ShortType(c.reply.Type()), "id", c.reply.ID())
	default:
		log.Infow("event taken", "reason", c.reason)
	}
	attributes := metric.WithAttributes(f.rt.meters.stage, attribute.String("type", knownType(c.event.Type())),
		attribute.String("outcome", outcome), attribute.String("reason", c.reason))
	f.rt.meters.turns.Add(ctx, 1, attributes)
	f.rt.meters.duration.Record(ctx, c.took.Seconds(), metric.WithAttributes(f.rt.meters.stage))
	return failure
}

// knownType keeps strangers from minting metric series.
func knownType(t string) string {
	if _, ok := event.Lookup(t); ok || t == event.Ping {
		return event.ShortType(t)
	}
	return "other"
}

func panicked(ctx context.Context, cause any) error {
	Logger(ctx).Errorw("panic", "cause", cause, "stack", string(debug.Stack()))
	return Transient(ReasonPanic, fmt.Errorf("%v", cause))
}

// observe starts the turn's span as a child of the event's trace and gives
// the context a logger that names stage, remediation and event.
func (f *Function) observe(ctx context.Context, e cloudevents.Event) (context.Context, trace.Span) {
	ctx = traceContext.Extract(ctx, carrier{&e})
	ctx, span := f.rt.meters.tracer.Start(ctx, f.name+" "+knownType(e.Type()), trace.WithSpanKind(trace.SpanKindConsumer))
	log := f.rt.log.WithLazy("stage", f.name, "remediation", event.Extension(e, event.ExtCorrelation), "type", e.Type(), "event", e.ID())
	return logging.WithLogger(ctx, log), span
}

func withLogger(ctx context.Context, rt *Runtime) context.Context {
	return logging.WithLogger(ctx, rt.log.WithLazy("stage", rt.Stage))
}

// Logger is the turn's structured logger.
func Logger(ctx context.Context) *zap.SugaredLogger { return logging.FromContext(ctx) }

// traceContext is W3C trace context, carried in events' extensions because a
// reply inherits no header.
var traceContext = propagation.TraceContext{}

func injectTrace(ctx context.Context, e *cloudevents.Event) {
	if trace.SpanContextFromContext(ctx).IsValid() {
		traceContext.Inject(ctx, carrier{e})
	}
}

// carrier lets propagators read and write an event's extensions.
type carrier struct{ e *cloudevents.Event }

func (c carrier) Get(key string) string { return event.Extension(*c.e, key) }
func (c carrier) Set(key, value string) { c.e.SetExtension(key, value) }
func (c carrier) Keys() []string        { return []string{event.ExtTraceParent, event.ExtTraceState} }
