package broker

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// observe describes a delivery as it stands.
func (d *delivery) observe(now time.Time, reason string) Observation {
	return Observation{
		Trigger: d.sub.name, EventID: d.msg.id, EventType: d.msg.typ, Reason: reason,
		Attempt: d.attempt, Status: d.last.status, Duration: d.last.took, Total: now.Sub(d.msg.accepted),
	}
}

func (b *Broker) delivered(ctx context.Context, d *delivery) {
	b.metrics.attempt(ctx, d.sub.marks.delivered)
	b.opts.Observer.call(b.opts.Observer.Delivered, d.observe(b.opts.Now(), ""))
	b.finish(d, nil)
}

func (b *Broker) retried(ctx context.Context, d *delivery, wait time.Duration) {
	obs := d.observe(b.opts.Now(), d.last.cause)
	obs.Wait = wait
	b.log.Debug("Retrying a delivery", zap.String("trigger", obs.Trigger), zap.String("event", obs.EventID),
		zap.String("cause", obs.Reason), zap.Int("status", obs.Status), zap.Int("attempt", obs.Attempt), zap.Duration("wait", wait))
	b.metrics.attempt(ctx, d.sub.marks.retried)
	b.opts.Observer.call(b.opts.Observer.Retried, obs)
}

func (b *Broker) deadLettered(ctx context.Context, d *delivery) {
	obs := d.observe(b.opts.Now(), d.failure.cause)
	obs.Status = d.failure.code
	b.log.Warn("Dead letter", zap.String("trigger", obs.Trigger), zap.String("event", obs.EventID),
		zap.String("type", obs.EventType), zap.String("cause", obs.Reason), zap.Int("status", obs.Status))
	b.metrics.attempt(ctx, d.sub.marks.deadLettered)
	b.opts.Observer.call(b.opts.Observer.DeadLettered, obs)
	b.finish(d, nil)
}

func (b *Broker) dropped(ctx context.Context, obs Observation) {
	b.log.Debug("Dropping", zap.String("reason", obs.Reason), zap.String("trigger", obs.Trigger),
		zap.String("event", obs.EventID), zap.String("type", obs.EventType))
	b.metrics.drop(ctx, obs.Trigger, obs.Reason)
	b.opts.Observer.call(b.opts.Observer.Dropped, obs)
}
