package event_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
)

// most is a text that fills its bound, of a character that JSON writes as six bytes.
type most string

func (m most) text(max int) string { return event.Cut(strings.Repeat(string(m), max), max) }

// texts is the most that a field of texts may hold; its deciding label is kept.
func (m most) texts(entries, value int) map[string]string {
	out := map[string]string{"environment": "production"}
	for i := range entries {
		out[fmt.Sprintf("%03d.example.com/%s", i, m.text(2*event.MaxAttribute))] = m.text(value)
	}
	return out
}

func many[T any](n int, one func(i int) T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = one(i)
	}
	return out
}

func (m most) signal() event.Signal {
	s := eventtest.Signal
	s.GeneratorURL, s.Group, s.Receiver, s.SenderSeverity = m.text(2000), m.text(2000), m.text(2000), m.text(2000)
	s.Labels, s.Annotations = m.texts(100, 2000), m.texts(100, 2000)
	return s.Bound()
}

func (m most) context() event.Context {
	c := eventtest.Context
	conditions := many(event.MaxConditions, func(int) event.Condition {
		return event.Condition{Type: "Ready", Reason: m.text(event.MaxAttribute), Message: m.text(event.MaxText)}
	})
	const few = 3 // of lists in lists: more of them take time and are cut all the same
	quantities := m.texts(1, event.MaxAttribute)
	c.Labels, c.NamespaceLabels = m.texts(100, 2000), m.texts(100, 2000)
	c.Workload = &event.Workload{Desired: 3, Conditions: conditions}
	c.Autoscaler = &event.Autoscaler{Name: "hpa", Max: 7, Conditions: conditions}
	c.Node = &event.Node{Name: "node", OtherSchedulable: 3, Conditions: conditions,
		Taints: many(event.MaxConditions, func(int) string { return m.text(event.MaxAttribute) })}
	c.GitOps = &event.GitOps{Tool: "flux-helm", Name: m.text(event.MaxAttribute)}
	c.Owners = many(5, func(int) event.Target { return eventtest.Deployment })
	c.Containers = many(50, func(int) event.Container {
		return event.Container{Name: "app", Image: m.text(event.MaxText), Requests: quantities, Limits: quantities, Usage: quantities}
	})
	c.Pods = many(50, func(i int) event.Pod {
		return event.Pod{Name: fmt.Sprint("pod", i), UID: eventtest.Deployment.UID, Containers: many(few, func(int) event.ContainerState {
			return event.ContainerState{Name: "app", Waiting: m.text(event.MaxAttribute), Message: m.text(event.MaxText)}
		})}
	})
	c.Events = many(50, func(int) event.Note {
		return event.Note{Reason: m.text(event.MaxAttribute), Message: m.text(event.MaxText)}
	})
	c.Revisions = many(50, func(int) event.Revision {
		return event.Revision{Name: "rev", Images: many(few, func(int) string { return m.text(event.MaxText) })}
	})
	c.Budgets = many(50, func(int) event.Budget { return event.Budget{Name: strings.Repeat("b", 253)} })
	c.Unavailable = many(50, func(i int) event.Unavailable { return event.Unavailable{Part: "usage", Reason: m.text(event.MaxText)} })
	return c.Bound()
}

func (m most) evidence(detail int) []event.Evidence {
	return many(event.MaxEvidence, func(int) event.Evidence {
		return event.Evidence{Source: m.text(event.MaxAttribute), Detail: m.text(detail)}
	})
}

func (m most) reasons() []string {
	return many(event.MaxEvidence, func(int) string { return m.text(event.MaxText) })
}

