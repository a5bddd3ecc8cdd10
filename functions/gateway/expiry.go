package function

import (
	"context"
	"encoding/json"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
	"kubernaut.ai/shared/stage"
)

const (
	// expectedSize bounds the alerts of which the gateway remembers when it
	// moved their expiry.
	expectedSize = 20_000
	// movedWithin is the part of an alert's time within which its expiry is not
	// moved again: it may so be early by that much.
	movedWithin = 3
	// expiryBatch, expiryLease and expiryRetry are how many alerts are ended at
	// a time, how long they are an instance's to end, and when another tries
	// what failed.
	expiryBatch = 100
	expiryLease = time.Minute
	expiryRetry = 30 * time.Second
)

// ReasonBadExpiry is of an expiry that another version wrote.
const ReasonBadExpiry = "expiry_not_readable"

// expected is what the gateway remembers of an expiry that it moved.
type expected struct{ at, expires time.Time }

// parked is what ending an alert that nobody posts again needs. Its labels
// are within the bounds of events.
type parked struct {
	Source           string
	Alert            signal.Alert
	Resource, Target event.Target
}

// expect notes until when alerts fire whose senders may fall silent. It comes
// before they join, so that a round which is about to end one of them finds
// that it was posted again.
func (g *gateway) expect(ctx context.Context, all []*work) {
	var moved []*work
	var expiries []ledger.Expiry
	for _, w := range all {
		if w.alert.Expires.IsZero() || g.expectedStill(w) {
			continue
		}
		payload, err := json.Marshal(w.parked())
		if err != nil {
			w.result.retry(ReasonLedgerDown, err)
			continue
		}
		in := min(max(w.alert.Expires.Sub(w.received), 0), ledger.MaxDuration)
		moved = append(moved, w)
		expiries = append(expiries, ledger.Expiry{Alert: w.alert.ID, In: in, Payload: payload})
	}
	if len(moved) == 0 {
		return
	}
	err := g.claims.ExpectMany(ctx, expiries)
	for _, w := range moved {
		if err != nil {
			w.result.retry(ReasonLedgerDown, err)
			continue
		}
		g.expected.put(w.alert.ID, expected{at: w.received, expires: w.alert.Expires})
	}
}

// expectedStill tells that the expiry was moved so short a while ago that
// moving it again can wait.
func (g *gateway) expectedStill(w *work) bool {
	e, ok := g.expected.get(w.alert.ID)
	return ok && w.received.Sub(e.at) < e.expires.Sub(e.at)/movedWithin
}

// parkedLabels and parkedValue bound the labels that wait in Redis for an alert
// to expire: as many and as long as finding its object again may need.
const parkedLabels, parkedValue = 64, 256

func (w *work) parked() parked {
	s := w.signal()
	labels, _, _ := event.CutMap(s.Labels, parkedLabels, parkedValue)
	return parked{Source: w.source, Resource: w.resource, Target: w.target, Alert: signal.Alert{ID: w.alert.ID, Labels: labels,
		StartsAt: w.alert.StartsAt, Expires: w.alert.Expires, Receiver: s.Receiver, Group: s.Group}}
}

// endExpired ends the alerts that were not posted again in time. What fails is
// left to a later round.
func (g *gateway) endExpired(ctx context.Context) error {
	for {
		items, err := g.claims.LeaseExpired(ctx, expiryBatch, g.expiryLease)
		concurrently(items, func(item ledger.Leased) { g.endOne(ctx, item) })
		if err != nil || len(items) < expiryBatch || ctx.Err() != nil {
			return err
		}
	}
}

// sourceExpiry is what metrics say of alerts that nobody posted any more.
const sourceExpiry = "expiry"

// endOne ends one alert, as if its sender had said so and yet marked as weak
// evidence. Whoever dies on the way leaves a lease that ends, and the next
// publishes the same event id.
func (g *gateway) endOne(ctx context.Context, item ledger.Leased) {
	var p parked
	if err := json.Unmarshal(item.Payload, &p); err != nil {
		g.drop(ctx, ReasonBadExpiry, item.ID)
		g.giveBack(ctx, g.claims.Complete(ctx, item), item)
		return
	}
	if err := g.claims.StillLeased(ctx, item); err != nil {
		g.giveBack(ctx, err, item)
		return
	}
	w := &work{source: p.Source, alert: p.Alert, result: &Result{}, received: g.now(), resource: p.Resource, target: p.Target, expired: true}
	w.alert.ID, w.alert.Resolved, w.alert.EndsAt = item.ID, true, p.Alert.Expires
	w.result.Alert = event.Cut(w.alert.Name(), event.MaxAttribute)
	g.resolve(ctx, w)
	g.meters.answered(ctx, sourceExpiry, summarise([]Result{*w.result}, 0))
	if w.result.Status == StatusRetry {
		stage.Logger(ctx).Warnw("expired alert to be ended later", "alert", item.ID, "error", w.result.err)
		g.giveBack(ctx, g.claims.Postpone(ctx, item, expiryRetry), item)
		return
	}
	g.giveBack(ctx, g.claims.Complete(ctx, item), item)
}

// giveBack says why an item could not be given back: its lease ends by itself,
// or it was posted again meanwhile.
func (g *gateway) giveBack(ctx context.Context, err error, item ledger.Leased) {
	if err != nil {
		stage.Logger(ctx).Infow("expiry not given back", "alert", item.ID, "error", err)
	}
}
