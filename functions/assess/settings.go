package function

import (
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// The stage's own settings.
const (
	// EnvGitOpsExtra is added to the window of a target that GitOps manages:
	// its controller may have a say. Unset, it is 3/5 of STABILIZATION.
	EnvGitOpsExtra = "GITOPS_EXTRA"
	// EnvProactiveExtra is added for an alert that predicts: its condition
	// needs time to turn. Unset, it is as long as STABILIZATION.
	EnvProactiveExtra = "PROACTIVE_EXTRA"
	// EnvSettleWindow is the least time that an action is left alone, even
	// when its alert has stopped. Unset, it is 1/5 of STABILIZATION.
	EnvSettleWindow = "SETTLE_WINDOW"
	// EnvAssessRetry is the wait before an unknown verdict is looked into
	// again. Unset, it is 2/5 of STABILIZATION.
	EnvAssessRetry = "ASSESS_RETRY"
	// EnvClaimGrace is how much later than due an assessment may be before the
	// sweep asks: pings come every few minutes. Unset, it is TURN_WITHIN.
	EnvClaimGrace = "CLAIM_GRACE"
	// EnvEndLostAfter is how long a remediation that Redis knows to have ended
	// may lack its end in history, from when that is noticed, before it is
	// made up for: longer than a Broker may still be delivering it. Unset, it is 12 times TURN_WITHIN.
	EnvEndLostAfter = "END_LOST_AFTER"
	// EnvAlertmanager and EnvPrometheus are the URLs to ask, if any.
	EnvAlertmanager = "ALERTMANAGER_URL"
	EnvPrometheus   = "PROMETHEUS_URL"
)

// Settings are the stage's time limits.
type Settings struct {
	Stabilization, GitOpsExtra, ProactiveExtra time.Duration
	SettleWindow, Retry, Grace, TurnWithin     time.Duration
	EndLostAfter, ItemLease, RebuildLease      time.Duration
}

func settingsOf(c *stage.Config) Settings {
	stabilization := c.Duration(stage.EnvStabilization, stage.DefaultStabilization)
	turn := c.Duration(stage.EnvTurnWithin, stage.DefaultTurnWithin)
	return Settings{
		Stabilization:  stabilization,
		GitOpsExtra:    c.Duration(EnvGitOpsExtra, stabilization*3/5),
		ProactiveExtra: c.Duration(EnvProactiveExtra, stabilization),
		SettleWindow:   c.Duration(EnvSettleWindow, stabilization/5),
		Retry:          c.Duration(EnvAssessRetry, stabilization*2/5),
		Grace:          c.Duration(EnvClaimGrace, turn),
		TurnWithin:     turn,
		EndLostAfter:   c.Duration(EnvEndLostAfter, turnsUntilLost*turn),
		ItemLease:      c.Lease(itemLease),
		RebuildLease:   c.Lease(rebuildLease),
	}
}

// turnsUntilLost is how many turns' time an end may be on its way to history.
const turnsUntilLost = 12

// modeProactive is the signal mode of alerts that predict.
const modeProactive = "proactive"

// window is how long an applied action is left alone before it is judged.
func (s Settings) window(d event.RemediationExecutedData) time.Duration {
	w := s.Stabilization
	if d.Context.GitOps != nil {
		w += s.GitOpsExtra
	}
	if d.Classification.SignalMode == modeProactive {
		w += s.ProactiveExtra
	}
	return w
}
