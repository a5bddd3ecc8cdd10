package stage

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"knative.dev/pkg/logging"
)

// envOTLP is OpenTelemetry's own setting. A function that scales to zero
// cannot be scraped: where this is set, metrics and traces are pushed.
const envOTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"

// setUpTelemetry gives the stage its logger and instruments, and the process
// its exporters where they are configured.
func (l *lifecycle) setUpTelemetry(ctx context.Context, rt *Runtime) (context.Context, error) {
	var err error
	if rt.log, err = newLogger(rt.Config); err != nil {
		return ctx, err
	}
	// Without exporters the SDK's provider still makes ids, so that events and
	// logs correlate, and records nothing.
	var tracers oteltrace.TracerProvider = trace.NewTracerProvider(trace.WithSampler(trace.ParentBased(trace.NeverSample())))
	rt.close = func() error { return nil }
	if rt.Config.String(envOTLP, "") != "" {
		if rt.close, err = export(ctx, rt); err != nil {
			return ctx, err
		}
		tracers = otel.GetTracerProvider()
	}
	if rt.meters, err = newMeters(l.name, tracers); err != nil {
		return ctx, err
	}
	return logging.WithLogger(ctx, rt.log.With("stage", l.name)), nil
}

// newLogger writes JSON lines, as knative.dev/pkg's components do.
func newLogger(c *Config) (*zap.SugaredLogger, error) {
	level, err := zapcore.ParseLevel(c.String(EnvLogLevel, "info"))
	if err != nil {
		return nil, fmt.Errorf("setting %s: %w", EnvLogLevel, err)
	}
	config := zap.NewProductionConfig()
	config.Level = zap.NewAtomicLevelAt(level)
	config.OutputPaths = strings.Fields(c.String(EnvLogOutput, "stderr"))
	config.EncoderConfig.TimeKey = "timestamp"
	config.EncoderConfig.EncodeTime = zapcore.ISO8601TimeEncoder
	log, err := config.Build()
	if err != nil {
		return nil, fmt.Errorf("setting %s: %w", EnvLogOutput, err)
	}
	return log.Sugar(), nil
}

// export sets the process's OTLP exporters; OpenTelemetry's own environment
// variables say where to and how.
func export(ctx context.Context, rt *Runtime) (func() error, error) {
	res, err := resource.Merge(resource.Default(), resource.NewSchemaless(
		semconv.ServiceName("kubernaut-"+rt.Stage), semconv.ServiceNamespace(rt.Namespace)))
	if err != nil {
		return nil, fmt.Errorf("describe telemetry resource: %w", err)
	}
	metrics, err := otlpmetrichttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("open metrics exporter: %w", err)
	}
	spans, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("open trace exporter: %w", err)
	}
	meters := metric.NewMeterProvider(metric.WithResource(res), metric.WithReader(metric.NewPeriodicReader(metrics)))
	traces := trace.NewTracerProvider(trace.WithResource(res), trace.WithBatcher(spans))
	otel.SetMeterProvider(meters)
	otel.SetTracerProvider(traces)
	return func() error {
		// Scale to zero ends the process: what was measured must go out first.
		ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
		defer cancel()
		return errors.Join(meters.Shutdown(ctx), traces.Shutdown(ctx))
	}, nil
}
