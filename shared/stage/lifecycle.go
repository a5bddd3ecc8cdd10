package stage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

// Option says what a stage needs around it.
type Option func(*lifecycle)

// WithInbox makes the stage handle each event once and repeat its recorded
// reply: for stages where handling twice costs or harms.
func WithInbox() Option { return func(l *lifecycle) { l.inbox, l.needsLedger = true, true } }

// NeedsLedger connects the stage to Redis.
func NeedsLedger() Option { return func(l *lifecycle) { l.needsLedger = true } }

// NeedsSink lets the stage publish to the Broker.
func NeedsSink() Option { return func(l *lifecycle) { l.needsSink = true } }

// CatchAll hands every event to take, sealed or not: for the stage that keeps
// what all others refused. It replaces the routes.
func CatchAll(take func(context.Context, *Runtime, cloudevents.Event) error) Option {
	return func(l *lifecycle) { l.catchAll = take }
}

// lifecycle is what event and HTTP functions share: connecting, being ready,
// stopping.
type lifecycle struct {
	name        string
	inbox       bool
	needsLedger bool
	needsSink   bool
	catchAll    func(context.Context, *Runtime, cloudevents.Event) error

	rt      *Runtime
	started *atomic.Bool
	stopped *atomic.Bool
}

func newLifecycle(name string, options []Option) lifecycle {
	l := lifecycle{name: name, started: new(atomic.Bool), stopped: new(atomic.Bool)}
	for _, o := range options {
		o(&l)
	}
	return l
}

// start builds the runtime, opens the stage, and only then lets events in.
func (l *lifecycle) start(ctx context.Context, settings map[string]string, open func(context.Context, *Runtime) error) error {
	rt, err := l.runtime(settings)
	if err != nil {
		return fmt.Errorf("start %s: %w", l.name, err)
	}
	ctx, err = l.setUpTelemetry(ctx, rt)
	if err != nil {
		return fmt.Errorf("start %s: %w", l.name, err)
	}
	err = open(ctx, rt)
	if err := errors.Join(err, rt.Config.Err()); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", l.name, err), rt.stop())
	}
	l.rt = rt
	l.started.Store(true)
	return nil
}

func (l *lifecycle) runtime(settings map[string]string) (*Runtime, error) {
	c := NewConfig(settings)
	rt := &Runtime{Stage: l.name, Config: c, Now: time.Now,
		Namespace: c.String(EnvNamespace, DefaultNamespace),
		within:    c.Duration(EnvTurnWithin, DefaultTurnWithin),
		lease:     c.Lease(inboxLease), cooldowns: c.cooldowns()}
	var keyErr, ringErr, redisErr error
	private, public := l.sealingKeys(c)
	if private != "" {
		rt.key, keyErr = event.ParseSealingKey(private)
	}
	if public != "" {
		rt.Keys, ringErr = event.ParseKeyring(public)
	}
	if l.needsSink {
		rt.sink = NewSink(c.Required(EnvSink, "the Broker's address, to which this stage publishes"))
	}
	if l.needsLedger {
		if url := c.Required(EnvRedis, "the Redis that holds claims, such as redis://redis:6379"); url != "" {
			rt.Ledger, redisErr = ledger.Open(url)
		}
	}
	if err := errors.Join(c.Err(), keyErr, ringErr, redisErr); err != nil {
		return nil, err
	}
	return rt, nil
}

// sealingKeys are the stage's own key and the public keys of all stages.
func (l *lifecycle) sealingKeys(c *Config) (private, public string) {
	if dir := c.String(EnvSealDir, ""); dir != "" {
		return c.file(EnvSealDir, filepath.Join(dir, l.name)), c.file(EnvSealDir, filepath.Join(dir, "public"))
	}
	return c.Secret(EnvSealPrivate, "the base64 seed with which this stage seals its events"),
		c.Secret(EnvSealPublic, "lines of \"stage key\": whose seals this stage accepts")
}

func (l *lifecycle) ready() bool { return l.started.Load() && !l.stopped.Load() }

// Ready reports whether the function can take events: it has started, and
// Redis answers where it is needed.
func (l *lifecycle) Ready(ctx context.Context) (bool, error) {
	if !l.ready() {
		return false, nil
	}
	if l.rt.Ledger != nil {
		if err := l.rt.Ledger.Ping(ctx); err != nil {
			// Not ready is not an error: the platform asks again.
			Logger(ctx).Warnw("not ready", "reason", ReasonLedgerDown, "error", err)
			return false, nil
		}
	}
	return true, nil
}

// Alive reports whether the process is worth keeping. Nothing outside decides
// that: restarting a function does not bring Redis back.
func (l *lifecycle) Alive(context.Context) (bool, error) { return true, nil }

// Stop refuses new events and closes connections.
func (l *lifecycle) Stop(context.Context) error {
	if l.stopped.Swap(true) || l.rt == nil {
		return nil
	}
	return l.rt.stop()
}
