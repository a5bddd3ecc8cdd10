package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// DeadLetters lists the newest dead letters, at most limit. One that cannot be
// read does not hide the others: it is listed by its id, and returned with the error.
func (l *Ledger) DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	const op = "list dead letters"
	if limit < 1 {
		return nil, wrap(op, fmt.Errorf("%w: limit %d", ErrInvalid, limit))
	}
	ids, err := l.deadIDs(ctx, min(limit, MaxDeadLetters))
	if err != nil || len(ids) == 0 {
		return nil, wrap(op, err)
	}
	names := make([]string, len(ids))
	for i, z := range ids {
		names[i], _ = z.Member.(string)
	}
	bodies, err := l.redis.HMGet(ctx, deadBodiesKey(), names...).Result()
	if err != nil {
		return nil, wrap(op, err)
	}
	letters := make([]DeadLetter, 0, len(ids))
	var errs []error
	for i, body := range bodies {
		stored, ok := body.(string)
		if !ok {
			continue // dropped in between
		}
		letter, err := decodeDead(names[i], stored)
		letter.At = time.UnixMilli(int64(ids[i].Score)).UTC()
		letters, errs = append(letters, letter), append(errs, err)
	}
	return letters, wrap(op, errors.Join(errs...))
}

// deadIDs are the newest ids of all lists, with when they were stored.
func (l *Ledger) deadIDs(ctx context.Context, limit int) ([]redis.Z, error) {
	lists := []string{deadActingKey(), deadInformingKey(), deadFormerKey()}
	cmds := make([]*redis.ZSliceCmd, len(lists))
	_, err := l.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, list := range lists {
			cmds[i] = p.ZRevRangeWithScores(ctx, list, 0, int64(limit)-1)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []redis.Z
	for _, cmd := range cmds {
		all = append(all, cmd.Val()...)
	}
	slices.SortStableFunc(all, func(a, b redis.Z) int { return cmp.Compare(b.Score, a.Score) })
	return all[:min(len(all), limit)], nil
}

// DropDeadLetter forgets a dead letter as it was listed, after it was redriven or
// given up. One that was refused again since, and so stored again, stays; no error
// if it is not there.
func (l *Ledger) DropDeadLetter(ctx context.Context, d DeadLetter) error {
	const op = "drop dead letter"
	if err := checkID("dead letter", d.ID); err != nil {
		return wrap(op, err)
	}
	_, err := l.run(ctx, scriptDeadDrop, []string{deadBodiesKey(), deadActingKey(), deadInformingKey(), deadFormerKey()}, d.ID, d.At.UnixMilli())
	return wrap(op, err)
}
