package function

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Named reasons for which an order is not carried out. They are part of the
// product: events, metrics and documentation use them.
const (
	// The decision does not authorise what was asked.
	ReasonNotApproved       = "decision_not_approved"
	ReasonExpired           = "decision_expired"
	ReasonNotYetValid       = "decision_from_the_future"
	ReasonProposalMismatch  = "proposal_mismatch"
	ReasonActionMismatch    = "action_mismatch"
	ReasonTargetMismatch    = "target_mismatch"
	ReasonStepMismatch      = "step_mismatch"
	ReasonParameterMismatch = "parameters_mismatch"
	ReasonActionUnknown     = "action_unknown"
	ReasonKindUnsupported   = "kind_unsupported"
	ReasonParameters        = "parameters_invalid"
	ReasonDryRunOnly        = "dry_run_only"
	ReasonProgressInvalid   = "progress_invalid"
	ReasonUndoImpossible    = "undo_impossible"
	ReasonUndoMismatch      = "undo_mismatch"

	// The object is not ours to touch, or not now.
	ReasonNotManaged      = "not_managed"
	ReasonScopeUnread     = "scope_unreadable"
	ReasonGitOpsOwned     = "gitops_owned"
	ReasonRecentlyChanged = "recently_changed"
	ReasonSuperseded      = "superseded"
	ReasonResolved        = "resolved_before_start"
	ReasonBusy            = "busy"

	// The live object refuses.
	ReasonTargetGone     = "target_gone"
	ReasonTargetMoved    = "target_moved"
	ReasonNeedsApproval  = "needs_approval"
	ReasonHPAManaged     = "hpa_managed"
	ReasonOverCap        = "over_cap"
	ReasonOverLimitRange = "over_limit_range"
	ReasonOverQuota      = "over_quota"
	ReasonWouldShrink    = "would_shrink"
	ReasonMinOverMax     = "min_over_max"
	ReasonNoContainer    = "container_unknown"
	ReasonNoResources    = "no_resources_set"
	ReasonNotReady       = "ordinals_not_ready"
	ReasonBarePod        = "bare_pod"
	ReasonPDB            = "pdb_blocks"
	ReasonNoRevision     = "no_previous_revision"
	ReasonPaused         = "rollout_paused"
	ReasonUnobserved     = "rollout_unobserved"
	ReasonLastNode       = "last_schedulable_node"
	ReasonForbidden      = "forbidden"
	ReasonRejected       = "rejected_by_api"
	ReasonReceipt        = "receipt_too_large"

	// Failures that may pass.
	ReasonClusterDown = "cluster_unavailable"
	ReasonContended   = "contended"
)

// Refusal is a result, not a failure: the order was understood and is not
// carried out, for a named reason.
type Refusal struct {
	Reason string
	// Detail is for people.
	Detail string
	// Cause is what the API server said, if it did. It may name addresses, users
	// and rules: for the log and for those who may read history, nobody else.
	Cause error
}

func (r *Refusal) Error() string { return r.Reason + ": " + r.text() }

// text is the detail with its cause.
func (r *Refusal) text() string {
	if r.Cause == nil {
		return r.Detail
	}
	return r.Detail + ": " + r.Cause.Error()
}

func refuse(reason, format string, args ...any) error {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// refuseFor refuses because of what the API server said.
func refuseFor(reason, detail string, cause error) error {
	return &Refusal{Reason: reason, Detail: detail, Cause: cause}
}

// refused tells whether the error is a refusal for this very reason.
func refused(err error, reason string) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Reason == reason
}

// named is the named reason of a failure; empty where it has none.
func named(err error) string {
	var no *Refusal
	var p *Passing
	switch {
	case errors.As(err, &no):
		return no.Reason
	case errors.As(err, &p):
		return p.Reason
	}
	return ""
}

// Passing is a failure that may pass: the same order is tried again.
type Passing struct {
	Reason string
	Err    error
}

func (p *Passing) Error() string { return p.Reason + ": " + p.Err.Error() }
func (p *Passing) Unwrap() error { return p.Err }

func passing(reason string, err error) error { return &Passing{Reason: reason, Err: err} }

// apiFailure sorts an API server's error into what no retry can cure, which
// is a refusal, and what may pass. Anything unknown may pass: a refusal would
// end the remediation on a hiccup.
func apiFailure(verb string, err error) error {
	var r *Refusal
	var p *Passing
	switch {
	case err == nil:
		return nil
	case errors.As(err, &r), errors.As(err, &p):
		return err
	case apierrors.IsNotFound(err), apierrors.IsGone(err):
		return refuseFor(ReasonTargetGone, verb, err)
	case apierrors.IsForbidden(err):
		return refuseFor(ReasonForbidden, verb, err)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsMethodNotSupported(err),
		apierrors.IsNotAcceptable(err), apierrors.IsUnsupportedMediaType(err), apierrors.IsRequestEntityTooLargeError(err):
		return refuseFor(ReasonRejected, verb, err)
	}
	return passing(ReasonClusterDown, fmt.Errorf("%s: %w", verb, err))
}
