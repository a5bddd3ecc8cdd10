package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"knative.dev/pkg/logging"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// Bounds of one ping's work.
const (
	// pingBudget leaves room in a turn of 25 s to give items back.
	pingBudget = 20 * time.Second
	// itemLease outlasts any turn: an item is not worked on twice at a time.
	itemLease = time.Minute
	// batchSize is how many items are leased at a time, parallel how many of
	// them are worked on at once.
	batchSize = 32
	parallel  = 8
	// giveBackWithin bounds giving items back after the budget is spent.
	giveBackWithin = 3 * time.Second
	// retryFirst and retryMost bound the wait before a failed item is tried
	// again.
	retryFirst = 15 * time.Second
	retryMost  = 10 * time.Minute
	// unknownKindWait is the wait for a version that knows the kind.
	unknownKindWait = 10 * time.Minute
)

// ping works off what is due, within its budget. What is left is due at the
// next ping.
func (a *assessor) ping(ctx context.Context, _ stage.Input[json.RawMessage]) (stage.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, pingBudget)
	defer cancel()
	// First, so that what this ping ends is not mistaken for lost.
	if err := a.rebuild(ctx); err != nil {
		stage.Logger(ctx).Warnw("history not swept", "error", err)
	}
	for {
		items, err := a.book.LeaseDue(ctx, batchSize, a.settings.ItemLease)
		a.workOff(ctx, items)
		if err != nil {
			return stage.Reply{}, err
		}
		if len(items) < batchSize || ctx.Err() != nil {
			return stage.Nothing(ReasonWorked), nil
		}
	}
}

// workOff handles a batch; items that the budget leaves no time for are given
// back.
func (a *assessor) workOff(ctx context.Context, items []ledger.Leased) {
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for _, item := range items {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			a.handle(ctx, item)
		})
	}
	wg.Wait()
}

// handle runs one item and decides what becomes of it if that fails.
func (a *assessor) handle(ctx context.Context, item ledger.Leased) {
	log := stage.Logger(ctx).With("item", item.ID, "remediation", item.Remediation)
	ctx = logging.WithLogger(ctx, log)
	err := ctx.Err()
	if err == nil {
		err = a.run(ctx, item)
	}
	if err == nil || errors.Is(err, ledger.ErrLostLease) {
		return // done, or somebody else's
	}
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackWithin)
	defer cancel()
	if reason, hopeless := permanent(err); hopeless {
		a.herald.Drop(ctx, reason, err.Error())
		err = a.book.Complete(after, item)
	} else {
		log.Warnw("item to be tried again", "attempt", item.Attempt, "error", err)
		err = a.book.Postpone(after, item, backoff(item.Attempt))
	}
	if err != nil && !errors.Is(err, ledger.ErrLostLease) {
		// The lease ends by itself.
		log.Warnw("item not given back", "error", err)
	}
}

// permanent names the reason for which no retry can help, if that is so.
func permanent(err error) (reason string, hopeless bool) {
	var failure *stage.Error
	if errors.As(err, &failure) {
		return failure.Reason, failure.Permanent
	}
	return ReasonBadItem, errors.Is(err, ledger.ErrInvalid) || errors.Is(err, event.ErrTooLarge) || errors.Is(err, event.ErrNotADocument)
}

func backoff(attempt int) time.Duration {
	d := retryFirst << min(max(attempt-1, 0), 10)
	return min(d, retryMost)
}

// run handles an item by its kind. A panic is a failure like any other; the
// harness does not see those of other goroutines.
func (a *assessor) run(ctx context.Context, item ledger.Leased) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			stage.Logger(ctx).Errorw("panic", "cause", cause, "stack", string(debug.Stack()))
			err = fmt.Errorf("%s: %v", stage.ReasonPanic, cause)
		}
	}()
	switch item.Kind {
	case kindAssess:
		return a.assess(ctx, item)
	case ledger.KindApproval:
		return a.expire(ctx, item)
	case ledger.KindWatch:
		return a.watch(ctx, item)
	case ledger.KindPark, kindUndo:
		return a.release(ctx, item)
	case kindLost:
		return a.lost(ctx, item)
	}
	a.herald.Drop(ctx, ReasonUnknownKind, item.Kind)
	return a.book.Postpone(ctx, item, unknownKindWait)
}

// release publishes an event that was put off until now.
func (a *assessor) release(ctx context.Context, item ledger.Leased) error {
	e, err := a.parked(item.Payload)
	if err != nil {
		return err
	}
	if err := a.herald.Publish(ctx, e); err != nil {
		return err
	}
	return a.book.Complete(ctx, item)
}
