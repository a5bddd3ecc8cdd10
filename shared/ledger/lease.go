package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// MaxLeased bounds the items of one LeaseDue.
const MaxLeased = 1000

// Leased is a due item that the caller has until its lease ends.
type Leased struct {
	Due
	// Attempt counts the leases of this item, from 1; moving it does not reset it.
	Attempt int
	token   int64
	list    list
}

// LeaseDue leases up to limit items that are due, over all shards, from a random
// one on so that none starves. A worker that dies loses only its lease: the
// items are due again when it ends. Two round trips, whatever the shards. An
// item that cannot be read does not hide the others: they are returned with the
// error.
func (l *Ledger) LeaseDue(ctx context.Context, limit int, lease time.Duration) ([]Leased, error) {
	items, err := l.leaseOf(ctx, listDue, limit, lease)
	return items, wrap("lease due items", err)
}

func (l *Ledger) leaseOf(ctx context.Context, from list, limit int, lease time.Duration) ([]Leased, error) {
	err := checkSpan("lease", lease)
	if limit < 1 || limit > MaxLeased {
		err = fmt.Errorf("%w: limit %d is not within 1 and %d", ErrInvalid, limit, MaxLeased)
	}
	if err != nil {
		return nil, err
	}
	counts, err := l.peek(ctx, from)
	if err != nil {
		return nil, err
	}
	return l.leaseShares(ctx, from, shares(counts, limit, rand.IntN(DueShards)), lease)
}

// StillLeased answers ErrLostLease when the item was leased again, moved or
// dropped since.
func (l *Ledger) StillLeased(ctx context.Context, item Leased) error {
	const op = "look at lease"
	if err := checkID("item", item.ID); err != nil {
		return wrap(op, err)
	}
	stored, err := l.redis.HGet(ctx, item.list.leasesKey(shardOf(item.ID)), item.ID).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return wrap(op, err)
	}
	if token, _, _ := strings.Cut(stored, ":"); token != strconv.FormatInt(item.token, 10) {
		err = ErrLostLease
	}
	return wrap(op, err)
}

// DueCounts is the length of the due list.
type DueCounts struct {
	// Total counts all items, Now those that are due and not leased.
	Total, Now int
}

// CountDue counts the due list.
func (l *Ledger) CountDue(ctx context.Context) (DueCounts, error) {
	counts, err := l.peek(ctx, listDue)
	var sum DueCounts
	for _, c := range counts {
		sum.Total += c.Total
		sum.Now += c.Now
	}
	return sum, wrap("count due items", err)
}

func (l *Ledger) peek(ctx context.Context, from list) ([DueShards]DueCounts, error) {
	var cmds [DueShards]*redis.Cmd
	var counts [DueShards]DueCounts
	// Eval and not EvalSha: a pipeline cannot fall back to the source in between.
	_, err := l.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range cmds {
			cmds[i] = scriptDuePeek.Eval(ctx, p, []string{from.timesKey(i)})
		}
		return nil
	})
	if err != nil {
		return counts, err
	}
	for i, cmd := range cmds {
		reply, err := replyStrings(cmd)
		if err != nil {
			return counts, err
		}
		counts[i] = DueCounts{Total: int(number(reply[0])), Now: int(number(reply[1]))}
	}
	return counts, nil
}

// shares deals the limit out one item at a time, so that a long shard cannot
// take the turn of a short one.
func shares(counts [DueShards]DueCounts, limit, start int) [DueShards]int {
	var out [DueShards]int
	for dealt := true; dealt && limit > 0; {
		dealt = false
		for i := 0; i < DueShards && limit > 0; i++ {
			shard := (start + i) % DueShards
			if out[shard] < counts[shard].Now {
				out[shard]++
				limit--
				dealt = true
			}
		}
	}
	return out
}

func (l *Ledger) leaseShares(ctx context.Context, from list, wanted [DueShards]int, lease time.Duration) ([]Leased, error) {
	var cmds []*redis.Cmd
	_, err := l.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard, n := range wanted {
			if n > 0 {
				cmds = append(cmds, scriptDueLease.Eval(ctx, p, from.keys(shard), n, millis(lease)))
			}
		}
		return nil
	})
	// Shards that answered are leased: hand them out even if another failed.
	var items []Leased
	errs := []error{err}
	for _, cmd := range cmds {
		if cmd.Err() != nil {
			continue
		}
		got, err := parseLeased(cmd)
		for i := range got {
			got[i].list = from
		}
		items = append(items, got...)
		errs = append(errs, err)
	}
	return items, errors.Join(errs...)
}

// leasedFields is the width of one item in the reply of due_lease.lua.
const leasedFields = 4

func parseLeased(cmd *redis.Cmd) ([]Leased, error) {
	reply, err := replyStrings(cmd)
	if err != nil {
		return nil, err
	}
	var items []Leased
	var errs []error
	for f := reply[1:]; len(f) >= leasedFields; f = f[leasedFields:] {
		due, err := decodeDue(f[0], f[1])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		items = append(items, Leased{Due: due, token: number(f[2]), Attempt: int(number(f[3]))})
	}
	return items, errors.Join(errs...)
}
