package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// Record is what is stored under a create-if-absent key.
type Record struct {
	Value []byte
	// First says that this call stored it; false that Value was there before.
	First bool
}

// PlanOnce stores the plan of a remediation's step unless there is one, and
// returns the one that counts: every retry executes that.
func (l *Ledger) PlanOnce(ctx context.Context, p OnceRecord) (Record, error) {
	return l.stepOnce(ctx, "store plan", planKey, p)
}

// AnswerOnce stores the answer to a held remediation's step (granted, refused
// or expired) unless there is one, and returns the one that counts.
func (l *Ledger) AnswerOnce(ctx context.Context, p OnceRecord) (Record, error) {
	return l.stepOnce(ctx, "store answer", answerKey, p)
}

// OnceRecord is a value to store for one step of a remediation.
type OnceRecord struct {
	Remediation string
	Step        string
	Value       []byte
	// Keep is how long it is stored: longer than anything may still retry.
	Keep time.Duration
}

func (l *Ledger) stepOnce(ctx context.Context, op string, key func(string, string) string, p OnceRecord) (Record, error) {
	if err := firstError(checkID("remediation", p.Remediation), checkName("step", p.Step)); err != nil {
		return Record{}, wrap(op, err)
	}
	record, err := l.once(ctx, key(p.Remediation, p.Step), p.Value, p.Keep)
	return record, wrap(op, err)
}

// VerdictOnce stores the verdict on a due item unless there is one, and returns
// the one that counts.
func (l *Ledger) VerdictOnce(ctx context.Context, item string, verdict []byte, keep time.Duration) (Record, error) {
	const op = "store verdict"
	if err := checkID("item", item); err != nil {
		return Record{}, wrap(op, err)
	}
	record, err := l.once(ctx, verdictKey(item), verdict, keep)
	return record, wrap(op, err)
}

func (l *Ledger) once(ctx context.Context, key string, value []byte, keep time.Duration) (Record, error) {
	packed, err := pack(value)
	if err = firstError(err, checkSpan("keep", keep)); err != nil {
		return Record{}, err
	}
	reply, err := l.run(ctx, scriptOnce, []string{key}, packed, millis(keep))
	if err != nil {
		return Record{}, err
	}
	if reply[0] == "stored" {
		return Record{Value: value, First: true}, nil
	}
	stored, err := unpack(reply[1])
	return Record{Value: stored}, err
}

// Plan reads the plan of a remediation's step; ErrNotFound without one.
func (l *Ledger) Plan(ctx context.Context, remediationID, step string) ([]byte, error) {
	const op = "read plan"
	if err := firstError(checkID("remediation", remediationID), checkName("step", step)); err != nil {
		return nil, wrap(op, err)
	}
	value, err := l.read(ctx, planKey(remediationID, step))
	return value, wrap(op, err)
}

// Answer reads the answer to a held remediation's step; ErrNotFound without one.
func (l *Ledger) Answer(ctx context.Context, remediationID, step string) ([]byte, error) {
	const op = "read answer"
	if err := firstError(checkID("remediation", remediationID), checkName("step", step)); err != nil {
		return nil, wrap(op, err)
	}
	value, err := l.read(ctx, answerKey(remediationID, step))
	return value, wrap(op, err)
}

// Verdict reads the verdict on a due item; ErrNotFound without one.
func (l *Ledger) Verdict(ctx context.Context, item string) ([]byte, error) {
	const op = "read verdict"
	if err := checkID("item", item); err != nil {
		return nil, wrap(op, err)
	}
	value, err := l.read(ctx, verdictKey(item))
	return value, wrap(op, err)
}

// Hold stores the sealed event with which a remediation was held for approval,
// in place of any earlier one of the same remediation.
func (l *Ledger) Hold(ctx context.Context, remediationID string, event []byte, keep time.Duration) error {
	const op = "hold remediation"
	packed, err := pack(event)
	if err = firstError(err, checkID("remediation", remediationID), checkSpan("keep", keep)); err != nil {
		return wrap(op, err)
	}
	return wrap(op, l.redis.Set(ctx, heldKey(remediationID), packed, keep).Err())
}

// Held reads the sealed event of a held remediation; ErrNotFound without one.
func (l *Ledger) Held(ctx context.Context, remediationID string) ([]byte, error) {
	const op = "read held remediation"
	if err := checkID("remediation", remediationID); err != nil {
		return nil, wrap(op, err)
	}
	value, err := l.read(ctx, heldKey(remediationID))
	return value, wrap(op, err)
}

// Unhold forgets a held remediation's event, once its answer is on its way.
func (l *Ledger) Unhold(ctx context.Context, remediationID string) error {
	const op = "unhold remediation"
	if err := checkID("remediation", remediationID); err != nil {
		return wrap(op, err)
	}
	return wrap(op, l.redis.Del(ctx, heldKey(remediationID)).Err())
}

func (l *Ledger) read(ctx context.Context, key string) ([]byte, error) {
	stored, err := l.redis.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return unpack(stored)
}
