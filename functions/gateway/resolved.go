package function

import (
	"context"
	"errors"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

// anyEpisode is later than any start: a resolve that does not say which
// episode ended is of the one that is known. The claim's clock and the sender's
// may differ by more than an alert lasts.
var anyEpisode = time.UnixMilli(1 << 52)

// resolve tells a remediation that one of its alerts stopped, and cancels it
// if that was the last and nothing was executed. Whoever dies on the way, or
// does it twice, publishes the same event id.
func (g *gateway) resolve(ctx context.Context, w *work) {
	resolved, found, err := g.ended(ctx, w)
	if err != nil {
		w.result.retry(ReasonLedgerDown, err)
		return
	}
	if !found {
		w.result.ignore(ReasonNotJoined)
		return
	}
	w.fingerprint = resolved.Fingerprint
	w.result.RemediationID = resolved.Remediation
	if resolved.StillFiring > 0 && !g.tellsOf(w) {
		w.result.Status, w.result.Reason = StatusResolved, ReasonStillFiring
		return
	}
	reason, claim, err := g.stop(ctx, resolved)
	if err != nil {
		w.result.retry(ReasonLedgerDown, err)
		return
	}
	g.recall(ctx, w)
	w.result.about(w.target, w.fingerprint)
	if _, err = g.outbox.Send(ctx, resolvedDraft(w, resolved, ending{reason: reason, opened: claim.FirstSeen})); err != nil {
		w.result.retry(ReasonNotPublished, err)
		return
	}
	w.result.Status, w.result.Reason = StatusResolved, reason
}

// ended marks the alert as stopped, on its sender's word or for want of it.
func (g *gateway) ended(ctx context.Context, w *work) (ledger.Resolution, bool, error) {
	if w.expired {
		return g.claims.ExpireAlert(ctx, w.alert.ID, w.alert.EndsAt)
	}
	starts := w.alert.StartsAt
	if w.alert.Undated {
		starts = anyEpisode
	}
	return g.claims.ResolveAlert(ctx, w.alert.ID, starts, w.alert.EndsAt)
}

// tellsOf says whether an alert that stopped while others of its remediation
// still fire becomes an event: the first does, and then one a minute. What they
// are proof of is in the ledger, and the last of them always becomes one; an
// event for each of hundreds would only keep the Broker from what matters.
func (g *gateway) tellsOf(w *work) bool {
	_, due := g.suppressed.note(ReasonStillFiring+"|"+w.result.RemediationID, w.received)
	return due
}

// stop cancels the remediation where all its alerts have stopped; the reason
// says whether it did, or why it did not.
func (g *gateway) stop(ctx context.Context, r ledger.Resolution) (string, ledger.Claim, error) {
	if r.StillFiring > 0 {
		claim, err := g.claims.Get(ctx, r.Fingerprint)
		if errors.Is(err, ledger.ErrNotFound) || claim.Remediation != r.Remediation {
			claim, err = ledger.Claim{}, nil
		}
		return ReasonStillFiring, claim, err
	}
	outcome, claim, err := g.claims.Cancel(ctx, r.Fingerprint, r.Remediation)
	switch {
	case errors.Is(err, ledger.ErrNotHolder):
		return ReasonAfterEnd, ledger.Claim{}, nil
	case err != nil:
		return "", ledger.Claim{}, err
	case outcome == ledger.Cancelled:
		return ReasonCancelled, claim, nil
	case outcome == ledger.JoinedAgain:
		return ReasonStillFiring, claim, nil
	case outcome == ledger.TooLate:
		return ReasonAfterStart, claim, nil
	}
	return ReasonAfterEnd, claim, nil
}

// recall finds again what the alert was about, as far as it is still there:
// the labels' first object where the way to the claim's own is gone.
func (g *gateway) recall(ctx context.Context, w *work) {
	if w.target.Kind != "" {
		return
	}
	if w.source == ownSource {
		w.resource, w.target = g.heart.target, g.heart.target
		return
	}
	chain, reason, err := g.chain(ctx, w.alert)
	if err == nil && reason == "" {
		top := chain[len(chain)-1]
		w.resource, w.target = chain[0], chain[0]
		if w.workload(top).Fingerprint() == w.fingerprint {
			w.target = top
		}
		return
	}
	candidates, _ := g.rules.Candidates(w.alert)
	for _, c := range candidates {
		if c.Kind != "" && c.Name != "" {
			w.resource = event.Target{Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}
			w.target = w.resource
			return
		}
	}
}

func (w *work) workload(top event.Target) signal.Workload {
	return signal.Workload{Cluster: w.alert.Labels[signal.LabelCluster],
		Namespace: top.Namespace, Kind: top.Kind, Name: top.Name}
}

// ending is what a resolve meant to its remediation.
type ending struct {
	reason string
	opened time.Time
}

func resolvedDraft(w *work, r ledger.Resolution, e ending) event.Draft {
	a := w.alert
	return event.Draft{
		Type:   event.SignalResolved,
		Cause:  a.ID + "|" + stamp(a.StartsAt) + "|" + stamp(a.EndsAt),
		Target: w.target, Correlation: r.Remediation, Fingerprint: r.Fingerprint, Now: w.received,
		Sections: []event.Section{
			{Name: event.SectionRemediation, Value: event.Remediation{
				ID: r.Remediation, Fingerprint: r.Fingerprint, OpenedAt: e.opened}},
			{Name: event.SectionSignal, Value: w.signal()},
			{Name: event.SectionResolution, Value: event.Resolution{AlertID: a.ID, StartsAt: a.StartsAt,
				EndsAt: a.EndsAt, StillFiring: r.StillFiring, Cancelled: e.reason == ReasonCancelled, Expired: w.expired}},
		},
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
