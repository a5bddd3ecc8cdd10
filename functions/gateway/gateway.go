package function

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"kubernaut.ai/functions/gateway/scan"
	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

// parallel bounds how many alerts of one request are worked on at a time.
const parallel = 16

// joinedSize bounds the alerts of which the gateway remembers what they
// joined; joinedFresh for how long that may save the join's own round trips,
// which also renew the way back from the alert to its claim.
const (
	joinedSize  = 20_000
	joinedFresh = time.Hour
)

// join is what an alert was seen to join.
type join struct {
	remediation string
	at          time.Time
	// starts is the episode that joined.
	starts time.Time
}

// claims is what the gateway needs of the ledger.
type claims interface {
	ReserveMany(ctx context.Context, arrivals []ledger.Arrival) ([]ledger.Met, error)
	Confirm(ctx context.Context, c ledger.Confirmation) error
	JoinMany(ctx context.Context, alerts []ledger.Alert) ([]ledger.Join, error)
	ToldMany(ctx context.Context, alerts []ledger.Alert) error
	ResolveAlert(ctx context.Context, id string, startsAt, endsAt time.Time) (ledger.Resolution, bool, error)
	Cancel(ctx context.Context, fingerprint, remediation string, within time.Duration) (ledger.CancelOutcome, ledger.Claim, error)
	Get(ctx context.Context, fingerprint string) (ledger.Claim, error)
	scan.Marks
	episodes
	expiries
	heartbeats
}

// expiries is what the gateway needs of the ledger for alerts that end unless
// they are posted again.
type expiries interface {
	ExpectMany(ctx context.Context, expiries []ledger.Expiry) (noted []bool, err error)
	LeaseExpired(ctx context.Context, limit int, lease time.Duration) ([]ledger.Leased, error)
	StillLeased(ctx context.Context, item ledger.Leased) error
	ExpireAlert(ctx context.Context, id string, at time.Time) (ledger.Resolution, bool, error)
	Complete(ctx context.Context, item ledger.Leased) error
	Postpone(ctx context.Context, item ledger.Leased, in time.Duration) error
}

// objects is what the gateway needs of the cluster.
type objects interface {
	Owners(ctx context.Context, t event.Target) ([]event.Target, error)
	Scope(ctx context.Context, t event.Target) (cluster.Scope, error)
	KindsByWord(ctx context.Context, word string) ([]cluster.Kind, error)
	NodeByAddress(ctx context.Context, address string) (event.Target, error)
}

// outbox seals an event and hands it to the Broker; it returns the event as
// the sweep would publish it again.
type outbox interface {
	Send(ctx context.Context, d event.Draft) ([]byte, error)
}

// gateway is the domain of the stage.
type gateway struct {
	claims  claims
	objects objects
	outbox  outbox
	// drop counts and logs what was suppressed, at the rate of its events.
	drop    func(ctx context.Context, reason, detail string)
	rules   signal.Rules
	cluster string
	// within bounds the time from signal.received to the next stage's word, and
	// that in which a remediation that was cancelled is to be settled.
	within time.Duration
	// lease is how long a reservation is its holder's to publish.
	lease time.Duration
	// expiryLease is how long an alert that expired is its holder's to end.
	expiryLease time.Duration
	now         func() time.Time
	heart       *heart
	scans       []scan.Scan
	// rounds lets one round at a time in; rounded is when the last ended well.
	rounds  sync.Mutex
	rounded time.Time

	joined     *recent[string, join]
	expected   *recent[string, expected]
	suppressed *suppressor
	meters     meters
}

// work is one alert on its way through the gateway.
type work struct {
	source string
	alert  signal.Alert
	result *Result

	// resource is what the alert named, target its top owner.
	resource, target event.Target
	fingerprint      string
	received         time.Time
	// expired tells that the alert ended because nobody posted it again.
	expired bool
	// telling is what the alert's times mean.
	telling source.Telling

	// claim and outcome are what the reservation met; joined tells that the
	// holder knows the alert already.
	claim   ledger.Claim
	outcome ledger.ReserveOutcome
	joined  bool
}

