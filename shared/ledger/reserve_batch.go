package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// scriptMeet counts and joins alerts that had joined the claim's holder before.
var scriptMeet = claimScript("alerts", "meet")

// MaxBatch bounds the alerts of one ReserveMany or JoinMany.
const MaxBatch = 2000

// Arrival is an alert that asks for the claim on its workload.
type Arrival struct {
	Reservation
	// Alert is joined to the claim's holder in the same step when that is
	// Alert.Remediation: the remediation that the caller saw the alert join
	// before. An empty one joins nothing. Its Fingerprint is the reservation's.
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

// ReserveMany reserves for many alerts together, each as Reserve does. Repeated
// alerts, which are most of what arrives, are counted and joined by one call a
// claim, in one round trip, as long as the remediation that they had joined
// before holds it; a second round trip is for all others. The error is of all
// together; one of a single arrival is in its Met.
func (l *Ledger) ReserveMany(ctx context.Context, arrivals []Arrival) ([]Met, error) {
	const op = "reserve claims"
	met := make([]Met, len(arrivals))
	left, err := l.meet(ctx, arrivals, met)
	if err != nil {
		return nil, wrap(op, err)
	}
	calls := make([]batchCall, len(left))
	for i, of := range left {
		c := arrivals[of].call()
		calls[i] = batchCall{script: c.script, keys: c.keys, args: c.args, of: of}
	}
	if err := l.runBatch(ctx, calls); err != nil {
		return nil, wrap(op, err)
	}
	for _, c := range calls {
		m := &met[c.of]
		if m.Err = wrap(op, c.err); m.Err == nil {
			claim, err := parseClaim(arrivals[c.of].Fingerprint, c.reply[1:])
			m.Claim, m.Outcome, m.Err = claim, ReserveOutcome(c.reply[0]), wrap(op, err)
		}
	}
	return met, nil
}

// meet takes the short way for the arrivals that can, and returns those that
// are left.
func (l *Ledger) meet(ctx context.Context, arrivals []Arrival, met []Met) (left []int, err error) {
	const op = "reserve claims"
	type group struct{ fingerprint, remediation string }
	groups := map[group]int{}
	var calls []batchCall
	var members [][]int
	for i, a := range arrivals {
		if err = a.validate(); err == nil && a.Alert.Remediation != "" {
			err = validateAlert(a.Alert)
		}
		if met[i].Err = wrap(op, err); err != nil {
			continue
		}
		if a.Alert.Remediation == "" {
			left = append(left, i)
			continue
		}
		key := group{a.Fingerprint, a.Alert.Remediation}
		n, known := groups[key]
		if !known || len(members[n]) >= MaxAlerts {
			n = len(calls)
			groups[key] = n
			calls, members = append(calls, meetCall(a, n)), append(members, nil)
		}
		calls[n].args = append(calls[n].args, a.Alert.ID, a.Alert.StartsAt.UnixMilli(), a.Alert.Severity, a.Alert.listed())
		members[n] = append(members[n], i)
	}
	if err := l.runBatch(ctx, calls); err != nil {
		return nil, err
	}
	for n, c := range calls {
		left = append(left, settleMeet(c, arrivals, membership{members[n], met})...)
	}
	return left, nil
}

// membership is what one call was made for, and where its answers go.
type membership struct {
	of  []int
	met []Met
}

// settleMeet gives a call's answer to all that it was made for; it returns
// those to whom the answer was that they must go the long way.
func settleMeet(c batchCall, arrivals []Arrival, m membership) []int {
	const op = "reserve claims"
	if c.err == nil && ReserveOutcome(c.reply[0]) != Duplicate {
		return m.of
	}
	var claim Claim
	err := c.err
	if err == nil {
		claim, err = parseClaim(arrivals[m.of[0]].Fingerprint, c.reply[1:])
	}
	for _, i := range m.of {
		m.met[i] = Met{Claim: claim, Outcome: Duplicate, Joined: err == nil, Err: wrap(op, err)}
	}
	return nil
}

// meetCall starts the call for a group; the alerts are appended to its args.
// The remediation was validated with the alert.
func meetCall(a Arrival, n int) batchCall {
	id, _ := parseRemediation(a.Alert.Remediation)
	return batchCall{script: scriptMeet, keys: []string{claimKey(a.Fingerprint), alertsKey(a.Fingerprint, a.Alert.Remediation)},
		args: []any{id.base, id.generation, MaxAlerts, millis(alertRetention)}, of: n}
}

// Join is how an alert was remembered, and whether people know of such.
type Join struct {
	Outcome JoinOutcome
	// Untold: nobody was told that an alert of this name, as urgent as this one,
	// joined the remediation. Whoever has told of it calls ToldMany.
	Untold bool
	// Before is the urgency in which alerts of this name were told of, -1 for
	// none.
	Before int
}

// JoinMany is JoinAlert for many alerts, in two round trips. The error is the
// first of any; to repeat the whole is safe.
func (l *Ledger) JoinMany(ctx context.Context, alerts []Alert) ([]Join, error) {
	const op = "join alerts"
	calls := make([]batchCall, len(alerts))
	for i, a := range alerts {
		if err := validateAlert(a); err != nil {
			return nil, wrap(op, err)
		}
		calls[i] = joinCall(a, joinedLater)
	}
	if err := l.allOf(ctx, calls); err != nil {
		return nil, wrap(op, err)
	}
	joins := make([]Join, len(alerts))
	var reverse []batchCall
	for i, c := range calls {
		joins[i] = parseJoin(c.reply)
		if joins[i].Outcome == Joined {
			reverse = append(reverse, reverseCall(alerts[i]))
		}
	}
	return joins, wrap(op, l.allOf(ctx, reverse))
}

// ToldMany remembers that people were told of these alerts, in one round trip.
// Dying before it lets the next to join tell again.
func (l *Ledger) ToldMany(ctx context.Context, alerts []Alert) error {
	const op = "remember telling"
	calls := make([]batchCall, len(alerts))
	for i, a := range alerts {
		err := validateAlert(a)
		if a.Name == "" {
			err = firstError(err, fmt.Errorf("%w: alert without a name", ErrInvalid))
		}
		if err != nil {
			return wrap(op, err)
		}
		calls[i] = batchCall{script: scriptTold, keys: []string{alertsKey(a.Fingerprint, a.Remediation)},
			args: []any{a.topic(), a.Urgency, millis(alertRetention)}}
	}
	return wrap(op, l.allOf(ctx, calls))
}

// allOf runs a batch of which every call has to succeed.
func (l *Ledger) allOf(ctx context.Context, calls []batchCall) error {
	if err := l.runBatch(ctx, calls); err != nil {
		return err
	}
	for _, c := range calls {
		if c.err != nil {
			return c.err
		}
	}
	return nil
}

// Which alert of its remediation one is: its first event tells of the one that
// opened it.
const (
	joinedLater = 0
	joinedFirst = 1
)

func joinCall(a Alert, which int) batchCall {
	return batchCall{script: scriptJoin, keys: []string{alertsKey(a.Fingerprint, a.Remediation)},
		args: []any{a.ID, a.StartsAt.UnixMilli(), MaxAlerts, millis(alertRetention),
			a.Severity, a.listed(), a.topic(), a.Urgency, MaxTopics, which}}
}

func parseJoin(reply []string) Join {
	j := Join{Outcome: JoinOutcome(reply[0]), Untold: reply[1] == "0", Before: -1}
	if reply[2] != "" {
		j.Before = int(number(reply[2]))
	}
	return j
}

func reverseCall(a Alert) batchCall {
	return batchCall{script: scriptReverse, keys: []string{alertKey(a.ID)},
		args: []any{a.Fingerprint, a.Remediation, a.StartsAt.UnixMilli(), millis(alertRetention)}}
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
	if len(calls) > MaxBatch {
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
	err = l.send(ctx, len(cmds), func(p redis.Pipeliner) {
		for i, n := range run.which {
			cmds[i] = run.send(ctx, p, calls[n])
		}
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

// send has a pipeline filled and run: shared with other callers where one
// server does them all, alone on a Redis Cluster, where a node that fails
// should hold up nobody else's calls.
func (l *Ledger) send(ctx context.Context, size int, fill func(redis.Pipeliner)) error {
	if isReadOnly(ctx) {
		// A shared pipeline goes under its leader's context: that must not be one
		// that refuses the others' writes, nor may theirs carry this one's.
		return fmt.Errorf("%w: pipeline", ErrReadOnly)
	}
	if l.one {
		return l.flights.fly(ctx, l.redis, &flight{send: fill, size: size})
	}
	_, err := l.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		fill(p)
		return nil
	})
	return err
}
