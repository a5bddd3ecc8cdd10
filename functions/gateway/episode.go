package function

import (
	"context"
	"time"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/ledger"
)

// outweighs is how long ago somebody must have said the contrary for whoever
// says how things stand to be believed instead, whatever the times: an
// Alertmanager keeps what Flux said for 5 minutes, with the time of the first of
// notices that are alike, and two that were said at the same time may arrive in
// any order.
const outweighs = 10 * time.Minute

// ReasonFailedSince is of a recovery that is older than the last report of the
// failure.
const ReasonFailedSince = "failed_since"

// episodes is what the gateway needs of the ledger for failures that last, of
// which many reports are made.
type episodes interface {
	Report(ctx context.Context, r ledger.Report) (ledger.Episode, error)
	ReportTold(ctx context.Context, alert string, endsAt time.Time) error
}

// report is what the alert reports. No report is of the future: one that says
// so would outlive every recovery.
func (w *work) report() ledger.Report {
	r := ledger.Report{Alert: w.alert.ID, At: w.alert.StartsAt, Well: w.alert.Resolved, Silence: source.MaxSilence}
	if r.At.After(w.received) {
		r.At = w.received
	}
	if w.telling == source.Stands {
		r.Outweighs = outweighs
	}
	return r
}

// date makes one alert of the many reports on a failure: it begins with the
// first. A report from before the recovery opens nothing.
func (g *gateway) date(ctx context.Context, w *work) {
	if w.telling == source.Began {
		return
	}
	e, err := g.claims.Report(ctx, w.report())
	switch {
	case err != nil:
		w.result.retry(ReasonLedgerDown, err)
	case e.State == ledger.EpisodePast:
		w.result.ignore(source.ReasonFluxRecovered)
	default:
		w.alert.StartsAt, w.alert.Undated = e.StartsAt, false
	}
}

// recovered finds the failure that a report says is over. One of which nobody
// knows may still have been joined, before Redis forgot it.
func (g *gateway) recovered(ctx context.Context, w *work) (end ending, ok bool) {
	r := w.report()
	e, err := g.claims.Report(ctx, r)
	if err != nil {
		w.result.retry(ReasonLedgerDown, err)
		return ending{}, false
	}
	switch e.State {
	case ledger.EpisodeEnded:
		w.alert.StartsAt, w.alert.EndsAt = e.StartsAt, e.EndsAt
	case ledger.EpisodePast:
		w.result.ignore(ReasonFailedSince)
		return ending{}, false
	case ledger.EpisodeOver:
		w.result.ignore(ReasonNotJoined)
		return ending{}, false
	default:
		w.alert.StartsAt, w.alert.EndsAt = r.At, r.At
		if w.alert.Undated {
			return ending{starts: anyEpisode}, true
		}
	}
	return ending{starts: w.alert.EndsAt, untold: e.State == ledger.EpisodeEnded}, true
}
