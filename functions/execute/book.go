package function

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

const (
	// planKept is how long a plan is stored: longer than anything may retry,
	// dead letters that a person replays included.
	planKept = 7 * 24 * time.Hour
	// lockLease bounds the lock of a process that died: a turn and grace.
	lockLease = 40 * time.Second
)

// plans are the Plans in Redis.
type plans struct{ ledger *ledger.Ledger }

// NewPlans reads plans in Redis.
func NewPlans(l *ledger.Ledger) Plans { return plans{l} }

// Plan reads the stored plan of a step; nil when there is none.
func (p plans) Plan(ctx context.Context, s Step) ([]byte, error) {
	plan, err := p.ledger.Plan(ctx, s.Remediation, s.Name)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, nil
	}
	return plan, err
}

// book is the Book in Redis.
type book struct{ plans }

// NewBook keeps plans and locks in Redis.
func NewBook(l *ledger.Ledger) Book { return book{plans{l}} }

// PlanOnce stores a plan unless there is one, and returns the one that counts.
func (b book) PlanOnce(ctx context.Context, s Step, plan []byte) ([]byte, error) {
	r, err := b.ledger.PlanOnce(ctx, ledger.OnceRecord{Remediation: s.Remediation, Step: s.Name, Value: plan, Keep: planKept})
	return r.Value, err
}

// Stopped tells that the senders of all alerts said that they stopped. What only
// happened, as an event of Kubernetes, says nothing of what was before.
func (b book) Stopped(ctx context.Context, s Step) (bool, error) {
	list, err := b.ledger.Alerts(ctx, s.Fingerprint, s.Remediation)
	if err != nil || list.Excess > 0 {
		return false, err
	}
	var last time.Time
	for _, a := range list.Alerts {
		switch {
		case signal.Momentary(a.ID):
		case a.Firing() || a.Expired:
			return false, nil
		case a.EndsAt.After(last):
			last = a.EndsAt
		}
	}
	again := slices.ContainsFunc(list.Alerts, func(a ledger.Alert) bool { return signal.Momentary(a.ID) && a.LastSeen.After(last) })
	return !last.IsZero() && !again, nil
}

// Begin checks that the remediation is not cancelled and locks its target.
func (b book) Begin(ctx context.Context, s Step) (Start, func(context.Context, bool) error, error) {
	start := ledger.ExecutionStart{Fingerprint: s.Fingerprint, Remediation: s.Remediation, Step: s.Name, Lease: lockLease}
	if w := s.Workload; w != nil {
		start.Target = signal.Workload{Cluster: s.Cluster, Namespace: w.Namespace, Kind: w.Kind, Name: w.Name}.Fingerprint()
	}
	e, err := b.ledger.StartExecution(ctx, start)
	if errors.Is(err, ledger.ErrSettled) || errors.Is(err, ledger.ErrNotHolder) {
		return Ended, nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	switch e.Outcome {
	case ledger.CancelledFirst:
		return Cancelled, nil, nil
	case ledger.Busy:
		return Busy, nil, nil
	case ledger.Acquired:
		return Started, func(ctx context.Context, applied bool) error {
			err := b.ledger.EndExecution(ctx, e, applied)
			// The lock passed to a later attempt of this step: what was done stands.
			if errors.Is(err, ledger.ErrLostLease) {
				return nil
			}
			return err
		}, nil
	}
	return "", nil, fmt.Errorf("start execution: unexpected outcome %q", e.Outcome)
}
