package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// MaxBatch bounds the alerts of one ReserveMany or JoinMany.
const MaxBatch = 2000

// Arrival is an alert that asks for the claim on its workload.
type Arrival struct {
	Reservation
	// Alert is joined to the claim's holder in the same round trip when that is
	// Alert.Remediation: the remediation that the caller saw the alert join
	// before. An empty one joins nothing.
	Alert Alert
}

// Met is what one Arrival met.
type Met struct {
	Claim   Claim
	Outcome ReserveOutcome
	// Joined tells that the alert was joined to the claim's holder, or was too
	// old or one too many for it: JoinMany would do no more.
	Joined bool
	// Err is what failed for this arrival alone.
	Err error
}

// ReserveMany reserves for many alerts in one round trip, each as Reserve
// does. Repeated alerts, which are most of what arrives, need no other: they
// are joined to the remediation that they had joined before, if it still
// holds the claim. The error is of all together; one of a single arrival is in
// its Met.
func (l *Ledger) ReserveMany(ctx context.Context, arrivals []Arrival) ([]Met, error) {
	const op = "reserve claims"
	met := make([]Met, len(arrivals))
	calls := make([]batchCall, 0, 2*len(arrivals))
	for i, a := range arrivals {
		if met[i].Err = wrap(op, a.validate()); met[i].Err != nil {
			continue
		}
		c := a.call()
		calls = append(calls, batchCall{script: c.script, keys: c.keys, args: c.args, of: i})
		if a.Alert.Remediation != "" {
			if met[i].Err = wrap(op, validateAlert(a.Alert)); met[i].Err != nil {
				calls = calls[:len(calls)-1]
				continue
			}
			calls = append(calls, joinCall(a.Alert, i))
		}
	}
	if err := l.runBatch(ctx, calls); err != nil {
		return nil, wrap(op, err)
	}
	for _, c := range calls {
		met[c.of].take(c, arrivals[c.of])
	}
	return met, nil
}

// take reads the reply of one call: of the reservation, or of the join after it.
func (m *Met) take(c batchCall, a Arrival) {
	const op = "reserve claims"
	reply, err := c.reply, c.err
	switch {
	case m.Err != nil:
	case err != nil:
		m.Err = wrap(op, err)
	case c.script == scriptReserve:
		claim, err := parseClaim(a.Fingerprint, reply[1:])
		m.Claim, m.Outcome, m.Err = claim, ReserveOutcome(reply[0]), wrap(op, err)
	default:
		m.Joined = m.Claim.Remediation == a.Alert.Remediation
	}
}

// JoinMany is JoinAlert for many alerts, in two round trips. The error is the
// first of any; to repeat the whole is safe.
func (l *Ledger) JoinMany(ctx context.Context, alerts []Alert) error {
	const op = "join alerts"
	joins := make([]batchCall, len(alerts))
	for i, a := range alerts {
		if err := validateAlert(a); err != nil {
			return wrap(op, err)
		}
		joins[i] = joinCall(a, i)
	}
	if err := l.runBatch(ctx, joins); err != nil {
		return wrap(op, err)
	}
	var reverse []batchCall
	for i, c := range joins {
		if c.err != nil {
			return wrap(op, c.err)
		}
		if JoinOutcome(c.reply[0]) == Joined {
			a := alerts[i]
			reverse = append(reverse, batchCall{script: scriptReverse, keys: []string{alertKey(a.ID)},
				args: []any{a.Fingerprint, a.Remediation, a.StartsAt.UnixMilli(), millis(alertRetention)}, of: i})
		}
	}
	if err := l.runBatch(ctx, reverse); err != nil {
		return wrap(op, err)
	}
	for _, c := range reverse {
		if c.err != nil {
			return wrap(op, c.err)
		}
	}
	return nil
}

func joinCall(a Alert, of int) batchCall {
	return batchCall{script: scriptJoin, keys: []string{alertsKey(a.Fingerprint, a.Remediation)},
		args: []any{a.ID, a.StartsAt.UnixMilli(), MaxAlerts, millis(alertRetention)}, of: of}
}

// batchCall is one script call of a batch, and its reply.
type batchCall struct {
	script *redis.Script
	keys   []string
	args   []any
	// of is the index of what the call was made for.
	of    int
	reply []string
	err   error
}

// runBatch runs the calls in one pipeline, by their scripts' digests. Calls
// that met a Redis without the script, after a restart or on a node of a
// cluster that never saw it, are repeated with the source: they had no effect.
func (l *Ledger) runBatch(ctx context.Context, calls []batchCall) error {
	if len(calls) > 2*MaxBatch {
		return fmt.Errorf("%w: %d calls in one batch", ErrInvalid, len(calls))
	}
	all := make([]int, len(calls))
	for i := range all {
		all[i] = i
	}
	missing, err := l.pipeline(ctx, calls, batchRun{which: all, send: byDigest})
	if err != nil || len(missing) == 0 {
		return err
	}
	_, err = l.pipeline(ctx, calls, batchRun{which: missing, send: bySource})
	return err
}

// batchRun says which calls to send, and how.
type batchRun struct {
	which []int
	send  func(context.Context, redis.Pipeliner, batchCall) *redis.Cmd
}

func byDigest(ctx context.Context, p redis.Pipeliner, c batchCall) *redis.Cmd {
	return c.script.EvalSha(ctx, p, c.keys, c.args...)
}

func bySource(ctx context.Context, p redis.Pipeliner, c batchCall) *redis.Cmd {
	return c.script.Eval(ctx, p, c.keys, c.args...)
}

// pipeline sends the calls of a run and keeps their replies; it returns those
// whose script Redis does not have. Its error is one that no call survived.
func (l *Ledger) pipeline(ctx context.Context, calls []batchCall, run batchRun) (missing []int, err error) {
	if len(run.which) == 0 {
		return nil, nil
	}
	cmds := make([]*redis.Cmd, len(run.which))
	_, err = l.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, n := range run.which {
			cmds[i] = run.send(ctx, p, calls[n])
		}
		return nil
	})
	var reply redis.Error
	if err != nil && !errors.As(err, &reply) {
		return nil, err
	}
	for i, n := range run.which {
		calls[n].reply, calls[n].err = replyStrings(cmds[i])
		if redis.HasErrorPrefix(calls[n].err, "NOSCRIPT") {
			missing = append(missing, n)
		}
	}
	return missing, nil
}
