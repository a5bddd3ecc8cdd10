package eventtest

import (
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
)

// Start is when the sample remediation's alert began.
var Start = time.Date(2026, 1, 5, 3, 0, 0, 0, time.UTC)

// Namespace is the namespace of the sample's stages.
const Namespace = "kubernaut-system"

// RemediationID is the sample's remediation.
const RemediationID = "5d1c3b8f20aa4e67-1"

// Fingerprint is the sample's claim.
const Fingerprint = "9a0c7a4e3f2b58d1c6e7f00112233445566778899aabbccddeeff00112233445"

func at(seconds int) time.Time { return Start.Add(time.Duration(seconds) * time.Second) }

// Deployment is the sample's target.
var Deployment = event.Target{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "checkout", UID: "0b9e5d1c-52a7-4a8a-9d43-6f2d1a7c0001"}

var pod = event.Target{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "checkout-7c9d8b6f5-x2x4z", UID: "0b9e5d1c-52a7-4a8a-9d43-6f2d1a7c0002"}

// Remediation is the sample's remediation section.
var Remediation = event.Remediation{ID: RemediationID, Fingerprint: Fingerprint, OpenedAt: at(31)}

// Signal is a crash loop after a rollout.
var Signal = event.Signal{
	Name: "KubePodCrashLooping", Source: "prometheus", Severity: "medium", SenderSeverity: "warning",
	Target: Deployment, Resource: pod, Container: "app",
	Labels: map[string]string{"alertname": "KubePodCrashLooping", "namespace": "shop",
		"pod": pod.Name, "container": "app", "severity": "warning"},
	Annotations: map[string]string{"summary": "Pod is crash looping."},
	StartsAt:    at(0), ReceivedAt: at(30), AlertID: "c1d2e3f405162738", Receiver: "kubernaut",
}

// notReady is another alert about the same workload.
var notReady = func() event.Signal {
	s := Signal
	s.Name, s.Severity, s.SenderSeverity, s.AlertID = "KubePodNotReady", "critical", "critical", "d2e3f40516273849"
	s.Labels = map[string]string{"alertname": "KubePodNotReady", "namespace": "shop", "pod": pod.Name, "severity": "critical"}
	return s
}()

// Context shows a second revision that crash-loops.
var Context = event.Context{
	CollectedAt: at(31), Target: Deployment,
	Owners: []event.Target{pod, {APIVersion: "apps/v1", Kind: "ReplicaSet", Namespace: "shop", Name: "checkout-7c9d8b6f5"}, Deployment},
	Labels: map[string]string{"app": "checkout"}, NamespaceLabels: map[string]string{"environment": "production", "kubernaut.ai/managed": "true"},
	Workload: &event.Workload{Desired: 3, Ready: 2, Updated: 1, Available: 2, Generation: 4, ObservedGeneration: 4,
		Conditions: []event.Condition{{Type: "Progressing", Status: "False", Reason: "ProgressDeadlineExceeded"}}},
	Containers: []event.Container{{Name: "app", Image: "shop/checkout:2.4.0", Requests: map[string]string{"memory": "128Mi"}, Limits: map[string]string{"memory": "256Mi"}}},
	Pods: []event.Pod{{Name: pod.Name, UID: pod.UID, Node: "node-a", Phase: "Running", Owner: "ReplicaSet/checkout-7c9d8b6f5", CreatedAt: at(-120),
		Containers: []event.ContainerState{{Name: "app", Restarts: 6, Waiting: "CrashLoopBackOff",
			Last: &event.Termination{Reason: "Error", ExitCode: 1, FinishedAt: at(20)}}}}},
	Revisions: []event.Revision{
		{Number: 4, Name: "checkout-7c9d8b6f5", Images: []string{"shop/checkout:2.4.0"}, CreatedAt: at(-120), Current: true, Replicas: 1},
		{Number: 3, Name: "checkout-5f6d7c8b9", Images: []string{"shop/checkout:2.3.9"}, CreatedAt: at(-86400), Replicas: 2, Ready: 2}},
}

// Classification is production, warning: P1.
var Classification = event.Classification{Severity: "medium", Priority: "P2", Environment: "production", SignalMode: "reactive",
	Reasons: []string{"environment: namespace label environment"}, Policy: "3f2a9c01d4e5"}