// accept takes a request's alerts and says what became of each. It may be
// called again with the same alerts after any failure.
func (g *gateway) accept(ctx context.Context, b source.Batch) Answer {
	results := make([]Result, len(b.Items))
	firing, resolved, copies := g.sort(b, results)
	g.hear(ctx, firing)
	each(firing, func(w *work) { g.locate(ctx, w) })
	each(firing, func(w *work) { g.date(ctx, w) })
	g.expect(ctx, stillFiring(firing))
	g.claim(ctx, pending(firing))
	each(resolved, func(w *work) { g.resolve(ctx, w) })
	g.report(ctx, append(firing, resolved...))
	g.refused(ctx, results)
	for i, original := range copies {
		results[i] = results[original]
		if results[i].Status == StatusCreated {
			results[i].Status, results[i].Reason = StatusDuplicate, ReasonDuplicate
		}
	}
	answer := summarise(results, b.Truncated)
	g.meters.answered(ctx, b.Source, answer)
	return answer
}

// identity tells one episode of an alert from all others.
type identity struct {
	id       string
	start    int64
	resolved bool
}

// sort sets aside what is malformed, ignored or named twice, and parts the
// rest by what is to be done. Copies maps an alert to its first occurrence.
func (g *gateway) sort(b source.Batch, results []Result) (firing, resolved []*work, copies map[int]int) {
	first := make(map[identity]int, len(b.Items))
	now := g.now()
	for i := range b.Items {
		item, r := &b.Items[i], &results[i]
		r.Alert = event.Cut(item.Alert.Name(), event.MaxAttribute)
		if item.Invalid != "" {
			r.Status, r.Reason = StatusInvalid, item.Invalid
			continue
		}
		key := identity{item.Alert.ID, item.Alert.StartsAt.UnixNano(), item.Alert.Resolved}
		if original, twice := first[key]; twice {
			if copies == nil {
				copies = map[int]int{}
			}
			copies[i] = original
			continue
		}
		first[key] = i
		w := &work{source: b.Source, alert: g.placed(item.Alert), telling: item.Telling, result: r, received: now}
		if item.Alert.Resolved {
			resolved = append(resolved, w)
		} else {
			firing = append(firing, w)
		}
		if reason := ignored(item, g.cluster); reason != "" {
			r.ignore(reason)
		}
	}
	return firing, resolved, copies
}

// placed is the alert with the name of this cluster where it names none. Senders
// that name it and senders that do not are about the same workloads: without it
// each would have a claim and a lock of its own on one.
func (g *gateway) placed(a signal.Alert) signal.Alert {
	if g.cluster == "" || a.Labels[signal.LabelCluster] != "" {
		return a
	}
	labels := make(map[string]string, len(a.Labels)+1)
	maps.Copy(labels, a.Labels)
	labels[signal.LabelCluster] = g.cluster
	a.Labels = labels
	return a
}

// ignored names the reason for which an alert opens nothing, by what its
// source or its labels say.
func ignored(i *source.Item, own string) string {
	if i.Ignored != "" {
		return i.Ignored
	}
	return signal.Ignored(i.Alert, own)
}

// pending are those of which nothing is decided yet.
func pending(all []*work) []*work {
	out := all[:0:0]
	for _, w := range all {
		if w.result.Status == "" {
			out = append(out, w)
		}
	}
	return out
}

// stillFiring are those that count as firing: those of which nothing is decided
// yet, and those to be posted again. Their sender has not fallen silent because
// something here was down.
func stillFiring(all []*work) []*work {
	out := all[:0:0]
	for _, w := range all {
		if w.result.Status == "" || w.result.Status == StatusRetry {
			out = append(out, w)
		}
	}
	return out
}

// each runs do on every undecided alert, a bounded number at a time.
func each(all []*work, do func(*work)) { concurrently(pending(all), do) }

// concurrently runs do on every item, a bounded number at a time. Where one
// panics the others are done, and then the caller panics: in a goroutine of its
// own it would end the process.
func concurrently[T any](items []T, do func(T)) {
	if len(items) < 2 {
		for _, t := range items {
			do(t)
		}
		return
	}
	next := make(chan T)
	var workers sync.WaitGroup
	var panicked atomic.Pointer[string]
	guarded := func(t T) {
		defer func() {
			if cause := recover(); cause != nil {
				text := fmt.Sprintf("%v\n%s", cause, debug.Stack())
				panicked.CompareAndSwap(nil, &text)
			}
		}()
		do(t)
	}
	for range min(parallel, len(items)) {
		workers.Go(func() {
			for t := range next {
				guarded(t)
			}
		})
	}
	for _, t := range items {
		next <- t
	}
	close(next)
	workers.Wait()
	if text := panicked.Load(); text != nil {
		panic(*text)
	}
}