// sections are all sections with as much in them as their stages let through.
func (m most) sections() map[string]any {
	const stateSize, logSize = 15 << 10, 1536
	state, _ := json.Marshal(strings.Repeat("s", stateSize))
	rung := event.Rung{Action: eventtest.Proposal.Action, Target: eventtest.Deployment, Rationale: m.text(event.MaxText),
		Parameters: map[string]any{"note": strings.Repeat("p", 1<<10)}}
	pods := many(event.MaxPods, func(int) event.Change {
		return event.Change{Target: eventtest.Deployment, Before: "running", After: "evicted"}
	})
	decision := eventtest.Decision(event.DecisionApproved)
	decision.Detail, decision.Parameters = m.text(event.MaxText), rung.Parameters
	return map[string]any{
		event.SectionSignal: m.signal(), event.SectionContext: m.context(),
		event.SectionClassification: event.Classification{Environment: "production", Reasons: m.reasons()},
		event.SectionAttempts: many(event.MaxAttempts, func(i int) event.Attempt {
			return event.Attempt{Step: i + 1, Action: rung.Action, Verdict: event.VerdictIneffective, Reason: m.text(event.MaxText)}
		}),
		event.SectionAnalysis: event.Analysis{Turn: 1, State: state}, event.SectionProgress: event.Progress{Turn: 1, State: state},
		event.SectionProposal: event.Proposal{Rung: rung, Step: 1, Analyst: m.text(event.MaxAttribute), Evidence: m.evidence(event.MaxText),
			Next: many(event.MaxRungs-1, func(int) event.Rung { return rung }), Risk: "medium"},
		event.SectionDecision: decision, event.SectionApproval: event.Approval{Approver: "alice@example.com", Comment: m.text(event.MaxText)},
		event.SectionExecution: event.Execution{Outcome: event.ExecutionApplied, Detail: m.text(event.MaxText), Step: 1, Target: eventtest.Deployment,
			Changes: pods, Observed: m.text(event.MaxText), Evidence: m.evidence(logSize), Undo: &event.Undo{Possible: true,
				Summary: m.text(event.MaxText), Changes: slices.Concat(eventtest.Execution.Undo.Changes, pods[:5])}},
		event.SectionUndoRequest: event.UndoRequest{By: "alice@example.com", Reason: m.text(event.MaxText)},
		event.SectionAssessment: event.Assessment{Verdict: event.VerdictIneffective, Reasons: m.reasons(),
			Parts: many(5, func(int) event.Part { return event.Part{Name: "health", Detail: m.text(event.MaxText)} })},
		event.SectionEnd: event.End{Outcome: event.OutcomeFailed, Detail: m.text(2 * event.MaxText)},
	}
}

// birth is how a type comes about: after which, and with which sections; those
// with a minus are taken off.
type birth struct {
	eventType, parent string
	sections          []string
}

func (b birth) draft(t *testing.T, all map[string]any, made map[string]cloudevents.Event) event.Draft {
	entry, _ := event.Lookup(b.eventType)
	d := event.Draft{Type: b.eventType, Stage: entry.Producers[0], Cause: eventtest.RemediationID,
		Sections: []event.Section{{Name: event.SectionRemediation, Value: eventtest.Remediation}}}
	if parent, ok := made[b.parent]; ok {
		d.Parent, d.Cause, d.Document, d.Sections = &parent, "", document(t, parent), nil
	}
	for _, name := range b.sections {
		name, removed := strings.CutPrefix(name, "-")
		s := event.Section{Name: name, Value: all[name]}
		if removed {
			s.Value = nil
		}
		d.Sections = append(d.Sections, s)
	}
	return d
}

func document(t *testing.T, e cloudevents.Event) event.Document {
	doc, err := event.ParseDocument(e.Data())
	require.NoError(t, err)
	return doc
}

