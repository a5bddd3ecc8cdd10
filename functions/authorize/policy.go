package function

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"time"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/policy"
	"kubernaut.ai/shared/stage"
)

//go:embed policy
var embedded embed.FS

const (
	// query is what the policy is asked.
	query = "data.kubernaut.authorize.decision"
	// faults is what it is asked about its data, before any decision.
	faults = "data.kubernaut.authorize.faults"
)

// Policy decides between approved, held and rejected.
type Policy interface {
	// Decide fills out and returns the digest of the policy that decided.
	Decide(ctx context.Context, input, out any) (digest string, err error)
}

func openPolicy(c *stage.Config, now func() time.Time) (Policy, error) {
	files, err := fs.Sub(embedded, "policy")
	if err != nil {
		return nil, fmt.Errorf("open embedded policy: %w", err)
	}
	return policy.Open(policy.Options{Name: event.StageAuthorize, Embedded: files, Dir: c.String(stage.EnvPolicyDir, ""),
		Query: query, Faults: faults, Now: now})
}

// answer is what a policy may say.
type answer struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Detail  string `json:"detail"`
	// Limits replace the storm breaker's own for this proposal.
	Limits []answerLimit `json:"limits"`
}

type answerLimit struct {
	Name string `json:"name"`
	Max  int    `json:"max"`
	// Window is in Go's notation, such as 10m.
	Window string `json:"window"`
}

// ask turns the policy's answer into a ruling. A policy that gives none, or
// one that cannot be used, hands the question to a person.
func (a *Authority) ask(ctx context.Context, r Request, entry action.Action) (ruling, error) {
	var said answer
	digest, err := a.policy.Decide(ctx, policyInput(r, entry, a.settings.dryRun), &said)
	switch {
	case errors.Is(err, policy.ErrUnreadable) || ctx.Err() != nil:
		return ruling{}, stage.Transient(reasonPolicyUnreadable, fmt.Errorf("ask policy: %w", errors.Join(err, ctx.Err())))
	case errors.Is(err, policy.ErrUndefined):
		return ruling{outcome: event.DecisionHeld, reason: reasonPolicyUndefined, detail: "the policy gives no answer to this proposal"}, nil
	case err != nil:
		return ruling{outcome: event.DecisionHeld, reason: reasonPolicyFailed, detail: "the policy failed: " + told(ctx, err)}, nil
	}
	limits, err := said.check()
	if err != nil {
		return ruling{outcome: event.DecisionHeld, reason: reasonPolicyFailed, detail: "the policy's answer cannot be used: " + err.Error(), policy: digest}, nil
	}
	return ruling{outcome: said.Outcome, reason: said.Reason, detail: said.Detail, policy: digest, limits: limits}, nil
}

// told is an error as it may be read: by those who decide; who only asks what
// would be decided is told where to look.
func told(ctx context.Context, err error) string {
	if !stage.Explaining(ctx) {
		return err.Error()
	}
	stage.Logger(ctx).Warnw("the policy failed", "reason", reasonPolicyFailed, "error", err)
	return "authorize's log tells why"
}

// reasonPattern is what a named reason looks like.
var reasonPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{1,63}$`)

func (s answer) check() ([]Limit, error) {
	switch s.Outcome {
	case event.DecisionApproved, event.DecisionHeld, event.DecisionRejected:
	default:
		return nil, fmt.Errorf("outcome %q is not approved, held or rejected", s.Outcome)
	}
	if !reasonPattern.MatchString(s.Reason) {
		return nil, fmt.Errorf("reason %q is not a snake_case name", s.Reason)
	}
	if len(s.Limits) > ledger.MaxLimits {
		return nil, fmt.Errorf("%d limits are more than %d", len(s.Limits), ledger.MaxLimits)
	}
	limits := make([]Limit, 0, len(s.Limits))
	names := make(map[string]bool, len(s.Limits))
	for _, l := range s.Limits {
		window, err := time.ParseDuration(l.Window)
		if err != nil || window < time.Second || l.Max < 0 || !limitPattern.MatchString(l.Name) || names[l.Name] {
			return nil, fmt.Errorf("limit %q, %d in %q, cannot be counted", l.Name, l.Max, l.Window)
		}
		names[l.Name] = true
		limits = append(limits, Limit{Name: l.Name, Max: l.Max, Window: min(window, ledger.MaxDuration)})
	}
	return limits, nil
}

// limitPattern is what may name a limit.
var limitPattern = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9_./-]{0,127}$`)
