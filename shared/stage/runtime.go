package stage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"go.uber.org/zap"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

// Runtime is what the harness has ready for a stage when it opens.
type Runtime struct {
	Stage     string
	Namespace string
	Config    *Config
	// Ledger is nil unless the stage was made with NeedsLedger or WithInbox.
	Ledger *ledger.Ledger
	// Keys verifies seals that reach the stage by another way than an event.
	Keys event.Keyring
	Now  func() time.Time

	key    event.SealingKey
	sink   *Sink
	within time.Duration
	lease  time.Duration
	// cooldowns are by how a remediation ended.
	cooldowns cooldowns
	meters    meters
	log       *zap.SugaredLogger
	close     func() error
	onStop    []func() error
	// explains are the routes by which the stage says what it would answer.
	explains Routes
}

// Explain registers how the stage says what it would answer to events of these
// types, without doing it: by the route that answers them, where it does nothing
// under Explaining but read, or by one of its own. All other types are refused
// with ReasonCannotExplain. It is for Open only, which runs alone.
func (rt *Runtime) Explain(routes Routes) { rt.explains = routes }

// OnStop registers what a stage opened and Stop must close. It is for Open
// only, which runs alone.
func (rt *Runtime) OnStop(closer func() error) { rt.onStop = append(rt.onStop, closer) }

// stop closes what Start opened, in the reverse order.
func (rt *Runtime) stop() error {
	var errs []error
	for _, closer := range slices.Backward(rt.onStop) {
		errs = append(errs, closer())
	}
	if rt.sink != nil {
		rt.sink.Close()
	}
	if rt.Ledger != nil {
		errs = append(errs, rt.Ledger.Close())
	}
	return errors.Join(append(errs, rt.close())...)
}

// Seal makes an event of the draft, with this stage as its producer, the
// trace of ctx, and the stage's seal.
func (rt *Runtime) Seal(ctx context.Context, d event.Draft) (cloudevents.Event, error) {
	d.Stage, d.Namespace = rt.Stage, rt.Namespace
	if d.Now.IsZero() {
		d.Now = rt.Now()
	}
	e, err := event.New(d)
	if err != nil {
		return e, err
	}
	if Explaining(ctx) && !event.ForExplanation(e) {
		return e, Permanent(ReasonCannotExplain, errExplaining)
	}
	injectTrace(ctx, &e)
	return e, rt.key.Seal(&e)
}

// Publish posts a sealed event to the Broker and returns when it has taken
// it. Any failure may pass: the same id is safe to publish again.
func (rt *Runtime) Publish(ctx context.Context, e cloudevents.Event) error {
	if Explaining(ctx) || event.ForExplanation(e) {
		return Permanent(ReasonCannotExplain, errExplaining)
	}
	if err := rt.sink.Post(ctx, e); err != nil {
		rt.meters.publish(ctx, e.Type(), ReasonPublish)
		return Transient(ReasonPublish, fmt.Errorf("publish %s: %w", e.Type(), err))
	}
	rt.meters.publish(ctx, e.Type(), "")
	return nil
}

// Drop records that something was dropped, suppressed or refused, with its
// named reason: a metric and a log line. The event, where there is one to
// send, is the stage's own.
func (rt *Runtime) Drop(ctx context.Context, reason, detail string) {
	if !Explaining(ctx) {
		rt.meters.drop(ctx, reason)
	}
	Logger(ctx).Infow("dropped", "reason", reason, "detail", detail)
}