// lineage is the longest way of one remediation.
var lineage = []birth{
	{event.SignalReceived, "", []string{event.SectionSignal}},
	{event.SignalEnriched, event.SignalReceived, []string{event.SectionContext}},
	{event.SignalClassified, event.SignalEnriched, []string{event.SectionClassification, event.SectionAttempts}},
	{event.AnalysisContinued, event.SignalClassified, []string{event.SectionAnalysis}},
	{event.RemediationProposed, event.SignalClassified, []string{event.SectionProposal}},
	{event.RemediationHeld, event.RemediationProposed, []string{event.SectionDecision}},
	{event.RemediationRejected, event.RemediationProposed, []string{event.SectionDecision, event.SectionEnd}},
	{event.ApprovalGranted, event.RemediationHeld, []string{event.SectionApproval}},
	{event.ApprovalRefused, event.RemediationHeld, []string{event.SectionApproval}},
	{event.RemediationExpired, event.RemediationHeld, []string{event.SectionEnd}},
	{event.RemediationApproved, event.ApprovalGranted, []string{event.SectionDecision}},
	{event.ExecutionContinued, event.RemediationApproved, []string{event.SectionProgress}},
	{event.RemediationFailed, event.RemediationApproved, []string{event.SectionExecution, event.SectionEnd}},
	{event.RemediationExecuted, event.ExecutionContinued, []string{event.SectionExecution, "-" + event.SectionProgress}},
	{event.UndoRequested, event.RemediationExecuted, []string{event.SectionUndoRequest}},
	{event.EffectivenessAssessed, event.RemediationExecuted, []string{event.SectionAssessment}},
	{event.RemediationEscalated, event.EffectivenessAssessed, []string{event.SectionEnd}},
	{event.RemediationClosed, event.EffectivenessAssessed, []string{event.SectionEnd}},
	// Taking it back.
	{event.RemediationApproved, event.UndoRequested, []string{event.SectionDecision}},
	{event.RemediationExecuted, event.RemediationApproved, []string{event.SectionExecution}},
}

func TestEveryTypeFitsWithAllSectionsAtTheirBounds(t *testing.T) {
	for name, m := range map[string]most{"ampersands and brackets": "&<", "control characters": "\x01", "plain letters": "x"} {
		t.Run(name, func(t *testing.T) {
			all, made := m.sections(), map[string]cloudevents.Event{}
			for _, l := range lineage {
				e, err := event.New(l.draft(t, all, made))
				require.NoError(t, err, l.eventType)
				require.LessOrEqual(t, len(e.Data()), event.MaxEventSize, l.eventType)
				made[l.eventType] = e
				entry, _ := event.Lookup(l.eventType)
				require.NoError(t, json.Unmarshal(e.Data(), entry.Data()), l.eventType)
			}
			proposed, executed := document(t, made[event.RemediationProposed]), document(t, made[event.RemediationExecuted])
			require.Equal(t, proposed.Digest(event.SectionProposal), executed.Digest(event.SectionProposal), "what was approved is what was proposed")
			var d event.RemediationExecutedData
			require.NoError(t, json.Unmarshal(made[event.EffectivenessAssessed].Data(), &d))
			want := all[event.SectionExecution].(event.Execution)
			require.Equal(t, want.Changes, d.Execution.Changes)
			require.Equal(t, want.Undo.Changes, d.Execution.Undo.Changes, "the undo receipt")
			require.Len(t, d.Attempts, event.MaxAttempts)
			require.Equal(t, 7, int(d.Context.Autoscaler.Max))
			require.NotNil(t, d.Context.GitOps)
			for _, labels := range []map[string]string{d.Signal.Labels, d.Context.Labels, d.Context.NamespaceLabels} {
				require.Equal(t, "production", labels["environment"])
			}
			require.Contains(t, strings.Join(d.Context.Cut, "\n"), " of 50", "the cut is visible")
		})
	}
}

func TestASectionAtItsBoundIsNoLargerThanThat(t *testing.T) {
	for name, m := range map[string]most{"ampersands": "&", "letters": "é"} {
		t.Run(name, func(t *testing.T) {
			signal, context := m.signal(), m.context()
			for _, section := range []struct {
				value any
				most  int
				cut   []string
			}{{signal, event.MaxSignalSize, signal.Cut}, {context, event.MaxContextSize, context.Cut}} {
				body, err := json.Marshal(section.value)
				require.NoError(t, err)
				require.LessOrEqual(t, len(body), section.most)
				require.NotEmpty(t, section.cut)
			}
			require.Equal(t, eventtest.Deployment, context.Target)
			require.NotEmpty(t, context.Unavailable, "absent is not the same as none")
		})
	}
}

