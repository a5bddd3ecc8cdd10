package event

// The data of each type. Each embeds the one before it, so the compiler
// guarantees that a stage has what it needs; on the wire they are one flat
// document.

// SignalReceivedData is the data of SignalReceived.
type SignalReceivedData struct {
	Remediation Remediation `json:"remediation"`
	Signal      Signal      `json:"signal"`
}

// SignalResolvedData is the data of SignalResolved. Remediation is empty when
// the alert had joined none.
type SignalResolvedData struct {
	SignalReceivedData
	Resolution Resolution `json:"resolution"`
}

// SignalJoinedData is the data of SignalJoined; Signal is the alert that joined.
type SignalJoinedData struct {
	SignalReceivedData
	Joining Joining `json:"joining"`
}

// SignalSuppressedData is the data of SignalSuppressed.
type SignalSuppressedData struct {
	Signal      Signal      `json:"signal"`
	Suppression Suppression `json:"suppression"`
}

// SignalEnrichedData is the data of SignalEnriched.
type SignalEnrichedData struct {
	SignalReceivedData
	Context Context `json:"context"`
}

// SignalClassifiedData is the data of SignalClassified.
type SignalClassifiedData struct {
	SignalEnrichedData
	Classification Classification `json:"classification"`
	// Attempts are the rungs tried before, oldest first.
	Attempts []Attempt `json:"attempts,omitempty"`
}

// AnalysisContinuedData is the data of AnalysisContinued.
type AnalysisContinuedData struct {
	SignalClassifiedData
	Analysis Analysis `json:"analysis"`
}

// RemediationProposedData is the data of RemediationProposed.
type RemediationProposedData struct {
	SignalClassifiedData
	Proposal Proposal `json:"proposal"`
}

// RemediationDecidedData is the data of RemediationApproved, RemediationHeld
// and RemediationRejected.
type RemediationDecidedData struct {
	RemediationProposedData
	Decision Decision `json:"decision"`
	// End is set on a rejection.
	End *End `json:"end,omitempty"`
}

// ApprovalAnsweredData is the data of ApprovalGranted and ApprovalRefused.
type ApprovalAnsweredData struct {
	RemediationDecidedData
	Approval Approval `json:"approval"`
}

// ExecutionContinuedData is the data of ExecutionContinued.
type ExecutionContinuedData struct {
	RemediationDecidedData
	Progress Progress `json:"progress"`
}

// RemediationExecutedData is the data of RemediationExecuted.
type RemediationExecutedData struct {
	RemediationDecidedData
	Execution Execution `json:"execution"`
}

// UndoRequestedData is the data of UndoRequested.
type UndoRequestedData struct {
	RemediationExecutedData
	UndoRequest UndoRequest `json:"undoRequest"`
}

// EffectivenessAssessedData is the data of EffectivenessAssessed.
type EffectivenessAssessedData struct {
	RemediationExecutedData
	Assessment Assessment `json:"assessment"`
}

// RemediationEndedData is the data of the types that end a remediation. How
// far it had come tells which of the optional sections are there.
type RemediationEndedData struct {
	SignalReceivedData
	Context        *Context        `json:"context,omitempty"`
	Classification *Classification `json:"classification,omitempty"`
	Attempts       []Attempt       `json:"attempts,omitempty"`
	Proposal       *Proposal       `json:"proposal,omitempty"`
	Decision       *Decision       `json:"decision,omitempty"`
	Execution      *Execution      `json:"execution,omitempty"`
	Assessment     *Assessment     `json:"assessment,omitempty"`
	End            End             `json:"end"`
}
