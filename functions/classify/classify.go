package function

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/policy"
)

//go:embed policy/classify.rego policy/tables.rego policy/data.yaml
var defaultPolicy embed.FS

const (
	// query is the rule that every classification policy defines.
	query = "data.kubernaut.classify.decision"
	// faults is the rule that lists what is wrong with a policy's tables.
	faults = "data.kubernaut.classify.faults"
)

// Named reasons for which there is no classification.
const (
	ReasonPolicyUnreadable = "policy_unreadable"
	ReasonPolicyInvalid    = "policy_invalid"
	ReasonPolicyInput      = "policy_input"
	ReasonPolicyUndefined  = "policy_undefined"
	ReasonPolicyFailed     = "policy_failed"
	ReasonPolicyTimeout    = "policy_timeout"
	ReasonPolicyAnswer     = "policy_answer"
)

// ErrAnswer says that the policy gave a value that no later stage knows.
var ErrAnswer = errors.New("not a classification")

// The values that later stages know.
var (
	severities   = []string{"critical", "high", "medium", "low", "unknown"}
	priorities   = []string{"P0", "P1", "P2", "P3"}
	environments = []string{"production", "staging", "development", "test", "unknown"}
	signalModes  = []string{"reactive", "proactive"}
)

// decider answers a question by policy and names the policy by its digest.
type decider interface {
	Decide(ctx context.Context, input, out any) (digest string, err error)
}

// classifier gives classifications by policy.
type classifier struct{ policy decider }

func openPolicy(dir string, now func() time.Time) (*policy.Engine, error) {
	return policy.Open(policy.Options{Name: event.StageClassify, Embedded: defaultPolicy, Dir: dir,
		Query: query, Faults: faults, Now: now})
}

// answer is the shape of a policy's decision.
type answer struct {
	Severity    string   `json:"severity"`
	Priority    string   `json:"priority"`
	Environment string   `json:"environment"`
	SignalMode  string   `json:"signalMode"`
	Reasons     []string `json:"reasons"`
}

// classify asks the policy what the signal is worth. An error means that
// there is no classification; it may pass, because policies are mended.
func (c classifier) classify(ctx context.Context, in event.SignalEnrichedData) (event.Classification, error) {
	var out answer
	digest, err := c.policy.Decide(ctx, input(in), &out)
	if err != nil {
		return event.Classification{}, err
	}
	if err := out.validate(); err != nil {
		return event.Classification{}, err
	}
	return event.Classification{Severity: out.Severity, Priority: out.Priority, Environment: out.Environment,
		SignalMode: out.SignalMode, Reasons: bounded(out.Reasons), Policy: digest}, nil
}

func (a answer) validate() error {
	for _, field := range []struct {
		name, value string
		known       []string
	}{
		{"severity", a.Severity, severities},
		{"priority", a.Priority, priorities},
		{"environment", a.Environment, environments},
		{"signalMode", a.SignalMode, signalModes},
	} {
		if !slices.Contains(field.known, field.value) {
			return fmt.Errorf("%w: %s %q is none of %v", ErrAnswer, field.name, event.Cut(field.value, event.MaxText), field.known)
		}
	}
	return nil
}

// bounded keeps a user's policy from filling the event.
func bounded(reasons []string) []string {
	kept := make([]string, 0, min(len(reasons), event.MaxEvidence))
	for _, r := range reasons[:min(len(reasons), event.MaxEvidence)] {
		kept = append(kept, event.Cut(r, event.MaxText))
	}
	return kept
}

// reasonOf names why there is no classification.
func reasonOf(err error) string {
	for _, known := range []struct {
		err    error
		reason string
	}{
		{policy.ErrUnreadable, ReasonPolicyUnreadable},
		{policy.ErrInvalid, ReasonPolicyInvalid},
		{policy.ErrInput, ReasonPolicyInput},
		{policy.ErrUndefined, ReasonPolicyUndefined},
		{policy.ErrTimeout, ReasonPolicyTimeout},
		{policy.ErrShape, ReasonPolicyAnswer},
		{ErrAnswer, ReasonPolicyAnswer},
	} {
		if errors.Is(err, known.err) {
			return known.reason
		}
	}
	return ReasonPolicyFailed
}
