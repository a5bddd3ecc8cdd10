// Package function is the authorize stage: it decides whether a proposed
// action may run, and its decision is the only thing that execute obeys.
//
// A proposal passes gates in this order, and the first that objects decides:
// the action catalogue (known action, allowed target, valid parameters), the
// global pause, the approval policy in Rego (embedded, or the user's from
// POLICY_DIR), the age of what was analysed, and the storm breaker. Each refusal
// has a named reason. A gate that cannot be asked fails closed: Redis down means
// try again later, a policy that gives no answer means that a person is asked.
//
// What is held waits for a person until it expires. An answer is accepted
// only for exactly the proposal, step and hold that it names, only in time,
// and only if it is the first. A person's yes overrides policy, pause and
// breaker; the action catalogue's checks and execute's own still apply.
//
//	decision, err := authority.Decide(ctx, Request{Proposal: p, ProposalDigest: digest, ...})
//	// decision.Outcome is approved, held or rejected; decision.Reason says why
package function