// Proposal rolls the Deployment back.
var Proposal = event.Proposal{
	Rung: event.Rung{Action: "rollback_deployment", Target: Deployment, Parameters: map[string]any{"revision": 3.0},
		Rationale: "Revision 4 crash-loops; revision 3 ran."},
	Step: 1, Analyst: "rules", Confidence: 0.9, Risk: "medium",
	Evidence: []event.Evidence{{Source: "pods", Detail: "checkout-7c9d8b6f5-x2x4z: CrashLoopBackOff, 6 restarts, exit code 1"}},
	Next:     []event.Rung{{Action: "notify_only", Target: Deployment, Rationale: "Nothing else is known to help."}},
}

// Decision returns the sample's decision with an outcome.
func Decision(outcome string) event.Decision {
	return event.Decision{Outcome: outcome, Reason: "policy", Step: 1, Action: Proposal.Action, Target: Deployment,
		Parameters: Proposal.Parameters, Risk: "medium", Policy: "77aa01d4e5f6", DecidedAt: at(32), ExpiresAt: at(632)}
}

// Execution is the rollback, applied.
var Execution = event.Execution{Outcome: event.ExecutionApplied, Step: 1, Action: Proposal.Action, Target: Deployment,
	StartedAt: at(33), FinishedAt: at(34), SpecChanged: true, Template: "5d41402abc4b2a76", Observed: "the controller took generation 5",
	Changes: []event.Change{{Target: Deployment, Field: "/spec/template", Before: "checkout-7c9d8b6f5", After: "checkout-5f6d7c8b9"}},
	Undo: &event.Undo{Possible: true, Summary: "Roll forward to checkout-7c9d8b6f5.", Revision: "checkout-7c9d8b6f5",
		Changes: []event.Change{{Target: Deployment, Field: "/spec/template", Before: "checkout-5f6d7c8b9", After: "checkout-7c9d8b6f5"}}},
}

// Assessment returns the sample's assessment with a verdict.
func Assessment(verdict string) event.Assessment {
	score := map[string]float64{event.VerdictEffective: 1, event.VerdictIneffective: .2}[verdict]
	return event.Assessment{Verdict: verdict, Score: score, Coverage: .75, Step: 1, Attempt: 1, AssessedAt: at(334),
		Parts: []event.Part{{Name: "health", Known: true, Score: score, Weight: .4, Detail: "3 of 3 pods are ready"},
			{Name: "alert", Known: true, Score: score, Weight: .35, Detail: "the alert has stopped"},
			{Name: "metrics", Weight: .25, Detail: "no Prometheus is configured"}},
		Reasons: []string{"3 of 3 pods are ready", "the alert has stopped"}}
}

func end(outcome, reason, stage string) event.Section {
	return event.Section{Name: event.SectionEnd, Value: event.End{Outcome: outcome, Reason: reason, Stage: stage, EndedAt: at(335)}}
}

func section(name string, value any) event.Section { return event.Section{Name: name, Value: value} }

// chapter is how a type of the catalogue comes about in the sample's story.
type chapter struct {
	eventType, stage, parent string
	sections                 []event.Section
}

var answered = event.Approval{Approver: "alice@example.com", Granted: true, Step: 1, AnsweredAt: at(60)}

