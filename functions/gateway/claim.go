package function

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

// publishLease is how long a reservation is its holder's to publish: longer
// than a publish may take, shorter than a sender goes on posting again.
const publishLease = 15 * time.Second

// Waits for another to confirm, each twice the one before: together about
// 1.3 s, after which the sender is asked to post again.
const (
	firstWait = 10 * time.Millisecond
	lastWait  = 640 * time.Millisecond
)

// baseLength is how much of a hash becomes part of a remediation id.
const baseLength = 16

var (
	errPublishing = errors.New("the claim is reserved and not confirmed yet")
	errCancelling = errors.New("the remediation was cancelled and is not settled yet")
)

// claim gets each alert's claim and publishes what opens one. All
// reservations of a request go together; whoever meets one that is about to
// be confirmed, by another alert of the same request even, asks again.
func (g *gateway) claim(ctx context.Context, undecided []*work) {
	for wait := firstWait; len(undecided) > 0; wait *= 2 {
		g.reserve(ctx, undecided)
		each(met(undecided, ledger.Opened, ledger.TakenOver), func(w *work) { g.open(ctx, w) })
		g.join(ctx, met(undecided, ledger.Opened, ledger.TakenOver, ledger.Duplicate, ledger.CoolingDown))
		if undecided = pending(undecided); len(undecided) == 0 {
			return
		}
		if wait > lastWait || !pause(ctx, wait) {
			break
		}
	}
	for _, w := range undecided {
		if w.claim.Cancelled {
			w.result.retry(ReasonCancelling, errCancelling)
			continue
		}
		w.result.retry(ReasonPublishing, errPublishing)
	}
}

// met picks those whose reservation had one of the outcomes.
func met(all []*work, outcomes ...ledger.ReserveOutcome) []*work {
	out := make([]*work, 0, len(all))
	for _, w := range all {
		for _, o := range outcomes {
			if w.outcome == o && w.result.Status != StatusRetry {
				out = append(out, w)
			}
		}
	}
	return out
}

// reserve asks for all claims in one round trip, and joins those alerts on the
// way that were seen to join the same holder before.
func (g *gateway) reserve(ctx context.Context, undecided []*work) {
	arrivals := make([]ledger.Arrival, len(undecided))
	for i, w := range undecided {
		arrivals[i] = ledger.Arrival{Reservation: ledger.Reservation{
			Fingerprint: w.fingerprint, Base: base(w), Lease: g.lease}}
		if j, ok := g.joined.get(w.alert.ID); ok && w.received.Sub(j.at) < joinedFresh {
			if w.alert.Undated {
				w.alert.StartsAt = j.starts
			}
			arrivals[i].Alert = w.joining(j.remediation)
		}
	}
	started := g.now()
	replies, err := g.claims.ReserveMany(ctx, arrivals)
	g.meters.claimed(ctx, g.now().Sub(started))
	for i, w := range undecided {
		failure := err
		if failure == nil {
			failure = replies[i].Err
		}
		if failure != nil {
			w.result.retry(ReasonLedgerDown, failure)
			continue
		}
		w.met(replies[i])
	}
}

// met takes in what the alert's reservation met.
func (w *work) met(m ledger.Met) {
	w.claim, w.outcome, w.joined = m.Claim, m.Outcome, m.Joined
	if w.alert.Undated && !m.Claim.FirstSeen.IsZero() {
		// Posted again it is the same episode as long as its claim lives, on
		// whichever instance.
		w.alert.StartsAt = m.Claim.FirstSeen
	}
	switch m.Outcome {
	case ledger.Duplicate:
		w.result.Status, w.result.Reason, w.result.RemediationID = StatusDuplicate, ReasonDuplicate, m.Claim.Remediation
	case ledger.CoolingDown:
		w.result.Status, w.result.Reason, w.result.RemediationID = StatusDuplicate, ReasonCoolingDown, m.Claim.Remediation
	}
}

// base starts the remediation's id. It names the claim and the episode, so
// that every instance that meets this alert would choose the same.
func base(w *work) string {
	sum := sha256.Sum256([]byte(w.fingerprint + "|" + w.alert.StartsAt.UTC().Format(time.RFC3339Nano)))
	return hex.EncodeToString(sum[:])[:baseLength]
}

