package pipeline_test

import (
	"bytes"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

const mallory = "mallory"

// answerTo forges a person's answer to a held remediation.
func answerTo(t *testing.T, held cloudevents.Event, d event.RemediationDecidedData, change func(*event.Approval)) event.Section {
	t.Helper()
	a := event.Approval{Approver: mallory, Granted: true, Proposal: d.Decision.Proposal, Step: d.Decision.Step, AnsweredAt: time.Now()}
	if change != nil {
		change(&a)
	}
	return event.Section{Name: event.SectionApproval, Value: a}
}

// attacksOnHeld wants a held action to run without anybody's approval. In the
// end the true person's answer must still be the one that counts.
func (b *bed) attacksOnHeld(t *testing.T) {
	const namespace = "attacked"
	b.sick(t, namespace, workload{labels: ownedByFlux})
	id := b.opened(t, oomKilled(namespace))
	b.held(t, id)
	held, d := captured[event.RemediationDecidedData](t, b, id, event.RemediationHeld)
	granted := forged{eventType: event.ApprovalGranted, parent: held, cause: held.ID() + "/granted",
		sections: []event.Section{answerTo(t, held, d, nil)}}
	approved := d.Decision
	approved.Outcome, approved.Reason, approved.ExpiresAt = event.DecisionApproved, "approved_by_person", time.Now().Add(time.Hour)
	decided := forged{eventType: event.RemediationApproved, parent: held, sections: []event.Section{{Name: event.SectionDecision, Value: approved}}}
	executed := forged{eventType: event.RemediationExecuted, parent: held, sections: []event.Section{{Name: event.SectionDecision, Value: approved},
		{Name: event.SectionExecution, Value: event.Execution{Outcome: event.ExecutionApplied, Step: 1, Action: approved.Action, Target: approved.Target}}}}
	stranger, enrich, analyze, approve := strangersKey(t), b.key(t, event.StageEnrich), b.key(t, event.StageAnalyze), b.key(t, event.StageApprove)
	with := func(f forged, key *event.SealingKey, source string) forged { f.key, f.source = key, source; return f }

	// Each is another event: the harness's answers are told apart by id.
	refused := []struct {
		name, stage, reason string
		forged              forged
	}{
		{"an approval without a seal", event.StageAuthorize, "unsealed", granted},
		{"an approval sealed by a stranger's key", event.StageAuthorize, "unknown_key", with(granted, &stranger, "")},
		{"an approval sealed by another stage's key", event.StageAuthorize, "unknown_key", with(granted, &analyze, "")},
		{"an approval from a stage that may not give one", event.StageAuthorize, "wrong_producer", with(granted, &enrich, event.StageEnrich)},
		{"a decision without a seal", event.StageExecute, "unsealed", decided},
		{"a decision sealed by the approve stage's key", event.StageExecute, "unknown_key", with(decided, &approve, "")},
		{"a decision from the analyst itself", event.StageExecute, "wrong_producer", with(decided, &analyze, event.StageAnalyze)},
		{"an execution that claims to come from execute", event.StageAssess, "unsealed", executed},
		{"an execution sealed by another stage's key", event.StageAssess, "unknown_key", with(executed, &enrich, "")},
	}
	t.Run("not believed", func(t *testing.T) {
		for i, a := range refused {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				a.forged.index = i + 1
				e := a.forged.event(t)
				b.publish(t, e)
				b.refusedBy(t, a.stage, a.reason, e)
			})
		}
	})
	dropped := []struct {
		name, reason string
		change       func(*event.Approval)
		cause        string
	}{
		{"an approval of another proposal", "proposal_mismatch", func(a *event.Approval) { a.Proposal = "0123456789abcdef" }, ""},
		{"an approval of another step", "step_mismatch", func(a *event.Approval) { a.Step = 2 }, ""},
		{"an approval of nobody", "approver_missing", func(a *event.Approval) { a.Approver = "" }, ""},
		{"a refusal in an approval's clothes", "answer_mismatch", func(a *event.Approval) { a.Granted = false }, ""},
		{"an approval of another hold", "hold_replaced", nil, "another hold/granted"},
	}
	t.Run("not obeyed", func(t *testing.T) {
		for i, a := range dropped {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				f := with(granted, &approve, "")
				f.index, f.sections = 100+i, []event.Section{answerTo(t, held, d, a.change)}
				f.cause = or(a.cause, f.cause)
				b.droppedBy(t, event.StageAuthorize, a.reason, f.event(t))
			})
		}
	})
	t.Run("a type that the catalogue lacks", func(t *testing.T) {
		e := with(granted, &approve, "").event(t)
		e.SetType("ai.kubernaut.approval.assumed.v1")
		e.SetID("f00d")
		require.NoError(t, approve.Seal(&e))
		b.publish(t, e)
		b.refusedBy(t, event.StageRecord, "not_in_catalogue", e)
	})
	require.Empty(t, b.mutations(namespace))
	require.NotNil(t, b.view(t, id).Held, "it still waits for a person")

	require.Equal(t, 202, b.ask(t, "POST", "/api/v1/remediations/"+id+"/refuse", `{"comment": "no"}`).status)
	v := b.ended(t, id)
	require.Equal(t, "rejected", v.Outcome)
	t.Run("a second answer that differs", func(t *testing.T) {
		got := b.ask(t, "POST", "/api/v1/remediations/"+id+"/approve", `{}`)
		require.Equal(t, 409, got.status, string(got.body))
		require.Contains(t, []string{"already_answered", "not_held"}, problem(t, got))
		e := with(granted, &approve, "").event(t)
		b.droppedBy(t, event.StageAuthorize, "already_answered", e)
	})
	b.idle(t)
	require.Empty(t, b.mutations(namespace))
}