func TestACutKeepsWhatItDoesNotKnow(t *testing.T) {
	const theirs, future = `{"cost": 1.50, "b":2}`, `{"x": 1.0}`
	pods := strings.Repeat(`{"name":"p","uid":"u","phase":"Running","later": 1.0},`, 2000)
	data := `{"finops":` + theirs + `,"context":{"future":` + future + `,"pods":[` + strings.TrimSuffix(pods, ",") + `],"cut":["pods: 2000 of 5000"]}}`
	require.Greater(t, len(data), event.MaxEventSize)
	doc, err := event.Document{}.With(event.Section{Name: "finops", Value: json.RawMessage(theirs)})
	require.NoError(t, err)
	doc, err = doc.With(event.Section{Name: event.SectionContext, Value: json.RawMessage(data[strings.Index(data, `{"future`) : len(data)-1])})
	require.NoError(t, err)
	e, err := event.New(event.Draft{Type: event.SignalClassified, Stage: event.StageClassify, Cause: "c", Document: doc})
	require.NoError(t, err)
	require.Contains(t, string(e.Data()), `"context":{"future":{"x":1.0},"pods":[{"name":"p","uid":"u","phase":"Running","later":1.0},`)
	require.Contains(t, string(e.Data()), `"cut":["pods: 10 of 5000"]`)
	require.Contains(t, string(e.Data()), `"finops":{"cost":1.50,"b":2}`)
}

func TestAnApprovalLeavesRoomForWhatExecuteWillSay(t *testing.T) {
	parent := eventtest.Sample(event.RemediationHeld)
	for _, c := range []struct {
		name, eventType string
		theirs          int
		want            error
	}{
		{"a hold may be full", event.RemediationHeld, event.MaxEventSize - event.MaxExecutionSize, nil},
		{"an approval may not, before anything is changed", event.RemediationApproved, event.MaxEventSize - event.MaxExecutionSize, event.ErrTooLarge},
		{"an approval with room", event.RemediationApproved, event.MaxEventSize - event.MaxExecutionSize - 8<<10, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := event.New(event.Draft{Type: c.eventType, Stage: event.StageAuthorize, Parent: &parent, Document: document(t, parent),
				Sections: []event.Section{{Name: "finops", Value: strings.Repeat("x", c.theirs)}}})
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestLabelsThatDecideAreKeptBeforeOthers(t *testing.T) {
	tables, err := os.ReadFile("../../functions/classify/policy/data.yaml")
	require.NoError(t, err)
	read := regexp.MustCompile(`(?m)^environment_labels: \[(.+)\]$`).FindStringSubmatch(string(tables))
	require.NotNil(t, read, "the tables name the labels in another way")
	names := append(strings.Split(read[1], ", "), "kubernaut.ai/managed", "kubernaut.ai/zone", "app.kubernetes.io/part-of")
	labels := map[string]string{}
	for i := range 40 {
		labels[fmt.Sprintf("a%02d", i)] = "x"
	}
	for _, name := range names {
		labels[name] = "production"
	}
	c := event.Context{Labels: labels, NamespaceLabels: labels}.Bound()
	kept, left, _ := event.CutMap(labels, len(names), event.MaxLabelValue)
	for _, name := range names {
		require.Contains(t, c.Labels, name)
		require.Contains(t, c.NamespaceLabels, name)
		require.Contains(t, kept, name)
	}
	require.Equal(t, 40, left)
	require.Len(t, c.Labels, event.MaxObjectLabels)
	require.Contains(t, c.Labels, "a00", "then in order of their names")
	require.NotContains(t, c.Labels, "a39")
	require.Contains(t, c.Cut, fmt.Sprintf("labels: %d left out", len(labels)-event.MaxObjectLabels))
}
