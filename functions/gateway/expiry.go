package function

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"kubernaut.ai/functions/gateway/source"
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

const (
	// ReasonBadExpiry is of an expiry that another version wrote.
	ReasonBadExpiry = "expiry_not_readable"
	// ReasonExpiriesFull is of an alert that would have to end unless it is posted
	// again, where so many wait for that already that its expiry found no room. It
	// is to be posted again: taken in without, it would fire for ever once its
	// sender fell silent.
	ReasonExpiriesFull = "expiries_full"
)

var errExpiriesFull = fmt.Errorf("%d alerts wait already to end unless they are posted again", ledger.MaxExpiries)

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
		payload, err := w.parked()
		if err != nil {
			w.unexpected(ReasonLedgerDown, err)
			continue
		}
		in := min(max(w.alert.Expires.Sub(w.received), 0), ledger.MaxDuration)
		moved = append(moved, w)
		expiries = append(expiries, ledger.Expiry{Alert: w.alert.ID, In: in, Payload: payload})
	}
	if len(moved) == 0 {
		return
	}
	noted, err := g.claims.ExpectMany(ctx, expiries)
	for i, w := range moved {
		switch {
		case err != nil:
			w.unexpected(ReasonLedgerDown, err)
		case !noted[i]:
			g.full(ctx, w)
		case w.result.Status == "":
			// One whose target is not known yet is noted again when it is.
			g.expected.put(w.alert.ID, expected{at: w.received, expires: w.alert.Expires})
		}
	}
}

// unexpected marks an alert whose expiry could not be noted, unless it is to
// be posted again for a reason of its own.
func (w *work) unexpected(reason string, err error) {
	if w.result.Status == "" {
		w.result.retry(reason, err)
	}
}

// full marks an alert whose expiry found no room, and says so at a bounded rate.
func (g *gateway) full(ctx context.Context, w *work) {
	w.unexpected(ReasonExpiriesFull, errExpiriesFull)
	if count, due := g.suppressed.note(ReasonExpiriesFull, w.received); due {
		stage.Logger(ctx).Errorw("alerts have to be posted again until others have ended", "reason", ReasonExpiriesFull,
			"alerts", count, "last", w.alert.ID, "most", ledger.MaxExpiries)
	}
}

// expectedStill tells that the expiry was moved so short a while ago that
// moving it again can wait. What is reported is not posted every few minutes:
// each report counts.
func (g *gateway) expectedStill(w *work) bool {
	if w.telling != source.Began {
		return false
	}
	e, ok := g.expected.get(w.alert.ID)
	return ok && w.received.Sub(e.at) < e.expires.Sub(e.at)/movedWithin
}

// parkedLabels and parkedValue bound the labels that wait in Redis for an alert
// to expire: as many and as long as finding its object again may need.
const parkedLabels, parkedValue = 64, 256

// parked is what ending the alert will need, with fewer labels where those are
// too long to be kept.
func (w *work) parked() (payload []byte, err error) {
	bare := *w
	bare.alert.Annotations = nil // they are not kept, and take time
	s := bare.signal()
	for most := parkedLabels; ; most /= 2 {
		labels, _, _ := event.CutMap(s.Labels, most, parkedValue)
		payload, err = json.Marshal(parked{Source: w.source, Resource: w.resource, Target: w.target, Alert: signal.Alert{ID: w.alert.ID,
			Labels: labels, StartsAt: w.alert.StartsAt, Expires: w.alert.Expires, Receiver: s.Receiver, Group: event.Cut(s.Group, parkedValue)}})
		if err != nil || len(payload) <= ledger.MaxExpiryPayload || most == 0 {
			return payload, err
		}
	}
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
