package function

import (
	"kubernaut.ai/shared/event"
)

// What would become of an alert.
const (
	WouldExecute = "execute"
	// WouldDryRun: the API server would be asked, and nothing changed.
	WouldDryRun = "dry_run"
	// WouldFail: what is approved would be refused by execute.
	WouldFail     = "fail"
	WouldHold     = "hold"
	WouldReject   = "reject"
	WouldEscalate = "escalate"
	WouldJoin     = "join"
	WouldCoolDown = "count_in_cooldown"
	WouldResolve  = "resolve"
	WouldIgnore   = "ignore"
	// WouldWait: the sender is asked to post again.
	WouldWait = "wait"
	// WouldInvalid: the alert is malformed.
	WouldInvalid = "refuse"
	// WouldUnknown: somebody who has a say could not be asked.
	WouldUnknown = "unknown"
)

// Explanation says what would become of a request's alerts now, and why. It is
// what POST /api/v1/explain answers; fields are only ever added.
type Explanation struct {
	// Source is the kind of sender that the request was understood as.
	Source string           `json:"source"`
	Alerts []ExplainedAlert `json:"alerts"`
	// LeftOut counts alerts beyond those that one request has explained.
	LeftOut int `json:"leftOut,omitempty"`
	// Truncated counts alerts that the sender left out.
	Truncated int `json:"truncated,omitempty"`
}

// ExplainedAlert is what would become of one alert.
type ExplainedAlert struct {
	Alert string `json:"alert"`
	// Would is one of the Would constants.
	Would string `json:"would"`
	// Stopped is where the alert's way ends, and why there.
	Stopped ExplainedStop `json:"stopped"`
	// Candidates are the objects that its labels may mean, in order of
	// preference.
	Candidates []ExplainedCandidate `json:"candidates,omitempty"`
	// Owners leads from the object that was taken to its top owner, which the
	// remediation is about.
	Owners      []event.Target  `json:"owners,omitempty"`
	Fingerprint string          `json:"fingerprint,omitempty"`
	Scope       *ExplainedScope `json:"scope,omitempty"`
	Claim       *ExplainedClaim `json:"claim,omitempty"`
	// Stages are the later stages that were asked, in their order.
	Stages []ExplainedStage `json:"stages,omitempty"`
}

// ExplainedStop is where an alert's way ends.
type ExplainedStop struct {
	// At is a step of the gateway (alert, target, scope, claim) or a stage.
	At     string `json:"at"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

// Verdicts on a candidate.
const (
	CandidateTaken    = "taken"
	CandidateNot      = "not_taken"
	CandidateNotAsked = "not_asked"
)

// ExplainedCandidate is an object that an alert's labels may mean.
type ExplainedCandidate struct {
	Label string `json:"label"`
	// Kind is empty where the label's key is no kind of this cluster.
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Verdict is one of the Candidate constants.
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
}

// Reasons for a candidate's verdict, beside the gateway's own.
const (
	ReasonExists      = "exists"
	ReasonEarlier     = "an_earlier_one_decided"
	ReasonNamesNoKind = "names_no_kind_of_this_cluster"
	ReasonNoSuchNode  = "no_node_has_this_address"
	ReasonUnknownKind = "kind_not_served"
)

// ExplainedScope says whether Kubernaut may touch the target.
type ExplainedScope struct {
	Managed bool   `json:"managed"`
	Reason  string `json:"reason"`
}

// ExplainedClaim is what the alert would meet that asked for its workload.
type ExplainedClaim struct {
	// Would is open, take_over, wait, join, cool_down or resolve.
	Would string `json:"would"`
	// Remediation is the one that the alert would open or join.
	Remediation string `json:"remediation,omitempty"`
	// Phase is the last that the claim's holder reported; Outcome how it ended.
	Phase   string `json:"phase,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	// Until is when a cooldown ends, or the holder may be taken for lost.
	Until string `json:"until,omitempty"`
	// StillFiring counts the other alerts of a remediation whose alert resolves.
	StillFiring int `json:"stillFiring,omitempty"`
}

// ExplainedStage is what one stage said it would answer.
type ExplainedStage struct {
	Stage string `json:"stage"`
	// Event is the type that it would answer with, such as signal.enriched;
	// empty where it would answer with none or could not be asked.
	Event string `json:"event,omitempty"`
	// Reason is why there is none; Detail is for people.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	// TookMs is how long it took, in milliseconds, waking it up included.
	TookMs int64 `json:"tookMs"`

	Classification *event.Classification `json:"classification,omitempty"`
	Proposal       *event.Proposal       `json:"proposal,omitempty"`
	Decision       *event.Decision       `json:"decision,omitempty"`
	// Execution is what execute would do, or do once a person approved: values
	// before and after, the undo it would leave, what it would disturb; or why it
	// would refuse. Locks, admission and disruption budgets are not asked.
	Execution *event.Execution `json:"execution,omitempty"`
	End       *event.End       `json:"end,omitempty"`
}
