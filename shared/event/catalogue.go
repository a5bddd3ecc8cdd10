package event

import (
	"reflect"
	"slices"
	"strings"
)

// The types of the catalogue. A breaking change to a type's data makes a v2
// beside it; an additive change never does.
const (
	SignalReceived   = "ai.kubernaut.signal.received.v1"
	SignalResolved   = "ai.kubernaut.signal.resolved.v1"
	SignalJoined     = "ai.kubernaut.signal.joined.v1"
	SignalSuppressed = "ai.kubernaut.signal.suppressed.v1"
	SignalEnriched   = "ai.kubernaut.signal.enriched.v1"
	SignalClassified = "ai.kubernaut.signal.classified.v1"

	AnalysisContinued = "ai.kubernaut.analysis.continued.v1"

	RemediationProposed  = "ai.kubernaut.remediation.proposed.v1"
	RemediationApproved  = "ai.kubernaut.remediation.approved.v1"
	RemediationHeld      = "ai.kubernaut.remediation.held.v1"
	RemediationRejected  = "ai.kubernaut.remediation.rejected.v1"
	RemediationExecuted  = "ai.kubernaut.remediation.executed.v1"
	RemediationFailed    = "ai.kubernaut.remediation.failed.v1"
	RemediationExpired   = "ai.kubernaut.remediation.expired.v1"
	RemediationEscalated = "ai.kubernaut.remediation.escalated.v1"
	RemediationClosed    = "ai.kubernaut.remediation.closed.v1"

	ApprovalGranted = "ai.kubernaut.approval.granted.v1"
	ApprovalRefused = "ai.kubernaut.approval.refused.v1"
	UndoRequested   = "ai.kubernaut.undo.requested.v1"

	ExecutionContinued    = "ai.kubernaut.execution.continued.v1"
	EffectivenessAssessed = "ai.kubernaut.effectiveness.assessed.v1"
)

// Ping is the type of the events that wake the assess stage. It is Knative's
// own, carries nothing that is trusted, and so has no place in the catalogue.
const Ping = "dev.knative.sources.ping"

// The stages that ship with Kubernaut, by the name of their folder, Knative
// Service and ServiceAccount.
const (
	StageGateway    = "gateway"
	StageEnrich     = "enrich"
	StageClassify   = "classify"
	StageAnalyze    = "analyze"
	StageAuthorize  = "authorize"
	StageExecute    = "execute"
	StageAssess     = "assess"
	StageApprove    = "approve"
	StageRecord     = "record"
	StageDeadletter = "deadletter"
)

// Entry describes one type of the catalogue.
type Entry struct {
	Type string
	// Producers are the only stages whose seal is accepted on this type.
	Producers []string
	// Terminal types end a remediation: nothing needs to follow them.
	Terminal bool
	// Informative types need no stage to act on them; history keeps them.
	Informative bool
	// Summary is one line for people: when this event is published.
	Summary string
	// Data returns a pointer to a zero value of the type's Go data.
	Data func() any
}

// Produces reports whether the stage may produce this type.
func (e Entry) Produces(stage string) bool { return slices.Contains(e.Producers, stage) }

// Catalogue lists every type in the order in which a remediation meets them.
// The slice is a copy: the catalogue cannot be changed at run time.
func Catalogue() []Entry { return slices.Clone(catalogue) }

// Lookup finds a type of the catalogue.
func Lookup(eventType string) (Entry, bool) {
	e, ok := byType[eventType]
	return e, ok
}

func data[T any]() any { return new(T) }

