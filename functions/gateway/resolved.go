package function

import (
	"context"
	"errors"
	"time"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

// anyEpisode is later than any start: a resolve that does not say which
// episode ended is of the one that is known. The claim's clock and the sender's
// may differ by more than an alert lasts.
var anyEpisode = time.UnixMilli(1 << 52)

// resolve ends an alert, and remembers that this was told where many reports may
// say so. Whoever dies on the way, or does it twice, publishes the same event
// id.
func (g *gateway) resolve(ctx context.Context, w *work) {
	end, ok := g.ending(ctx, w)
	if !ok {
		return
	}
	g.tellEnd(ctx, w, end)
	if w.result.Status == StatusRetry || !end.untold {
		return
	}
	if err := g.claims.ReportTold(ctx, w.alert.ID, w.alert.EndsAt); err != nil {
		w.result.retry(ReasonLedgerDown, err)
	}
}

// tellEnd tells a remediation that one of its alerts stopped, and cancels it if
// that was the last and nothing was executed.
func (g *gateway) tellEnd(ctx context.Context, w *work, end ending) {
	resolved, found, err := g.ended(ctx, w, end)
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
	if _, err = g.outbox.Send(ctx, resolvedDraft(w, resolved, meaning{reason: reason, opened: claim.FirstSeen})); err != nil {
		w.result.retry(ReasonNotPublished, err)
		return
	}
	w.result.Status, w.result.Reason = StatusResolved, reason
}

// ending is how an alert ended.
type ending struct {
	// starts is no earlier than the start of the episode that ended, and earlier
	// than that of any other.
	starts time.Time
	// untold tells that many reports may say that it ended, until it was told.
	untold bool
}

// ending finds out which episode of the alert it is that ended; not ok where
// none did, or nobody knows yet.
func (g *gateway) ending(ctx context.Context, w *work) (end ending, ok bool) {
	switch {
	case w.telling != source.Began && !w.expired:
		return g.recovered(ctx, w)
	case w.alert.Undated:
		return ending{starts: anyEpisode}, true
	}
	return ending{starts: w.alert.StartsAt}, true
}

// ended marks the alert as stopped, on its sender's word or for want of it.
func (g *gateway) ended(ctx context.Context, w *work, end ending) (ledger.Resolution, bool, error) {
	if w.expired {
		return g.claims.ExpireAlert(ctx, w.alert.ID, w.alert.EndsAt)
	}
	return g.claims.ResolveAlert(ctx, w.alert.ID, end.starts, w.alert.EndsAt)
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
	outcome, claim, err := g.claims.Cancel(ctx, r.Fingerprint, r.Remediation, g.within)
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

// meaning is what a resolve meant to its remediation.
type meaning struct {
	reason string
	opened time.Time
}

func resolvedDraft(w *work, r ledger.Resolution, m meaning) event.Draft {
	a := w.alert
	return event.Draft{
		Type:   event.SignalResolved,
		Cause:  a.ID + "|" + stamp(a.StartsAt) + "|" + stamp(a.EndsAt),
		Target: w.target, Correlation: r.Remediation, Fingerprint: r.Fingerprint, Now: w.received,
		Sections: []event.Section{
			{Name: event.SectionRemediation, Value: event.Remediation{
				ID: r.Remediation, Fingerprint: r.Fingerprint, OpenedAt: m.opened}},
			{Name: event.SectionSignal, Value: w.signal()},
			{Name: event.SectionResolution, Value: event.Resolution{AlertID: a.ID, StartsAt: a.StartsAt,
				EndsAt: a.EndsAt, StillFiring: r.StillFiring, Cancelled: m.reason == ReasonCancelled, Expired: w.expired}},
		},
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
