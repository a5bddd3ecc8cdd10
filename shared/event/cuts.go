package event

// Lengths and counts of what is left where a document is too large.
const (
	halfText    = MaxText / 2
	shortText   = MaxText / 4
	leastText   = MaxText / 16
	someLabels  = 16
	fewLabels   = 8
	leastLabels = 2
	fewNotes    = 4
	// shortLabel is what a label of an object in the cluster may have.
	shortLabel = 63
)

// cut is a step, or one a path, by which a section becomes smaller.
type cut struct {
	section string
	// most is how many items of a list or entries of a map, or bytes of a text, are
	// left; a list or map is cut at its end.
	most int
	// paths lead to what is cut, by the names of members; * is each of them.
	paths []string
}

// cuts are taken in this order, each only if those before it were not enough. What
// the cluster looked like comes first: history has it, and once there is a proposal
// only the present revision decides anything, which is the first of its list. Then
// come texts that only people read. What a policy may decide by is last, and what
// execute or an undo rests on is not here; nor is the proposal, whose digest is
// what was approved.
var cuts = []cut{
	{SectionContext, MaxPods / 2, []string{"events", "pods"}},
	{SectionContext, MaxRevisions / 2, []string{"revisions"}},
	{SectionClassification, shortText, []string{"reasons.*"}},
	{SectionAttempts, shortText, []string{"*.reason"}},
	{SectionContext, MaxPods / 4, []string{"events", "pods"}},
	{SectionContext, shortText, contextTexts},
	{SectionAssessment, shortText, assessmentTexts},
	{SectionSignal, halfText, []string{"annotations.*"}},
	{SectionSignal, fewNotes, []string{"annotations"}},
	{SectionContext, 2, []string{"events", "pods", "revisions"}},
	{SectionSignal, MaxLabels / 2, []string{"labels"}},
	{SectionSignal, shortText, []string{"labels.*", "annotations.*", "generatorURL", "group"}},
	{SectionContext, leastText, contextTexts},
	{SectionClassification, leastText, []string{"reasons.*"}},
	{SectionAttempts, leastText, []string{"*.reason"}},
	{SectionAssessment, leastText, assessmentTexts},
	{SectionContext, 1, []string{"events", "pods", "revisions"}},
	{SectionContext, 0, []string{"events", "pods"}},
	{SectionContext, shortText, []string{"revisions.*.images.*"}},
	{SectionSignal, 0, []string{"annotations"}},
	{SectionContext, 0, []string{"node.taints", "workload.conditions", "autoscaler.conditions", "node.conditions"}},
	{SectionContext, MaxContainers / 4, []string{"owners", "containers", "budgets"}},
	{SectionExecution, MaxText, []string{"evidence.*.detail"}},
	{SectionExecution, shortText, executionTexts},
	{SectionDecision, shortText, []string{"detail"}},
	{SectionApproval, shortText, []string{"comment"}},
	{SectionUndoRequest, shortText, []string{"reason"}},
	{SectionSuppression, shortText, []string{"detail"}},
	{SectionEnd, halfText, []string{"detail"}},
	{SectionContext, shortText, []string{"labels.*", "namespaceLabels.*", "containers.*.image"}},
	{SectionContext, 0, []string{"owners", "containers", "budgets"}},
	{SectionExecution, leastText, executionTexts},
	{SectionSignal, someLabels, []string{"labels"}},
	{SectionContext, someLabels, []string{"labels", "namespaceLabels"}},
	{SectionSignal, fewLabels, []string{"labels"}},
	{SectionContext, fewLabels, []string{"labels", "namespaceLabels"}},
	{SectionSignal, shortLabel, []string{"labels.*", "generatorURL", "group", "receiver", "senderSeverity"}},
	{SectionContext, shortLabel, []string{"labels.*", "namespaceLabels.*"}},
	{SectionSignal, leastLabels, []string{"labels"}},
	{SectionContext, leastLabels, []string{"labels", "namespaceLabels"}},
}

var (
	contextTexts = []string{"events.*.message", "pods.*.containers.*.message", "workload.conditions.*.message",
		"autoscaler.conditions.*.message", "node.conditions.*.message", "unavailable.*.reason"}
	assessmentTexts = []string{"parts.*.detail", "reasons.*"}
	executionTexts  = []string{"evidence.*.detail", "evidence.*.source", "detail", "observed", "undo.summary"}
)

// proposalCuts are for a proposal that is being made.
var proposalCuts = []cut{
	{SectionProposal, halfText, []string{"evidence.*.detail", "next.*.rationale"}},
	{SectionProposal, shortText, []string{"evidence.*.detail", "evidence.*.source", "next.*.rationale", "rationale"}},
	{SectionProposal, leastText, []string{"evidence.*.detail", "evidence.*.source", "next.*.rationale"}},
}