var story = []chapter{
	{event.SignalReceived, event.StageGateway, "", []event.Section{section(event.SectionRemediation, Remediation), section(event.SectionSignal, Signal)}},
	{event.SignalResolved, event.StageGateway, "", []event.Section{section(event.SectionRemediation, Remediation), section(event.SectionSignal, Signal),
		section(event.SectionResolution, event.Resolution{AlertID: Signal.AlertID, StartsAt: at(0), EndsAt: at(90)})}},
	{event.SignalJoined, event.StageGateway, "", []event.Section{section(event.SectionRemediation, Remediation), section(event.SectionSignal, notReady),
		section(event.SectionJoining, event.Joining{Reason: event.JoiningAnother})}},
	{event.SignalSuppressed, event.StageGateway, "", []event.Section{section(event.SectionSignal, Signal),
		section(event.SectionSuppression, event.Suppression{Reason: "duplicate", Holder: RemediationID, Count: 1})}},
	{event.SignalEnriched, event.StageEnrich, event.SignalReceived, []event.Section{section(event.SectionContext, Context)}},
	{event.SignalClassified, event.StageClassify, event.SignalEnriched, []event.Section{section(event.SectionClassification, Classification)}},
	{event.AnalysisContinued, event.StageAnalyze, event.SignalClassified, []event.Section{section(event.SectionAnalysis, event.Analysis{Turn: 1})}},
	{event.RemediationProposed, event.StageAnalyze, event.SignalClassified, []event.Section{section(event.SectionProposal, Proposal)}},
	{event.RemediationApproved, event.StageAuthorize, event.RemediationProposed, []event.Section{section(event.SectionDecision, Decision(event.DecisionApproved))}},
	{event.RemediationHeld, event.StageAuthorize, event.RemediationProposed, []event.Section{section(event.SectionDecision, Decision(event.DecisionHeld))}},
	{event.RemediationRejected, event.StageAuthorize, event.RemediationProposed, []event.Section{section(event.SectionDecision, Decision(event.DecisionRejected)),
		end(event.OutcomeRejected, "policy", event.StageAuthorize)}},
	{event.ApprovalGranted, event.StageApprove, event.RemediationHeld, []event.Section{section(event.SectionApproval, answered)}},
	{event.ApprovalRefused, event.StageApprove, event.RemediationHeld, []event.Section{section(event.SectionApproval,
		event.Approval{Approver: answered.Approver, Step: 1, Comment: "Deploying a fix.", AnsweredAt: at(60)})}},
	{event.ExecutionContinued, event.StageExecute, event.RemediationApproved, []event.Section{section(event.SectionProgress, event.Progress{Turn: 1})}},
	{event.RemediationExecuted, event.StageExecute, event.RemediationApproved, []event.Section{section(event.SectionExecution, Execution)}},
	{event.UndoRequested, event.StageApprove, event.RemediationExecuted, []event.Section{section(event.SectionUndoRequest,
		event.UndoRequest{By: answered.Approver, Reason: "Wrong service.", Step: 1, RequestedAt: at(200)})}},
	{event.EffectivenessAssessed, event.StageAssess, event.RemediationExecuted, []event.Section{section(event.SectionAssessment, Assessment(event.VerdictEffective))}},
	{event.RemediationClosed, event.StageAssess, event.EffectivenessAssessed, []event.Section{end(event.OutcomeHealed, "effective", event.StageAssess)}},
	{event.RemediationExpired, event.StageAssess, event.RemediationHeld, []event.Section{end(event.OutcomeExpired, "unanswered", event.StageAssess)}},
	{event.RemediationEscalated, event.StageAnalyze, event.EffectivenessAssessed, []event.Section{end(event.OutcomeEscalated, "rungs_spent", event.StageAnalyze)}},
	{event.RemediationFailed, event.StageExecute, event.RemediationApproved, []event.Section{end(event.OutcomeFailed, "target_gone", event.StageExecute)}},
}

// Sample returns the story's event of a type, sealed by its producer. An
// unknown type is a defect of the test, and panics.
func Sample(eventType string) cloudevents.Event {
	for _, c := range story {
		if c.eventType == eventType {
			return c.event()
		}
	}
	panic("eventtest: no sample of " + eventType)
}

func (c chapter) event() cloudevents.Event {
	d := event.Draft{Type: c.eventType, Stage: c.stage, Namespace: Namespace, Sections: c.sections, Now: at(35)}
	if c.parent == "" {
		d.Cause, d.Target, d.Correlation, d.Fingerprint = RemediationID, Deployment, RemediationID, Fingerprint
	} else {
		parent := Sample(c.parent)
		doc, err := event.ParseDocument(parent.Data())
		must(err)
		d.Parent, d.Document = &parent, doc
		if p := doc.Digest(event.SectionProposal); p != "" {
			d.Sections = withDigest(d.Sections, p)
		}
	}
	e, err := event.New(d)
	must(err)
	if c.parent == "" {
		e.SetExtension(event.ExtTraceParent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	}
	must(Key(c.stage).Seal(&e))
	return e
}

// withDigest fills in the digest of the proposal that a decision or an
// approval is about.
func withDigest(sections []event.Section, digest string) []event.Section {
	out := make([]event.Section, len(sections))
	for i, s := range sections {
		switch v := s.Value.(type) {
		case event.Decision:
			v.Proposal = digest
			s.Value = v
		case event.Approval:
			v.Proposal = digest
			s.Value = v
		}
		out[i] = s
	}
	return out
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
