package function

import (
	"fmt"
	"math"

	"kubernaut.ai/shared/event"
)

// What each part weighs. Parts that are not known are left out and the others
// weigh more.
const (
	weightHealth  = 0.40
	weightAlert   = 0.35
	weightMetrics = 0.25
)

// EffectiveFrom is the score from which an action counts as effective.
const EffectiveFrom = 0.8

// MaxAttempts is how often a step is looked into before a person is called.
const MaxAttempts = 3

// The parts of an assessment.
const (
	partHealth     = "health"
	partAlert      = "alert"
	partMetrics    = "metrics"
	partRecurrence = "recurrence"
	partDrift      = "drift"
)

// Named reasons of a verdict.
const (
	ReasonHealthy          = "healthy"
	ReasonUnhealthy        = "unhealthy"
	ReasonAlertFiring      = "alert_still_firing"
	ReasonAlertUnresolved  = "alert_not_resolved"
	ReasonRecurred         = "alert_started_again"
	ReasonStillChanging    = "still_changing"
	ReasonNoEvidence       = "no_evidence"
	ReasonHealthUnknown    = "health_unknown"
	ReasonDrift            = "drift"
	ReasonNothingChanged   = "nothing_changed"
	ReasonMetricsAgainstIt = "metrics_worsened"
)

// Finding is what was found about one part; Score is between 0 and 1.
type Finding struct {
	Known  bool
	Score  float64
	Detail string
}

// Health is what the live target looks like.
type Health struct {
	Finding
	// Settling tells that a controller is still at work on it.
	Settling bool
}

// Alerts is what is known of the alerts that joined the remediation.
type Alerts struct {
	Known bool
	// Firing: not all of them have resolved.
	Firing bool
	// Confirmed: they were seen to fire after the action, as opposed to a
	// resolve that has not been seen.
	Confirmed bool
	// Recurred: one of them started after the action.
	Recurred bool
	Detail   string
}

// Drift tells whether the changed fields still have the applied values.
type Drift struct {
	Known  bool
	Moved  bool
	Detail string
}

// Findings are all that a verdict rests on.
type Findings struct {
	Health  Health
	Alerts  Alerts
	Metrics Finding
	Drift   Drift
}

// Round is which assessment this is.
type Round struct {
	Step, Attempt int
}

// last tells whether no other attempt follows.
func (r Round) last() bool { return r.Attempt >= MaxAttempts }

// Judge weighs findings into a verdict with its score and reasons. AssessedAt
// is left to the caller.
func Judge(f Findings, r Round) event.Assessment {
	parts := f.parts()
	score, coverage := weigh(parts)
	verdict, reason := f.verdict(r, score)
	return event.Assessment{
		Verdict: verdict, Score: score, Coverage: coverage, Step: r.Step, Attempt: r.Attempt, Parts: parts,
		Reasons: append([]string{reason}, details(parts)...),
	}
}

func (f Findings) parts() []event.Part {
	alert := Finding{Known: f.Alerts.Known, Detail: f.Alerts.Detail}
	if !f.Alerts.against() {
		alert.Score = 1
	}
	return []event.Part{
		part(partHealth, weightHealth, f.Health.Finding),
		part(partAlert, weightAlert, alert),
		part(partMetrics, weightMetrics, f.Metrics),
		part(partRecurrence, 0, Finding{Known: f.Alerts.Known, Score: oneUnless(f.Alerts.Recurred)}),
		part(partDrift, 0, Finding{Known: f.Drift.Known, Score: oneUnless(f.Drift.Moved), Detail: f.Drift.Detail}),
	}
}

func part(name string, weight float64, f Finding) event.Part {
	p := event.Part{Name: name, Known: f.Known, Weight: weight, Detail: event.Cut(f.Detail, event.MaxText)}
	if f.Known {
		p.Score = round(min(max(f.Score, 0), 1))
	}
	return p
}

func oneUnless(bad bool) float64 {
	if bad {
		return 0
	}
	return 1
}

// weigh is the score over the known parts, and the share of the weights that
// is known.
func weigh(parts []event.Part) (score, coverage float64) {
	var sum, known, all float64
	for _, p := range parts {
		all += p.Weight
		if p.Known {
			known += p.Weight
			sum += p.Weight * p.Score
		}
	}
	if known == 0 {
		return 0, 0
	}
	return round(sum / known), round(known / all)
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }

func (a Alerts) against() bool { return a.Firing || a.Recurred }

// proven: it is seen and not merely not refuted that the alert goes on. One that
// started after the action and stopped again may have been the action's own doing,
// as when it restarts pods: it is no reason to do more to a target that looks well.
func (a Alerts) proven() bool { return a.Firing && a.Confirmed }

// verdict applies the rules in order of what overrules what.
func (f Findings) verdict(r Round, score float64) (verdict, reason string) {
	healthy := f.Health.Known && f.Health.Score >= EffectiveFrom
	switch {
	case f.Drift.Moved:
		// Somebody else is at work: what there is now is neither the action's
		// success nor its failure.
		return event.VerdictUnknown, ReasonDrift
	case !f.Health.Known && !f.Alerts.Known:
		return event.VerdictUnknown, ReasonNoEvidence
	case f.Health.Settling && !r.last():
		return event.VerdictUnknown, ReasonStillChanging
	case f.Alerts.Known && f.Alerts.against():
		return f.stillFiring(r, healthy)
	case f.Health.Known && score >= EffectiveFrom:
		return event.VerdictEffective, ReasonHealthy
	case healthy:
		return event.VerdictIneffective, ReasonMetricsAgainstIt
	case f.Health.Known:
		return event.VerdictIneffective, ReasonUnhealthy
	}
	return event.VerdictUnknown, ReasonHealthUnknown
}

// stillFiring judges while the alert speaks against the action. A healthy
// target and a firing alert contradict each other, and alerts resolve late:
// that is worth another look before anything else is done to a workload that
// looks well. Where a resolve has merely not been seen it may never come: a
// healthy target is then left to a person.
func (f Findings) stillFiring(r Round, healthy bool) (verdict, reason string) {
	reason = ReasonAlertFiring
	switch {
	case f.Alerts.Recurred:
		reason = ReasonRecurred
	case !f.Alerts.Confirmed:
		reason = ReasonAlertUnresolved
	}
	switch {
	case healthy && (!r.last() || !f.Alerts.proven()):
		return event.VerdictUnknown, reason
	case !f.Health.Known && !f.Alerts.proven():
		return event.VerdictUnknown, reason
	case f.Health.Known && !healthy && !f.Alerts.proven():
		return event.VerdictIneffective, ReasonUnhealthy
	}
	return event.VerdictIneffective, reason
}

func details(parts []event.Part) []string {
	var out []string
	for _, p := range parts {
		if p.Detail == "" {
			continue
		}
		if p.Known {
			out = append(out, fmt.Sprintf("%s: %s", p.Name, p.Detail))
		} else {
			out = append(out, fmt.Sprintf("%s unknown: %s", p.Name, p.Detail))
		}
	}
	return out
}
