package function

import (
	"time"

	"kubernaut.ai/shared/stage"
)

// Settings of this stage, besides those that all stages share.
const (
	// envDecisionWithin is how long an approved decision may be acted upon.
	envDecisionWithin = "DECISION_WITHIN"
	// The storm breaker: how many remediations may be approved within the
	// window, in all, for one namespace, and by one action.
	envBreakerWindow    = "BREAKER_WINDOW"
	envBreakerTotal     = "BREAKER_TOTAL"
	envBreakerNamespace = "BREAKER_NAMESPACE"
	envBreakerAction    = "BREAKER_ACTION"
	// envBreakerNodeShare is the share of the nodes that may be cordoned
	// within the window; one always may.
	envBreakerNodeShare = "BREAKER_NODE_SHARE"
)

// Defaults of the settings.
const (
	defaultDecisionWithin   = 10 * time.Minute
	defaultBreakerWindow    = 10 * time.Minute
	defaultBreakerTotal     = 30
	defaultBreakerNamespace = 10
	defaultBreakerAction    = 20
	defaultBreakerNodeShare = 0.1
)

// Fixed bounds.
const (
	// clockSkew is how far two pods' clocks may differ.
	clockSkew = 30 * time.Second
	// maxContextAge is how long ago the cluster may have been looked at for an action
	// to be approved without a person: after an outage events of hours ago go on.
	maxContextAge = 30 * time.Minute
	// approvalGrace is how much later than the hold's expiry the claim's
	// deadline is, so that expiry comes first and the sweep after it.
	approvalGrace = 10 * time.Minute
)

// settings are the stage's bounds.
type settings struct {
	dryRun         bool
	decisionWithin time.Duration
	approvalWithin time.Duration
	breaker        breakerSettings
}

type breakerSettings struct {
	window    time.Duration
	total     int
	namespace int
	action    int
	nodeShare float64
}

func readSettings(c *stage.Config) settings {
	return settings{
		dryRun:         c.Bool(stage.EnvDryRun, false),
		decisionWithin: c.Duration(envDecisionWithin, defaultDecisionWithin),
		approvalWithin: c.Duration(stage.EnvApprovalWithin, stage.DefaultApprovalWithin),
		breaker: breakerSettings{
			window:    c.Duration(envBreakerWindow, defaultBreakerWindow),
			total:     c.Int(envBreakerTotal, defaultBreakerTotal),
			namespace: c.Int(envBreakerNamespace, defaultBreakerNamespace),
			action:    c.Int(envBreakerAction, defaultBreakerAction),
			nodeShare: c.Float(envBreakerNodeShare, defaultBreakerNodeShare),
		},
	}
}
