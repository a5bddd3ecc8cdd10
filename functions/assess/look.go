package function

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

// lookWithin bounds the look at one part.
const lookWithin = 6 * time.Second

// Case is an executed step to look into.
type Case struct {
	Remediation event.Remediation
	Signal      event.Signal
	Execution   event.Execution
}

// since is when the action was done.
func (c Case) since() time.Time { return c.Execution.FinishedAt }

// observed is what the live objects look like.
type observed struct {
	health Health
	// pods are the names of the target's present pods.
	pods []string
	// nothing tells that no pod is wanted.
	nothing bool
}

// observer looks at live objects.
type observer interface {
	Observe(ctx context.Context, t event.Target, since time.Time) observed
	Drift(ctx context.Context, x event.Execution) Drift
}

// alertBook tells which alerts joined the remediation, and when each came last.
type alertBook interface {
	Alerts(ctx context.Context, fingerprint, remediation string) (ledger.AlertList, error)
}

// firing asks an Alertmanager which of the alerts are active now.
type firing interface {
	Active(ctx context.Context, ids []string) (active int, err error)
}

// measurer asks a Prometheus about the target.
type measurer interface {
	Measure(ctx context.Context, m Measurement) Finding
}

// Measurement is what to measure: the target's own pods, or the node.
type Measurement struct {
	Target event.Target
	Pods   []string
	// Over is the time since the action.
	Over time.Duration
}

// eyes is the witness that looks at everything there is to see.
type eyes struct {
	cluster observer
	alerts  alertBook
	// alertmanager and prometheus are nil where they are not configured.
	alertmanager firing
	prometheus   measurer
	now          func() time.Time
	// settle is after how long what happened, and did not happen again, is over.
	settle time.Duration
}

// Look gathers findings, the parts at the same time. What cannot be seen is
// unknown.
func (e eyes) Look(ctx context.Context, c Case) Findings {
	var f Findings
	var wg sync.WaitGroup
	for _, look := range []func(context.Context){
		func(ctx context.Context) { f.Health, f.Metrics = e.target(ctx, c) },
		func(ctx context.Context) { f.Alerts = e.alert(ctx, c) },
		func(ctx context.Context) {
			f.Drift = e.cluster.Drift(ctx, c.Execution)
		},
	} {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, lookWithin)
			defer cancel()
			look(ctx)
		})
	}
	wg.Wait()
	return f
}

// target is the health of what the alert is about and of what was changed,
// whichever is worse, and the metrics of its pods.
func (e eyes) target(ctx context.Context, c Case) (Health, Finding) {
	seen := e.cluster.Observe(ctx, c.Signal.Target, c.since())
	if seen.nothing && !setsToZero(c.Execution) {
		seen = unseen("nothing of it runs: it was scaled to zero")
	}
	if other := c.Execution.Target; other.Kind != "" && !other.Same(c.Signal.Target) && c.Execution.SpecChanged {
		seen.health = worse(seen.health, e.cluster.Observe(ctx, other, c.since()).health)
	}
	if e.prometheus == nil {
		return seen.health, Finding{}
	}
	return seen.health, e.prometheus.Measure(ctx, Measurement{Target: c.Signal.Target, Pods: seen.pods, Over: e.now().Sub(c.since())})
}

// setsToZero tells that the action itself took all replicas away.
func setsToZero(x event.Execution) bool {
	return slices.ContainsFunc(x.Changes, func(c event.Change) bool {
		after, err := plain(c.After)
		return c.Field == "/spec/replicas" && err == nil && after == float64(0)
	})
}

// worse is the health of two objects together. One that cannot be seen leaves
// the other's.
func worse(a, b Health) Health {
	switch {
	case !b.Known:
		return a
	case !a.Known:
		return b
	}
	low := a
	if b.Score < a.Score {
		low = b
	}
	low.Settling = a.Settling || b.Settling
	return low
}

