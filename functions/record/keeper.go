package function

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"kubernaut.ai/shared/stage"
)

const (
	// EnvRetention is how long an ended remediation is kept.
	EnvRetention     = "HISTORY_RETENTION"
	defaultRetention = "90d"
	// keepAll is the retention that removes nothing.
	keepAll = "0"
	day     = 24 * time.Hour
	// leastRetention leaves a person the time to undo, and learning something
	// to learn from.
	leastRetention = day
	// mostRetention is the longest that a time.Duration can subtract.
	mostRetention = 100 * 365 * day

	// pruneEvery is how often one process looks for what is old.
	pruneEvery = time.Hour
	// pruneWithin bounds one look; what it does not get to is for the next one.
	pruneWithin = 5 * time.Minute
)

// parseRetention reads days, as 90d, or Go's notation; 0 keeps all.
func parseRetention(text string) (time.Duration, error) {
	if text == keepAll {
		return 0, nil
	}
	d, err := durationOf(text)
	if err != nil {
		return 0, fmt.Errorf("setting %s: %q is not like 90d, 720h or 0 for ever", EnvRetention, text)
	}
	if d < leastRetention || d > mostRetention {
		return 0, fmt.Errorf("setting %s: %s is not within a day and a hundred years; 0 keeps all", EnvRetention, text)
	}
	return d, nil
}

func durationOf(text string) (time.Duration, error) {
	days, ok := strings.CutSuffix(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	// Few enough not to overflow; how many are sensible is judged elsewhere.
	const bits = 20
	n, err := strconv.ParseInt(days, 10, bits)
	return time.Duration(n) * day, err
}

type pruner interface {
	Prune(ctx context.Context, olderThan time.Time) (int, error)
}

// keeper removes what is older than the retention, beside the stage's work.
type keeper struct {
	store     pruner
	retention time.Duration
	now       func() time.Time
	work      sync.WaitGroup

	mu   sync.Mutex
	next time.Time
	// cancel ends the removal that is under way; nil without one.
	cancel  context.CancelFunc
	stopped bool
}

func newKeeper(store pruner, retention time.Duration) *keeper {
	return &keeper{store: store, retention: retention, now: time.Now}
}

// tend starts a removal where the last one of this process was long ago. It
// does not wait for it: no event's turn is spent on others' end. Several
// processes may do so at once. What is old is told from the event just recorded
// where that is behind our clock: a clock that runs ahead must not empty the
// store.
func (k *keeper) tend(ctx context.Context, recorded time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if k.retention == 0 || k.stopped || k.cancel != nil || now.Before(k.next) {
		return
	}
	k.next = now.Add(pruneEvery)
	if recorded.After(now) {
		recorded = now
	}
	ctx, k.cancel = context.WithTimeout(context.WithoutCancel(ctx), pruneWithin)
	k.work.Go(func() {
		defer k.rest()
		k.prune(ctx, recorded.Add(-k.retention))
	})
}

func (k *keeper) prune(ctx context.Context, olderThan time.Time) {
	removed, err := k.store.Prune(ctx, olderThan)
	log := stage.Logger(ctx).With("removed", removed, "older_than", olderThan)
	switch {
	case err != nil:
		log.Warnw("history not pruned to its end; the rest waits for the next time", "reason", ReasonStoreDown, "error", err)
	case removed > 0:
		log.Infow("history pruned")
	}
}

func (k *keeper) rest() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cancel()
	k.cancel = nil
}

// stop ends a removal that is under way: what it has removed stays removed.
func (k *keeper) stop() error {
	k.mu.Lock()
	k.stopped = true
	if k.cancel != nil {
		k.cancel()
	}
	k.mu.Unlock()
	k.work.Wait()
	return nil
}
