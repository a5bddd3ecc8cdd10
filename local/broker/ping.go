package broker

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
	"github.com/robfig/cron/v3"
	duckeventingv1 "knative.dev/eventing/pkg/apis/duck/v1"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"
)

// What Knative's ping adapter does with a ping that fails: 5 retries, 50 ms apart at first; then it is lost.
const (
	pingRetries = int32(5)
	pingBackoff = "PT0.05S"
)

// ErrUnknownPing is returned by Ping for a name that no PingSource has.
var ErrUnknownPing = errors.New("no such PingSource")

// pinger is one PingSource.
type pinger struct {
	sub      *subscription
	name     string
	template event.Event
	schedule cron.Schedule
	pending  atomic.Bool
}

// every is a schedule that, unlike cron's, may be shorter than a second.
type every time.Duration

// Next implements cron.Schedule.
func (e every) Next(t time.Time) time.Time { return t.Add(time.Duration(e)) }

// pinger prepares one PingSource; its schedule was validated by Knative's own code.
func (p planner) pinger(s *sourcesv1.PingSource) (*pinger, error) {
	retries, delay, exponential := pingRetries, pingBackoff, duckeventingv1.BackoffPolicyExponential
	spec := &duckeventingv1.DeliverySpec{Retry: &retries, BackoffDelay: &delay, BackoffPolicy: &exponential}
	policy, err := newPolicy(spec, p.opts.BackoffScale)
	if err != nil {
		return nil, err
	}
	policy.retryable = pingRetryable
	sub := &subscription{name: key(s).String(), namespace: s.Namespace, policy: policy}
	sink := s.Spec.Sink.DeepCopy()
	if sink.Ref != nil && sink.Ref.Namespace == "" {
		sink.Ref.Namespace = s.Namespace // by Knative's controller, not by its defaulting
	}
	if sub.url, err = p.resolve(sink); err != nil {
		return nil, fmt.Errorf("resolve sink: %w", err)
	}
	out := &pinger{sub: sub, name: s.Name, schedule: every(p.opts.PingEvery)}
	if p.opts.PingEvery == 0 {
		if out.schedule, err = parseSchedule(s.Spec.Schedule, s.Spec.Timezone); err != nil {
			return nil, err
		}
	}
	if out.template, err = pingTemplate(s); err != nil {
		return nil, err
	}
	return out, nil
}

// parseSchedule reads a schedule with the parser of Knative's ping adapter.
func parseSchedule(spec, timezone string) (cron.Schedule, error) {
	if timezone != "" {
		spec = "CRON_TZ=" + timezone + " " + spec
	}
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	schedule, err := parser.Parse(spec)
	if err != nil {
		return nil, fmt.Errorf("parse schedule: %w", err)
	}
	return schedule, nil
}

// pingTemplate is the event without id and time.
func pingTemplate(s *sourcesv1.PingSource) (event.Event, error) {
	ev := event.New()
	ev.SetType(sourcesv1.PingSourceEventType)
	ev.SetSource(sourcesv1.PingSourceSource(s.Namespace, s.Name))
	if o := s.Spec.CloudEventOverrides; o != nil {
		for name, value := range o.Extensions {
			ev.SetExtension(name, value)
		}
	}
	data := []byte(s.Spec.Data)
	if s.Spec.DataBase64 != "" {
		decoded, err := base64.StdEncoding.DecodeString(s.Spec.DataBase64)
		if err != nil {
			return ev, fmt.Errorf("decode dataBase64: %w", err)
		}
		data = decoded
	}
	if len(data) > 0 {
		if err := ev.SetData(s.Spec.ContentType, data); err != nil {
			return ev, fmt.Errorf("set data: %w", err)
		}
	}
	return ev, nil
}

// Start begins the PingSources' schedules. Deliveries need no start.
func (b *Broker) Start() {
	for _, p := range b.plan.pings {
		b.arm(p)
	}
}

// arm waits for the next time of a schedule.
func (b *Broker) arm(p *pinger) {
	now := b.opts.Now()
	next := p.schedule.Next(now)
	if next.IsZero() {
		return // such as 30 February
	}
	tick := func() {
		b.tick(p)
		b.arm(p)
	}
	b.timers.start(b.after(next.Sub(now)), tick, func() {})
}

// tick sends a scheduled ping, unless the last one is still under way: it will see what this one would.
func (b *Broker) tick(p *pinger) {
	ctx := b.withLog(context.Background())
	if !p.pending.CompareAndSwap(false, true) {
		b.dropped(ctx, Observation{Trigger: p.sub.name, EventType: p.template.Type(), Reason: ReasonPingPending})
		return
	}
	b.ping(ctx, p, func(error) { p.pending.Store(false) })
}

// Ping makes the PingSource of that name fire now and returns once its sink has answered 2xx, or with the
// reason why it did not. The schedule goes on unchanged.
func (b *Broker) Ping(ctx context.Context, name string) error {
	for _, p := range b.plan.pings {
		if p.name != name {
			continue
		}
		done := make(chan error, 1)
		b.ping(b.withLog(ctx), p, func(err error) { done <- err })
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return fmt.Errorf("ping %s: %w", name, ctx.Err())
		}
	}
	return fmt.Errorf("ping %s: %w", name, ErrUnknownPing)
}

func (b *Broker) ping(ctx context.Context, p *pinger, done func(error)) {
	b.gate.RLock()
	defer b.gate.RUnlock()
	if b.stopping {
		done(fmt.Errorf("ping %s: %s", p.name, ReasonStopping))
		return
	}
	now := b.opts.Now()
	ev := p.template.Clone()
	ev.SetID(uuid.NewString())
	ev.SetTime(now)
	msg, err := newMessage(ctx, &ev, http.Header{})
	if err != nil {
		done(fmt.Errorf("ping %s: %w", p.name, err))
		return
	}
	msg.accepted = now
	p.sub.load.Add(1)
	b.pending.add(1)
	b.enqueue(ctx, &delivery{sub: p.sub, msg: msg, done: done})
}