// alert is what is known of the alerts. A resolve that was received is proof;
// its absence is not, unless an Alertmanager or a repeated alert says so.
func (e eyes) alert(ctx context.Context, c Case) Alerts {
	r := c.Remediation
	list, err := e.alerts.Alerts(ctx, r.Fingerprint, r.ID)
	if err != nil {
		return Alerts{Detail: "the ledger cannot be read: " + err.Error()}
	}
	list.Alerts = slices.DeleteFunc(list.Alerts, func(a ledger.Alert) bool { return c.past(a) || e.over(a) })
	out := fromLedger(list, c)
	if err := e.confirm(ctx, c, list, &out); err != nil {
		// Nobody can say more than the ledger knows: that they did not resolve. That is
		// no success; but it is no proof either, on which more would be done to a target
		// that looks well.
		out.Detail = err.Error()
	}
	return out.without(silent(list))
}

// silent counts the alerts that ended because nobody posted them again.
func silent(list ledger.AlertList) (n int) {
	for _, a := range list.Alerts {
		if a.Expired && !a.Firing() {
			n++
		}
	}
	return n
}

// without is what is known where nobody said of some alerts that they stopped.
// Their senders may be dead: that is not knowing, and speaks for nothing.
func (a Alerts) without(word int) Alerts {
	if word == 0 || !a.Known || a.against() {
		return a
	}
	return Alerts{Detail: fmt.Sprintf("%d alerts were not posted any more, and nobody said that they stopped", word)}
}

// past tells that an alert only says what happened before the action, such as
// an event of Kubernetes: nobody says that it ended, so it is no evidence. One
// that happened afterwards is.
func (c Case) past(a ledger.Alert) bool { return happened(a, c.since()) }

// over tells that what happened after the action, such as a probe that failed
// while its pods started, has not happened again for a while.
func (e eyes) over(a ledger.Alert) bool {
	return signal.Momentary(a.ID) && e.now().Sub(a.LastSeen) > e.settle
}

func happened(a ledger.Alert, before time.Time) bool {
	return signal.Momentary(a.ID) && !a.StartsAt.After(before)
}

func fromLedger(list ledger.AlertList, c Case) Alerts {
	out := Alerts{Known: len(list.Alerts) > 0, Firing: list.Firing() > 0}
	if !out.Known {
		out.Detail = "no alert is on record that could resolve"
		return out
	}
	for _, a := range list.Alerts {
		if a.StartsAt.After(c.since()) {
			out.Recurred = true
		}
	}
	switch n := list.Firing(); {
	case n > 0:
		out.Detail = fmt.Sprintf("%d of %d alerts have not resolved", n, len(list.Alerts)+list.Excess)
	case out.Recurred:
		out.Detail = "resolved, after one started again"
	default:
		out.Detail = "resolved"
	}
	return out
}

// confirm finds out whether alerts without a resolve do fire.
func (e eyes) confirm(ctx context.Context, c Case, list ledger.AlertList, out *Alerts) error {
	if !out.Firing {
		return nil
	}
	if e.alertmanager != nil {
		active, err := e.alertmanager.Active(ctx, unresolved(list))
		if err != nil {
			return fmt.Errorf("no resolve was received and Alertmanager cannot be asked: %w", err)
		}
		if active == 0 && (postedSince(list, c) || slices.ContainsFunc(unresolved(list), signal.Hashed)) {
			return errElsewhere
		}
		out.Firing, out.Confirmed = active+list.Excess > 0, active > 0
		out.Detail = fmt.Sprintf("Alertmanager has %d active", active)
		return nil
	}
	if postedSince(list, c) {
		out.Confirmed = true
		out.Detail += ", and were received again after the action"
	}
	return nil
}

// errElsewhere is why it proves nothing that an Alertmanager has none of the
// alerts: one was received again after the action, or is known by an id that no
// Alertmanager gives, such as what Flux says of an object.
var errElsewhere = errors.New("no resolve was received, and the alerts' sender may not post to the Alertmanager that was asked")

// postedSince tells that an alert that has not resolved was received again
// after the action.
func postedSince(list ledger.AlertList, c Case) bool {
	return slices.ContainsFunc(list.Alerts, func(a ledger.Alert) bool { return a.Firing() && a.LastSeen.After(c.since()) })
}

func unresolved(list ledger.AlertList) []string {
	var ids []string
	for _, a := range list.Alerts {
		if a.Firing() {
			ids = append(ids, a.ID)
		}
	}
	return ids
}
