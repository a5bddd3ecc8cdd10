package ledger

import (
	"context"
	"time"
)

// Foresight is what an alert would meet that asked for a claim now.
type Foresight struct {
	Outcome ReserveOutcome
	// Remediation is the one that the alert would open, take over or join.
	Remediation string
	// Claim is the record as it is; the zero value where there is none.
	Claim Claim
}

// Foresee says what Reserve would answer now, by the same rule and the same
// clock, and changes nothing. Base is that of the reservation.
func (l *Ledger) Foresee(ctx context.Context, fingerprint, base string) (Foresight, error) {
	const op = "foresee claim"
	if err := firstError(checkID("fingerprint", fingerprint), checkToken("base", base, MaxBase)); err != nil {
		return Foresight{}, wrap(op, err)
	}
	word, claim, err := l.runClaim(ctx, claimCall{
		script: scriptForesee, fingerprint: fingerprint, keys: []string{claimKey(fingerprint)},
	})
	if err != nil {
		return Foresight{}, wrap(op, err)
	}
	f := Foresight{Outcome: ReserveOutcome(word), Remediation: claim.Remediation, Claim: claim}
	if f.Outcome == Opened {
		f.Remediation = remediation{base, claim.Generation + 1}.id()
	}
	return f, nil
}

// WouldResolve says what ResolveAlert would answer now, and changes nothing.
func (l *Ledger) WouldResolve(ctx context.Context, id string, startsAt time.Time) (r Resolution, found bool, err error) {
	const op = "foresee resolve"
	r, found, err = l.joined(ctx, id, startsAt)
	if err != nil || !found {
		return Resolution{}, false, wrap(op, err)
	}
	all, err := l.Alerts(ctx, r.Fingerprint, r.Remediation)
	if err != nil {
		return Resolution{}, false, wrap(op, err)
	}
	known := false
	r.StillFiring = all.Excess
	for _, a := range all.Alerts {
		switch {
		case a.ID == id:
			known = startsAt.UnixMilli() >= a.StartsAt.UnixMilli()
		case a.Firing() && !a.momentary():
			r.StillFiring++
		}
	}
	if !known {
		return Resolution{}, false, nil
	}
	return r, true, nil
}