var catalogue = []Entry{
	{Type: SignalReceived, Producers: []string{StageGateway}, Data: data[SignalReceivedData],
		Summary: "A managed workload has an alert and its claim was opened."},
	{Type: SignalResolved, Producers: []string{StageGateway}, Data: data[SignalResolvedData],
		Summary: "The sender says that an alert has stopped."},
	{Type: SignalJoined, Producers: []string{StageGateway}, Informative: true, Data: data[SignalJoinedData],
		Summary: "Another alert, or a more severe one, fires for a workload whose remediation is under way."},
	{Type: SignalSuppressed, Producers: []string{StageGateway}, Informative: true, Data: data[SignalSuppressedData],
		Summary: "A signal was dropped or counted as a duplicate; the reason is named."},
	{Type: SignalEnriched, Producers: []string{StageEnrich}, Data: data[SignalEnrichedData],
		Summary: "What the cluster knows about the target was added."},
	{Type: SignalClassified, Producers: []string{StageClassify}, Data: data[SignalClassifiedData],
		Summary: "Policy gave severity, priority, environment and signal mode."},
	{Type: AnalysisContinued, Producers: []string{StageAnalyze}, Data: data[AnalysisContinuedData],
		Summary: "An investigation needs another turn and carries its state."},
	{Type: RemediationProposed, Producers: []string{StageAnalyze}, Data: data[RemediationProposedData],
		Summary: "The analyst selected one action of the catalogue."},
	{Type: RemediationApproved, Producers: []string{StageAuthorize}, Data: data[RemediationDecidedData],
		Summary: "Policy or a person allowed the action; execute may act until the decision expires."},
	{Type: RemediationHeld, Producers: []string{StageAuthorize}, Informative: true, Data: data[RemediationDecidedData],
		Summary: "A person must answer before the action may run."},
	{Type: RemediationRejected, Producers: []string{StageAuthorize}, Terminal: true, Data: data[RemediationDecidedData],
		Summary: "Policy or a person refused the action."},
	{Type: ApprovalGranted, Producers: []string{StageApprove}, Data: data[ApprovalAnsweredData],
		Summary: "A person who may do so approved a held action."},
	{Type: ApprovalRefused, Producers: []string{StageApprove}, Data: data[ApprovalAnsweredData],
		Summary: "A person refused a held action."},
	{Type: UndoRequested, Producers: []string{StageApprove, StageAssess}, Data: data[UndoRequestedData],
		Summary: "A person, or a time limit agreed in advance, wants an applied action taken back."},
	{Type: ExecutionContinued, Producers: []string{StageExecute}, Data: data[ExecutionContinuedData],
		Summary: "An action needs another turn and carries its progress."},
	{Type: RemediationExecuted, Producers: []string{StageExecute}, Data: data[RemediationExecutedData],
		Summary: "The action was applied, or found applied already; the undo receipt is inside."},
	{Type: EffectivenessAssessed, Producers: []string{StageAssess}, Data: data[EffectivenessAssessedData],
		Summary: "Whether the action helped, with score and reasons."},
	{Type: RemediationClosed, Producers: []string{StageAssess}, Terminal: true, Data: data[RemediationEndedData],
		Summary: "The remediation ended: healed, undone, dry run, or cancelled because the alert stopped or somebody took over."},
	{Type: RemediationExpired, Producers: []string{StageAssess}, Terminal: true, Data: data[RemediationEndedData],
		Summary: "Nobody answered a held action in time."},
	{Type: RemediationEscalated, Producers: []string{StageAnalyze, StageAssess}, Terminal: true, Data: data[RemediationEndedData],
		Summary: "Every rung is spent, or no verdict can be reached: a person is needed."},
	{Type: RemediationFailed, Producers: []string{StageExecute, StageDeadletter}, Terminal: true, Data: data[RemediationEndedData],
		Summary: "The action was refused on the live object, or a stage gave up; the reason is named."},
}

var byType = func() map[string]Entry {
	m := make(map[string]Entry, len(catalogue))
	for _, e := range catalogue {
		m[e.Type] = e
	}
	return m
}()

// sectionNames are those of all sections that the catalogue's data is decoded from.
var sectionNames = func() (names []string) {
	for _, e := range catalogue {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(e.Data()).Elem()) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}()
