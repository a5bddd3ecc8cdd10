package function

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

func health(score float64) Health {
	return Health{Finding: Finding{Known: true, Score: score, Detail: "seen"}}
}

func TestJudge(t *testing.T) {
	resolved, silent := Alerts{Known: true}, Alerts{Known: true, Firing: true}
	firing := Alerts{Known: true, Firing: true, Confirmed: true}
	recurred := Alerts{Known: true, Recurred: true}
	known := func(score float64) Finding { return Finding{Known: true, Score: score} }
	settling := Health{Finding: Finding{Known: true, Score: 0.5}, Settling: true}
	for name, c := range map[string]struct {
		findings Findings
		attempt  int
		verdict  string
		reason   string
		score    float64
		coverage float64
	}{
		"all is well": {Findings{Health: health(1), Alerts: resolved, Metrics: known(1)}, 1,
			event.VerdictEffective, ReasonHealthy, 1, 1},
		"without Prometheus the other parts weigh more": {Findings{Health: health(1), Alerts: resolved}, 1,
			event.VerdictEffective, ReasonHealthy, 1, 0.75},
		"an alert that cannot be known does not hide a healthy target": {Findings{Health: health(1)}, 1,
			event.VerdictEffective, ReasonHealthy, 1, 0.4},
		"nothing is known": {Findings{}, 1,
			event.VerdictUnknown, ReasonNoEvidence, 0, 0},
		"nothing is known but metrics": {Findings{Metrics: known(1)}, 1,
			event.VerdictUnknown, ReasonNoEvidence, 1, 0.25},
		"nothing is known at the last attempt either": {Findings{}, 3,
			event.VerdictUnknown, ReasonNoEvidence, 0, 0},
		"the alert stopped but nobody could look at the target": {Findings{Alerts: resolved}, 3,
			event.VerdictUnknown, ReasonHealthUnknown, 1, 0.35},
		"the target is unhealthy": {Findings{Health: health(0.3), Alerts: firing}, 1,
			event.VerdictIneffective, ReasonAlertFiring, 0.16, 0.75},
		"the target is unhealthy and a resolve was not seen": {Findings{Health: health(0.3), Alerts: silent}, 1,
			event.VerdictIneffective, ReasonUnhealthy, 0.16, 0.75},
		"the target is unhealthy although the alert stopped": {Findings{Health: health(0.5), Alerts: resolved}, 1,
			event.VerdictIneffective, ReasonUnhealthy, 0.733, 0.75},
		"the target is unhealthy and nothing is known of the alert": {Findings{Health: health(0.5)}, 1,
			event.VerdictIneffective, ReasonUnhealthy, 0.5, 0.4},
		"the alert fires and nobody could look at the target": {Findings{Alerts: firing}, 1,
			event.VerdictIneffective, ReasonAlertFiring, 0, 0.35},
		"no resolve was seen and nobody could look at the target": {Findings{Alerts: silent}, 3,
			event.VerdictUnknown, ReasonAlertUnresolved, 0, 0.35},
		"a healthy target whose alert fires is looked at again": {Findings{Health: health(1), Alerts: firing}, 2,
			event.VerdictUnknown, ReasonAlertFiring, 0.533, 0.75},
		"a healthy target whose alert fires to the last was not helped": {Findings{Health: health(1), Alerts: firing}, 3,
			event.VerdictIneffective, ReasonAlertFiring, 0.533, 0.75},
		"a healthy target whose resolve never came is left to a person": {Findings{Health: health(1), Alerts: silent}, 3,
			event.VerdictUnknown, ReasonAlertUnresolved, 0.533, 0.75},
		"an alert that started again and stopped leaves a healthy target to a person": {Findings{Health: health(1), Alerts: recurred}, 3,
			event.VerdictUnknown, ReasonRecurred, 0.533, 0.75},
		"an alert that started again and fires speaks against a healthy target": {
			Findings{Health: health(1), Alerts: Alerts{Known: true, Recurred: true, Firing: true, Confirmed: true}}, 3,
			event.VerdictIneffective, ReasonRecurred, 0.533, 0.75},
		"an alert that started again on a healthy target is looked at again": {Findings{Health: health(1), Alerts: recurred}, 1,
			event.VerdictUnknown, ReasonRecurred, 0.533, 0.75},
		"a rollout under way is waited for": {Findings{Health: settling, Alerts: firing}, 2,
			event.VerdictUnknown, ReasonStillChanging, 0.267, 0.75},
		"a rollout that never ends is no success": {Findings{Health: settling, Alerts: resolved}, 3,
			event.VerdictIneffective, ReasonUnhealthy, 0.733, 0.75},
		"containers restart though all are ready": {Findings{Health: health(1), Alerts: resolved, Metrics: known(0)}, 1,
			event.VerdictIneffective, ReasonMetricsAgainstIt, 0.75, 1},
		"somebody else changed what was applied": {Findings{Health: health(1), Alerts: resolved, Drift: Drift{Known: true, Moved: true}}, 1,
			event.VerdictUnknown, ReasonDrift, 1, 0.75},
		"somebody else changed it and the target is unhealthy": {Findings{Health: health(0), Alerts: firing, Drift: Drift{Known: true, Moved: true}}, 3,
			event.VerdictUnknown, ReasonDrift, 0, 0.75},
	} {
		t.Run(name, func(t *testing.T) {
			got := Judge(c.findings, Round{Step: 2, Attempt: c.attempt})
			require.Equal(t, c.verdict, got.Verdict)
			require.Equal(t, c.reason, got.Reasons[0])
			require.InDelta(t, c.score, got.Score, 0.001)
			require.InDelta(t, c.coverage, got.Coverage, 0.001)
			require.Equal(t, 2, got.Step)
			require.Equal(t, c.attempt, got.Attempt)
			require.Len(t, got.Parts, 5)
		})
	}
}

// TestUnknownIsNeverSuccess tries every combination of findings.
func TestUnknownIsNeverSuccess(t *testing.T) {
	bools := []bool{false, true}
	scores := []float64{-1, 0, 0.5, 0.79, 0.8, 1, 7}
	for _, known := range bools {
		for _, score := range scores {
			for mask := range 64 {
				bit := func(n int) bool { return mask&(1<<n) != 0 }
				f := Findings{
					Health:  Health{Finding: Finding{Known: known, Score: score}, Settling: bit(5)},
					Alerts:  Alerts{Known: bit(0), Firing: bit(1), Confirmed: bit(2), Recurred: bit(3)},
					Metrics: Finding{Known: bit(4), Score: 1},
				}
				got := Judge(f, Round{Step: 1, Attempt: 1 + mask%3})
				require.GreaterOrEqual(t, got.Score, 0.0)
				require.LessOrEqual(t, got.Score, 1.0)
				if got.Verdict == event.VerdictEffective {
					require.True(t, f.Health.Known)
					require.GreaterOrEqual(t, got.Score, EffectiveFrom)
					require.False(t, f.Alerts.Known && f.Alerts.against())
				}
			}
		}
	}
}

// TestWhoPutsBackWhatItKnowsHasNotTakenOver: a GitOps controller goes on doing so
// until a person changes what it knows.
func TestWhoPutsBackWhatItKnowsHasNotTakenOver(t *testing.T) {
	found := Findings{Health: health(1), Alerts: Alerts{Known: true}, Drift: Drift{Known: true, Moved: true}}
	j := judged{assessment: Judge(found, Round{Step: 1, Attempt: MaxAttempts})}
	require.True(t, j.changedByOthers())
	j.data.Context.GitOps = &event.GitOps{Tool: "flux", Name: "apps"}
	require.False(t, j.changedByOthers())
}