// open publishes the first event of a remediation and then confirms its
// claim. Dying before the confirmation leaves a reservation that ends: the
// next to meet it publishes the same event id.
func (g *gateway) open(ctx context.Context, w *work) {
	r := event.Remediation{ID: w.claim.Remediation, Fingerprint: w.fingerprint, OpenedAt: w.claim.FirstSeen}
	body, err := g.outbox.Send(ctx, w.opening(r))
	if err != nil {
		w.result.retry(ReasonNotPublished, err)
		return
	}
	confirmation := ledger.Confirmation{Fingerprint: w.fingerprint, Remediation: r.ID,
		Token: w.claim.Token, Phase: event.ShortType(event.SignalReceived), Within: g.within, Event: body}
	if w.outcome == ledger.Opened {
		alert := w.joining(r.ID)
		confirmation.Alert = &alert
	}
	err = g.claims.Confirm(ctx, confirmation)
	switch {
	case errors.Is(err, ledger.ErrNotHolder):
		// The lease ended on the way and another publishes the same event: ask
		// again what became of it.
		w.outcome = ledger.Pending
		return
	case err != nil && !errors.Is(err, ledger.ErrSettled):
		w.result.retry(ReasonLedgerDown, err)
		return
	}
	w.result.Status, w.result.RemediationID = StatusCreated, r.ID
	if w.outcome == ledger.TakenOver {
		w.result.Reason = ReasonTakenOver
		return
	}
	w.joined = true
	g.joined.put(w.alert.ID, join{remediation: r.ID, at: w.received, starts: w.alert.StartsAt})
}

// opening is the first event of the remediation that the alert opens.
func (w *work) opening(r event.Remediation) event.Draft {
	return event.Draft{
		Type: event.SignalReceived, Cause: r.ID, Index: 0, Target: w.target,
		Correlation: r.ID, Fingerprint: r.Fingerprint, Now: w.received,
		Sections: []event.Section{
			{Name: event.SectionRemediation, Value: r},
			{Name: event.SectionSignal, Value: w.signal()},
		},
	}
}

// join makes the claims' holders know these alerts, so that a resolve finds
// its remediation when the pod is long gone.
func (g *gateway) join(ctx context.Context, all []*work) {
	var joining []*work
	var alerts []ledger.Alert
	for _, w := range all {
		if !w.joined && w.outcome != ledger.Pending {
			joining, alerts = append(joining, w), append(alerts, w.joining(w.claim.Remediation))
		}
	}
	if len(alerts) == 0 {
		return
	}
	joins, err := g.claims.JoinMany(ctx, alerts)
	if err != nil {
		for _, w := range joining {
			w.result.retry(ReasonLedgerDown, err)
		}
		return
	}
	untold := gather(joining, joins)
	g.tell(ctx, untold)
	for _, w := range joining {
		if !awaits(untold, w) {
			g.joined.put(w.alert.ID, join{remediation: w.claim.Remediation, at: w.received, starts: w.alert.StartsAt})
		}
	}
}

// awaits tells that nobody could be told of the alert yet: it must not be
// taken for one that needs nothing more.
func awaits(untold []*news, w *work) bool {
	return slices.ContainsFunc(untold, func(n *news) bool { return !n.told && slices.Contains(n.all, w) })
}

func (w *work) joining(remediation string) ledger.Alert {
	return ledger.Alert{ID: w.alert.ID, StartsAt: w.alert.StartsAt, Fingerprint: w.fingerprint, Remediation: remediation,
		Name: event.Cut(w.alert.Name(), ledger.MaxAlertName), Severity: w.severity(), Urgency: w.urgency()}
}

// pause waits, or reports false when the request's time is over.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// failure is the first error of an answer, for the log.
func (a Answer) failure() error {
	for i := range a.Results {
		if a.Results[i].err != nil {
			return fmt.Errorf("%s: %w", a.Results[i].Reason, a.Results[i].err)
		}
	}
	return nil
}
