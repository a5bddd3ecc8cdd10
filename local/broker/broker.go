package broker

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/logging"
)

// abortPoll is how long abort waits for cut attempts before it looks for replies that they queued meanwhile.
const abortPoll = 10 * time.Millisecond

// Broker is an http.Handler that takes events in, and the deliveries that follow. Create it by New.
type Broker struct {
	opts    Options
	log     *zap.Logger
	sugared *zap.SugaredLogger
	plan    *plan
	client  *http.Client
	dice    *dice
	metrics *metrics
	cancel  context.CancelFunc // ends every attempt

	pending     tracker
	timers      timers
	undelivered undelivered

	gate     sync.RWMutex
	stopping bool
}

// New reads the manifests and refuses what it cannot play: see LoadManifests, and Triggers without a filter, with
// a filter that Knative would skip, for a Broker that is not declared, or with a destination that resolves to
// nothing. The error names every such Trigger. The logger is the one in ctx. The Broker takes events at once;
// Stop ends it, not ctx.
func New(ctx context.Context, opts Options) (*Broker, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	manifests, err := LoadManifests(feature.ToContext(ctx, opts.Features), opts.Manifests)
	if err != nil {
		return nil, err
	}
	log := logging.FromContext(ctx).Desugar().Named("broker")
	plan, err := planner{log: log, opts: opts}.plan(manifests)
	if err != nil {
		return nil, err
	}
	instruments, err := newMetrics()
	if err != nil {
		return nil, err
	}
	b := &Broker{
		opts: opts, log: log, sugared: log.Sugar(), plan: plan, metrics: instruments, dice: newDice(opts.Chaos),
		client: &http.Client{Transport: opts.Transport},
	}
	b.open(ctx)
	return b, nil
}

// open gives every subscription its queue. Attempts outlive ctx and end with the Broker.
func (b *Broker) open(ctx context.Context) {
	ctx, b.cancel = context.WithCancel(b.withLog(context.WithoutCancel(ctx)))
	for _, s := range b.subscriptions() {
		s.marks = newMarks(s.name)
		s.queue.limit = b.opts.Concurrency
		s.queue.work = func(d *delivery) { b.run(ctx, d) }
	}
}

func (b *Broker) subscriptions() []*subscription {
	var all []*subscription
	for _, h := range b.plan.hubs {
		all = append(all, h.subs...)
	}
	for _, p := range b.plan.pings {
		all = append(all, p.sub)
	}
	return all
}

// withLog lets Knative's filters log where the Broker does.
func (b *Broker) withLog(ctx context.Context) context.Context {
	return logging.WithLogger(ctx, b.sugared)
}

// Idle returns once nothing is queued, under way or waiting to be retried, or with ctx's error. A schedule does
// not count until it fires.
func (b *Broker) Idle(ctx context.Context) error {
	if err := b.pending.wait(ctx); err != nil {
		return fmt.Errorf("wait for idle broker: %w", err)
	}
	return nil
}

// Stop refuses new events, ends schedules, lets what is queued and under way finish until ctx ends, and then cuts
// it short. Deliveries that wait for a retry are not waited for. What nobody got is returned as an
// *UndeliveredError. Further calls return the same.
func (b *Broker) Stop(ctx context.Context) error {
	b.gate.Lock()
	b.stopping = true
	b.gate.Unlock()
	b.timers.stopAll()
	if err := b.pending.wait(ctx); err != nil {
		b.abort()
	}
	b.cancel()
	b.client.CloseIdleConnections()
	return b.undelivered.err()
}

// abort gives up on all that is left, and waits for attempts to notice.
func (b *Broker) abort() {
	b.cancel()
	for idle := false; !idle; {
		for _, s := range b.subscriptions() {
			for _, d := range s.queue.drain() {
				b.abandon(d, UndeliveredQueued)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), abortPoll)
		idle = b.pending.wait(ctx) == nil
		cancel()
	}
}
