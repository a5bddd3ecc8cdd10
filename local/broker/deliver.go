package broker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"go.uber.org/zap"
	knbroker "knative.dev/eventing/pkg/broker"
	"knative.dev/eventing/pkg/utils"
)

// phase is where a delivery wants to go next.
type phase int

const (
	toSubscriber phase = iota
	toBroker           // the subscriber's reply
	toDeadLetter
)

// delivery is one event on its way to one subscription. One goroutine at a time has it.
type delivery struct {
	sub     *subscription
	msg     *message
	phase   phase
	attempt int // made in this phase
	last    outcome
	reply   *event.Event
	passed  http.Header // what of the reply's headers goes through the Broker
	failure failure
	done    func(error) // nil, or told how the delivery ended
}

// failure is why an event became a dead letter.
type failure struct {
	dest  string
	code  int
	body  []byte
	cause string
}

// enqueue hands a reserved and counted delivery to its queue, by way of chaos.
func (b *Broker) enqueue(ctx context.Context, d *delivery) {
	f := b.dice.fate()
	if f.lose {
		b.dropped(ctx, d.observe(b.opts.Now(), ReasonChaosLost))
		b.finish(d, errors.New(ReasonChaosLost))
		return
	}
	for range f.copies - 1 {
		d.sub.load.Add(1) // beyond the bound: chaos must not refuse events
		b.pending.add(1)
		b.schedule(f, &delivery{sub: d.sub, msg: d.msg})
	}
	b.schedule(f, d)
}

// schedule queues d now, later, or behind the next one.
func (b *Broker) schedule(f fate, d *delivery) {
	q := &d.sub.queue
	switch {
	case f.reorder && q.hold(d):
		b.timers.start(b.after(b.dice.MaxDelay), func() { q.release(d) }, func() { q.release(d) })
	case f.delay > 0:
		b.timers.start(b.after(f.delay), func() { q.push(d) }, func() { q.push(d) })
	default:
		q.push(d)
	}
}

func (b *Broker) after(d time.Duration) func(func()) func() bool {
	return func(f func()) func() bool { return b.opts.After(d, f) }
}

// run takes a delivery as far as it gets without waiting.
func (b *Broker) run(ctx context.Context, d *delivery) {
	for more := true; more; {
		d.attempt++
		switch d.phase {
		case toSubscriber:
			more = b.sendToSubscriber(ctx, d)
		case toBroker:
			more = b.sendReply(ctx, d)
		case toDeadLetter:
			more = b.sendToDeadLetter(ctx, d)
		}
	}
}

// enter starts a phase, with a retry budget of its own as in Knative.
func (d *delivery) enter(p phase) bool {
	d.phase, d.attempt = p, 0
	return true
}

func (b *Broker) sendToSubscriber(ctx context.Context, d *delivery) bool {
	d.last = b.post(ctx, d.sub, request{url: d.sub.url, header: d.msg.header, body: d.msg.body})
	switch {
	case !d.last.ok():
		return b.failed(ctx, d, failure{dest: d.sub.url, code: d.last.status, body: d.last.body, cause: d.last.cause})
	case d.last.reply == nil:
		b.delivered(ctx, d)
		return false
	case d.sub.broker == nil:
		b.dropped(ctx, d.observe(b.opts.Now(), ReasonReplyNotRouted))
		b.delivered(ctx, d)
		return false
	}
	d.reply, d.passed = d.last.reply, utils.PassThroughHeaders(d.last.header)
	return d.enter(toBroker)
}

// sendReply puts the subscriber's reply into the Broker, with the TTL of the event that it answers. Were it to
// end here by itself, the reply would be lost although the stage did its work: the retries are the delivery's,
// and a refused reply makes a dead letter of the event that it answers, as in Knative.
func (b *Broker) sendReply(ctx context.Context, d *delivery) bool {
	reply := d.reply.Clone()
	if err := knbroker.SetTTL(reply.Context, d.msg.ttl); err != nil {
		b.log.Error("Cannot set the TTL of a reply", zap.String("trigger", d.sub.name), zap.Error(err))
	}
	v := b.ingest(ctx, d.sub.broker, &reply, d.passed.Clone())
	if v.reason == "" {
		b.delivered(ctx, d)
		return false
	}
	d.last.status, d.last.cause, d.last.body = v.status, CauseReplyRefused, []byte(v.reason)
	return b.failed(ctx, d, failure{dest: d.sub.broker.address, code: v.status, body: d.last.body, cause: CauseReplyRefused})
}

func (b *Broker) sendToDeadLetter(ctx context.Context, d *delivery) bool {
	if d.sub.deadLetter == "" {
		b.lost(ctx, d, ReasonNoDeadLetterSink)
		return false
	}
	d.last = b.post(ctx, d.sub, request{url: d.sub.deadLetter, header: d.msg.deadLetterHeader(d.failure), body: d.msg.body})
	if !d.last.ok() {
		return b.failed(ctx, d, d.failure)
	}
	if d.last.reply != nil {
		b.dropped(ctx, d.observe(b.opts.Now(), ReasonReplyNotRouted))
	}
	b.deadLettered(ctx, d)
	return false
}

// failed waits for the next attempt, or moves on to the dead letter sink, or gives up there.
func (b *Broker) failed(ctx context.Context, d *delivery, f failure) bool {
	if ctx.Err() != nil {
		b.abandon(d, UndeliveredInFlight)
		return false
	}
	if wait, again := d.sub.policy.again(d.attempt, d.last, b.opts.Now()); again {
		b.retried(ctx, d, wait)
		b.timers.start(b.after(wait), func() { d.sub.queue.push(d) }, func() { b.abandon(d, UndeliveredWaitingRetry) })
		return false
	}
	if d.phase == toDeadLetter {
		b.lost(ctx, d, ReasonDeadLetterFailed)
		return false
	}
	d.failure = f
	return d.enter(toDeadLetter)
}

// lost ends a delivery that nobody keeps.
func (b *Broker) lost(ctx context.Context, d *delivery, reason string) {
	b.log.Error("Losing an event", zap.String("reason", reason), zap.String("trigger", d.sub.name),
		zap.String("event", d.msg.id), zap.String("type", d.msg.typ), zap.String("cause", d.failure.cause), zap.Int("status", d.failure.code))
	b.dropped(ctx, d.observe(b.opts.Now(), reason))
	b.finish(d, fmt.Errorf("deliver %s to %s: %s: %s %d", d.msg.typ, d.sub.name, reason, d.failure.cause, d.failure.code))
}

// abandon ends a delivery because the Broker stops. What moves a remediation on
// is found again by the sweep of the next run; what only record was to have is gone.
func (b *Broker) abandon(d *delivery, where string) {
	b.log.Warn("Leaving an event undelivered: the Broker stops", zap.String("reason", where), zap.String("trigger", d.sub.name),
		zap.String("event", d.msg.id), zap.String("type", d.msg.typ))
	b.undelivered.count(where)
	b.finish(d, fmt.Errorf("deliver %s to %s: broker stopped: %s", d.msg.typ, d.sub.name, where))
}

// finish gives the delivery's place back. What follows from it is queued by now, so that Idle sees no gap.
func (b *Broker) finish(d *delivery, err error) {
	d.sub.load.Add(-1)
	if d.done != nil {
		d.done(err)
	}
	b.pending.add(-1)
}
