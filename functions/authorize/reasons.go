package function

// Named reasons of a decision.
const (
	reasonActionUnknown    = "action_unknown"
	reasonTargetNotAllowed = "target_not_allowed"
	reasonParametersBad    = "parameters_invalid"
	reasonStepInvalid      = "step_invalid"
	reasonPaused           = "paused"
	reasonPolicyUndefined  = "policy_undefined"
	reasonPolicyFailed     = "policy_failed"
	reasonPolicyUnreadable = "policy_unreadable"
	reasonStormBreaker     = "storm_breaker"
	reasonContextOld       = "context_too_old"
	reasonApprovedByPerson = "approved_by_person"
	reasonRefusedByPerson  = "refused_by_person"
	reasonApprovalExpired  = "approval_expired"
	reasonUndoRequested    = "undo_requested"
	reasonUndoImpossible   = "undo_impossible"
)

// Named reasons for which an event leads to no decision at all.
const (
	reasonTooOld            = "remediation_too_old"
	reasonNotHeld           = "not_held"
	reasonHoldReplaced      = "hold_replaced"
	reasonProposalAltered   = "proposal_altered"
	reasonProposalMismatch  = "proposal_mismatch"
	reasonDecisionMismatch  = "decision_mismatch"
	reasonStepMismatch      = "step_mismatch"
	reasonAnswerMismatch    = "answer_mismatch"
	reasonApproverMissing   = "approver_missing"
	reasonAlreadyAnswered   = "already_answered"
	reasonUndoRequestBad    = "undo_request_invalid"
	reasonUndoRequestTooOld = "undo_request_expired"
)
