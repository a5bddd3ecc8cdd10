package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// Mark is how far a scan has come, in the time of what it reads; zero where
// none was kept.
func (l *Ledger) Mark(ctx context.Context, scan string) (time.Time, error) {
	const op = "read mark"
	if err := checkName("scan", scan); err != nil {
		return time.Time{}, wrap(op, err)
	}
	stored, err := l.redis.Get(ctx, markKey(scan)).Result()
	if errors.Is(err, redis.Nil) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, wrap(op, err)
	}
	return instant(stored), nil
}

// SetMark keeps how far a scan has come. Two at a time may set it back a
// little: what they read twice is known by then.
func (l *Ledger) SetMark(ctx context.Context, scan string, at time.Time) error {
	const op = "keep mark"
	if err := checkName("scan", scan); err != nil {
		return wrap(op, err)
	}
	return wrap(op, l.redis.Set(ctx, markKey(scan), at.UnixMilli(), MaxDuration).Err())
}
