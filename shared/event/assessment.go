package event

import "time"

// Verdicts of an Assessment. Unknown is never success.
const (
	VerdictEffective   = "effective"
	VerdictIneffective = "ineffective"
	VerdictUnknown     = "unknown"
)

// Assessment says whether an action helped.
type Assessment struct {
	Verdict string `json:"verdict"`
	// Score is between 0 and 1 over the parts that are known.
	Score float64 `json:"score"`
	// Coverage is the share of the weights whose part is known.
	Coverage float64 `json:"coverage"`
	Step     int     `json:"step"`
	// Attempt counts the assessments of this step from 1.
	Attempt    int       `json:"attempt"`
	Parts      []Part    `json:"parts"`
	Reasons    []string  `json:"reasons"`
	AssessedAt time.Time `json:"assessedAt"`
}

// Attributes are the filterable extensions that an assessment decides.
func (a Assessment) Attributes() map[string]string { return map[string]string{"outcome": a.Verdict} }

// Part is one thing that was judged: health, alert, metrics, recurrence, drift.
type Part struct {
	Name   string  `json:"name"`
	Known  bool    `json:"known"`
	Score  float64 `json:"score"`
	Weight float64 `json:"weight"`
	Detail string  `json:"detail"`
}

// Outcomes of a remediation's End.
const (
	OutcomeHealed    = "healed"
	OutcomeUnhealed  = "unhealed"
	OutcomeCancelled = "cancelled"
	OutcomeDryRun    = "dry_run"
	OutcomeUndone    = "undone"
	OutcomeNotified  = "notified"
	OutcomeExpired   = "expired"
	OutcomeEscalated = "escalated"
	OutcomeRejected  = "rejected"
	OutcomeFailed    = "failed"
)

// End says how and why a remediation ended.
type End struct {
	Outcome string `json:"outcome"`
	// Reason is a named reason; Detail is for people and says what to do next.
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
	// Stage is the stage that ended it.
	Stage   string    `json:"stage"`
	EndedAt time.Time `json:"endedAt"`
}

// Attributes are the filterable extensions that an end decides.
func (e End) Attributes() map[string]string { return map[string]string{"outcome": e.Outcome} }