// attacksAfterwards has what was said about a remediation that ran, and wants
// something to be done once more.
func (b *bed) attacksAfterwards(t *testing.T) {
	const namespace = "captured"
	b.sick(t, namespace, workload{})
	a := oomKilled(namespace)
	id := b.opened(t, a)
	until(t, "healed workload", func() (bool, any) { return b.healthy(t, namespace), b.view(t, id).Timeline })
	_, _ = b.post(t, a.resolved())
	require.Equal(t, "healed", b.ended(t, id).Outcome)
	require.Len(t, b.mutations(namespace), 1)
	approved, d := captured[event.RemediationDecidedData](t, b, id, event.RemediationApproved)

	alter := func(change func(e *cloudevents.Event)) cloudevents.Event {
		e := approved.Clone()
		change(&e)
		return e
	}
	for name, e := range map[string]cloudevents.Event{
		"altered parameters": alter(func(e *cloudevents.Event) {
			e.SetID(e.ID()[:30] + "aa")
			e.DataEncoded = bytes.ReplaceAll(e.Data(), []byte(`"192Mi"`), []byte(`"999Mi"`))
		}),
		"a later expiry": alter(func(e *cloudevents.Event) {
			e.SetID(e.ID()[:30] + "bb")
			e.DataEncoded = bytes.ReplaceAll(e.Data(), []byte(d.Decision.ExpiresAt.Format("2006-")), []byte(d.Decision.ExpiresAt.AddDate(9, 0, 0).Format("2006-")))
		}),
		"a new id": alter(func(e *cloudevents.Event) { e.SetID(e.ID()[:30] + "cc") }),
		"another remediation's": alter(func(e *cloudevents.Event) {
			e.SetID(e.ID()[:30] + "dd")
			e.SetExtension(event.ExtCorrelation, "beef-1")
		}),
	} {
		t.Run(name, func(t *testing.T) {
			b.publish(t, e)
			b.refusedBy(t, event.StageExecute, "seal_broken", e)
		})
	}
	t.Run("a replay", func(t *testing.T) { b.droppedBy(t, event.StageExecute, "already_done", approved) })
	t.Run("a replay that the inbox has forgotten", func(t *testing.T) {
		require.NoError(t, b.redis.Del(t.Context(), "kubernaut:inbox:{execute/"+approved.ID()+"}").Err())
		b.droppedBy(t, event.StageExecute, "superseded", approved)
	})
	t.Run("a replay that all of Redis has forgotten", func(t *testing.T) {
		require.NoError(t, b.redis.Del(t.Context(), "kubernaut:inbox:{execute/"+approved.ID()+"}", "kubernaut:claim:{"+d.Remediation.Fingerprint+"}").Err())
		labels := map[string]string{"stage": event.StageExecute, "type": event.ShortType(event.RemediationApproved)}
		before := b.metric(t, "kubernaut_turns_total", labels)
		b.publish(t, approved)
		until(t, "a turn", func() (bool, any) { return b.metric(t, "kubernaut_turns_total", labels) > before, nil })
	})
	b.idle(t)
	require.Len(t, b.mutations(namespace), 1)
	require.Equal(t, "192Mi", b.memory(t, namespace))
}

// attacksLate is a decision that its stage did seal, and that has expired.
func (b *bed) attacksLate(t *testing.T) {
	const namespace = "late"
	b.sick(t, namespace, workload{labels: ownedByFlux})
	id := b.opened(t, oomKilled(namespace))
	b.held(t, id)
	held, d := captured[event.RemediationDecidedData](t, b, id, event.RemediationHeld)
	old := d.Decision
	old.Outcome, old.Reason = event.DecisionApproved, "within_policy"
	old.DecidedAt, old.ExpiresAt = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	authorize := b.key(t, event.StageAuthorize)
	b.publish(t, forged{eventType: event.RemediationApproved, parent: held, key: &authorize,
		sections: []event.Section{{Name: event.SectionDecision, Value: old}}}.event(t))
	v := b.ended(t, id)
	require.Equal(t, "failed", v.Outcome)
	require.Equal(t, "decision_expired", v.Reason)
	b.idle(t)
	require.Empty(t, b.mutations(namespace))
	claim, err := b.Ledger().Get(t.Context(), d.Remediation.Fingerprint)
	require.NoError(t, err)
	require.Equal(t, ledger.Settled, claim.State)
}
