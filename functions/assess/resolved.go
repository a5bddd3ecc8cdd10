package function

import (
	"context"
	"errors"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// resolved takes note that an alert stopped. Where nothing had started, the
// gateway cancelled the remediation and it ends here. Otherwise it is
// evidence, and where it was the last alert of the claim, the verdict need not
// wait for its whole window.
func (a *assessor) resolved(ctx context.Context, in stage.Input[event.SignalResolvedData]) (stage.Reply, error) {
	r, resolution := in.Data.Remediation, in.Data.Resolution
	if r.ID == "" {
		return stage.Nothing(ReasonNoRemediation), nil
	}
	cancelled, err := a.cancelled(ctx, in.Data)
	if err != nil {
		return stage.Reply{}, err
	}
	if cancelled {
		// Nobody should be asked to approve what will not be done.
		if err := a.book.Unhold(ctx, r.ID); err != nil {
			return stage.Reply{}, err
		}
		return a.closed(byResolve()), nil
	}
	if resolution.StillFiring > 0 || resolution.Expired {
		// That a sender fell silent is no reason to judge sooner.
		return stage.Nothing(ReasonEvidence), nil
	}
	return a.hasten(ctx, r.ID)
}

// byResolve is how a remediation ends whose alert stopped in time.
func byResolve() event.End {
	return event.End{Outcome: event.OutcomeCancelled, Reason: endResolved, Detail: "The alert stopped before anything was changed."}
}

// cancelled tells that the gateway cancelled the remediation and that the claim
// does not say otherwise: where a step was started, Redis lost the cancel, and
// what was changed is to be judged.
func (a *assessor) cancelled(ctx context.Context, d event.SignalResolvedData) (bool, error) {
	if !d.Resolution.Cancelled {
		return false, nil
	}
	claim, err := a.book.Get(ctx, d.Remediation.Fingerprint)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return true, nil
	case err != nil:
		return false, err
	case claim.Remediation != d.Remediation.ID:
		return true, nil
	}
	// A claim that Redis had forgotten names no step: the gateway, which had
	// the claim, knew better.
	return claim.Executing == "" && (claim.Executed == "" || claim.Executed == ledger.ExecutedUnknown), nil
}

// maxStep bounds the steps of a remediation: its first rung and the next ones.
const maxStep = event.MaxRungs + 1

// hasten brings the assessment that waits, of whichever step, forward. The
// settle window counts from now, so no action is judged sooner after it was
// applied than that.
func (a *assessor) hasten(ctx context.Context, remediation string) (stage.Reply, error) {
	reason := ReasonEvidence
	for step := 1; step <= maxStep; step++ {
		moved, err := a.book.HastenDue(ctx, assessID(remediation, step), a.settings.SettleWindow)
		if err != nil {
			return stage.Reply{}, err
		}
		if moved {
			reason = ReasonHastened
		}
	}
	return stage.Nothing(reason), nil
}
