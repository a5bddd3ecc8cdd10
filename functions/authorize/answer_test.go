package function

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/tickredis"
	"kubernaut.ai/shared/stage"
)

// bench is the stage on an embedded Redis, with a proposal that it holds.
type bench struct {
	*stage.Function
	ledger *ledger.Ledger
	server *tickredis.Server
	held   cloudevents.Event
}

func newBench(t *testing.T) *bench {
	t.Helper()
	server, err := tickredis.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	l, err := ledger.Open(server.URL())
	require.NoError(t, err)
	b := &bench{Function: New(), ledger: l, server: server}
	require.NoError(t, b.Start(t.Context(), map[string]string{stage.EnvRedis: server.URL(), stage.EnvLogLevel: "fatal", stage.EnvNamespace: eventtest.Namespace,
		stage.EnvSealPrivate: eventtest.PrivateKey(event.StageAuthorize), stage.EnvSealPublic: eventtest.PublicKeys()}))
	t.Cleanup(func() {
		require.NoError(t, b.Stop(context.Background()))
		require.NoError(t, l.Close())
	})
	return b
}

// today is the sample's remediation, opened a moment ago.
func today() event.Section {
	r := eventtest.Remediation
	r.OpenedAt = time.Now().Add(-time.Minute)
	return event.Section{Name: event.SectionRemediation, Value: r}
}

// seenNow is the sample's context as if it had just been looked at.
func seenNow() event.Section {
	c := eventtest.Context
	c.CollectedAt = time.Now()
	return event.Section{Name: event.SectionContext, Value: c}
}

// draft is an event of another stage, sealed by it.
type draft struct {
	eventType, stage, cause string
	parent                  cloudevents.Event
	sections                []event.Section
}

func (d draft) sealed(t testing.TB) cloudevents.Event {
	t.Helper()
	doc, err := event.ParseDocument(d.parent.Data())
	require.NoError(t, err)
	e, err := event.New(event.Draft{Type: d.eventType, Stage: d.stage, Namespace: eventtest.Namespace, Parent: &d.parent, Cause: d.cause,
		Document: doc, Sections: d.sections, Now: time.Now()})
	require.NoError(t, err)
	require.NoError(t, eventtest.Key(d.stage).Seal(&e))
	return e
}

// proposed is a proposal of low confidence, which the policy holds.
func proposed(t testing.TB, cause string, more ...event.Section) cloudevents.Event {
	p := eventtest.Proposal
	p.Confidence = 0.4
	return draft{event.RemediationProposed, event.StageAnalyze, cause, eventtest.Sample(event.SignalClassified),
		append([]event.Section{today(), {Name: event.SectionProposal, Value: p}}, more...)}.sealed(t)
}

func (b *bench) hold(t testing.TB) *bench {
	t.Helper()
	reply, err := b.Take(t.Context(), proposed(t, "first"))
	require.NoError(t, err)
	require.Equal(t, event.RemediationHeld, reply.Type())
	b.held = *reply
	return b
}

// approval is what the approve stage would seal for the held event, changed.
func (b *bench) approval(t testing.TB, granted bool, change func(*event.Approval), more ...event.Section) cloudevents.Event {
	t.Helper()
	doc, err := event.ParseDocument(b.held.Data())
	require.NoError(t, err)
	a := event.Approval{Approver: "alice", Granted: granted, Proposal: doc.Digest(event.SectionProposal), Step: 1, AnsweredAt: time.Now()}
	if change != nil {
		change(&a)
	}
	eventType, word := event.ApprovalRefused, "/refused"
	if granted {
		eventType, word = event.ApprovalGranted, "/granted"
	}
	return draft{eventType, event.StageApprove, b.held.ID() + word, b.held, append([]event.Section{{Name: event.SectionApproval, Value: a}}, more...)}.sealed(t)
}

func decisionOf(t testing.TB, e *cloudevents.Event) (d event.Decision, end event.End) {
	t.Helper()
	require.NotNil(t, e)
	require.NoError(t, eventtest.Keyring().Verify(*e))
	doc, err := event.ParseDocument(e.Data())
	require.NoError(t, err)
	require.NoError(t, doc.Decode(event.SectionDecision, &d))
	if _, ok := doc.Raw(event.SectionEnd); ok {
		require.NoError(t, doc.Decode(event.SectionEnd, &end))
	}
	return d, end
}

func (b *bench) expiryIsDue(t testing.TB) bool {
	t.Helper()
	b.server.Advance(stage.DefaultApprovalWithin + time.Second)
	due, err := b.ledger.LeaseDue(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	for _, item := range due {
		if item.ID == ledger.ApprovalID(eventtest.RemediationID, 1) {
			require.Equal(t, ledger.KindApproval, item.Kind)
			e, err := stage.Decode(item.Payload)
			require.NoError(t, err)
			require.Equal(t, b.held.ID(), e.ID())
			return true
		}
	}
	return false
}

func TestAHeldProposalCanBeAnsweredAndExpires(t *testing.T) {
	b := newBench(t).hold(t)
	body, err := b.ledger.Held(t.Context(), eventtest.RemediationID)
	require.NoError(t, err)
	stored, err := stage.Decode(body)
	require.NoError(t, err)
	require.Equal(t, b.held.ID(), stored.ID())
	require.NoError(t, eventtest.Keyring().Verify(stored))
	require.True(t, b.expiryIsDue(t))
}

func TestAGrantedApprovalIsApproved(t *testing.T) {
	b := newBench(t).hold(t)
	granted := b.approval(t, true, func(a *event.Approval) { a.Comment = "go" })
	reply, err := b.Take(t.Context(), granted)
	require.NoError(t, err)
	require.Equal(t, event.RemediationApproved, reply.Type())
	d, _ := decisionOf(t, reply)
	require.Equal(t, "alice", d.Approver)
	require.Equal(t, reasonApprovedByPerson, d.Reason)
	require.Contains(t, d.Detail, "low_confidence")
	require.Equal(t, eventtest.Deployment, d.Target)
	require.InDelta(t, defaultDecisionWithin, d.ExpiresAt.Sub(d.DecidedAt), float64(time.Second))

	again, err := b.Take(t.Context(), granted)
	require.NoError(t, err)
	require.Equal(t, reply.ID(), again.ID(), "a repeated delivery gets the recorded reply")
	require.False(t, b.expiryIsDue(t), "an answered hold does not expire")
}

func TestARefusalEndsTheRemediation(t *testing.T) {
	b := newBench(t).hold(t)
	reply, err := b.Take(t.Context(), b.approval(t, false, func(a *event.Approval) { a.Comment = "deploying a fix" }))
	require.NoError(t, err)
	require.Equal(t, event.RemediationRejected, reply.Type())
	d, end := decisionOf(t, reply)
	require.Equal(t, event.DecisionRejected, d.Outcome)
	require.Equal(t, [2]string{event.OutcomeRejected, reasonRefusedByPerson}, [2]string{end.Outcome, end.Reason})
	require.Contains(t, end.Detail, "deploying a fix")
}

func TestApprovalsThatAreRefused(t *testing.T) {
	other := eventtest.Proposal
	other.Parameters, other.Confidence = map[string]any{"revision": 1.0}, 0.4
	cases := []struct {
		name   string
		answer func(t *testing.T, b *bench) cloudevents.Event
		reason string
	}{
		{"nobody is named as approver", func(t *testing.T, b *bench) cloudevents.Event {
			return b.approval(t, true, func(a *event.Approval) { a.Approver = "" })
		}, reasonApproverMissing},
		{"a refusal in the envelope of a grant", func(t *testing.T, b *bench) cloudevents.Event {
			return b.approval(t, true, func(a *event.Approval) { a.Granted = false })
		}, reasonAnswerMismatch},
		{"the proposal was exchanged", func(t *testing.T, b *bench) cloudevents.Event {
			return b.approval(t, true, nil, event.Section{Name: event.SectionProposal, Value: other})
		}, reasonProposalAltered},
		{"proposal and decision were exchanged together", func(t *testing.T, b *bench) cloudevents.Event {
			doc, err := (event.Document{}).With(event.Section{Name: event.SectionProposal, Value: other})
			require.NoError(t, err)
			d, _ := decisionOf(t, &b.held)
			d.Proposal = doc.Digest(event.SectionProposal)
			return b.approval(t, true, func(a *event.Approval) { a.Proposal = d.Proposal },
				event.Section{Name: event.SectionProposal, Value: other}, event.Section{Name: event.SectionDecision, Value: d})
		}, reasonHoldReplaced},
		{"the person saw another proposal", func(t *testing.T, b *bench) cloudevents.Event {
			return b.approval(t, true, func(a *event.Approval) { a.Proposal = "abc" })
		}, reasonProposalMismatch},
		{"the approval is for another step", func(t *testing.T, b *bench) cloudevents.Event {
			return b.approval(t, true, func(a *event.Approval) { a.Step = 2 })
		}, reasonStepMismatch},
		{"the decision is about another action", func(t *testing.T, b *bench) cloudevents.Event {
			d, _ := decisionOf(t, &b.held)
			d.Action = "notify_only"
			return b.approval(t, true, nil, event.Section{Name: event.SectionDecision, Value: d})
		}, reasonDecisionMismatch},
		{"the decision was not a hold", func(t *testing.T, b *bench) cloudevents.Event {
			d, _ := decisionOf(t, &b.held)
			d.Outcome = event.DecisionApproved
			return b.approval(t, true, nil, event.Section{Name: event.SectionDecision, Value: d})
		}, reasonNotHeld},
		{"the hold is gone", func(t *testing.T, b *bench) cloudevents.Event {
			require.NoError(t, b.ledger.Unhold(t.Context(), eventtest.RemediationID))
			return b.approval(t, true, nil)
		}, reasonNotHeld},
		{"a later hold took the place of the one that it answers", func(t *testing.T, b *bench) cloudevents.Event {
			old := b.approval(t, true, nil)
			_, err := b.Take(t.Context(), proposed(t, "second"))
			require.NoError(t, err)
			return old
		}, reasonHoldReplaced},
		{"somebody else answered first", func(t *testing.T, b *bench) cloudevents.Event {
			_, err := b.Take(t.Context(), b.approval(t, false, nil))
			require.NoError(t, err)
			return b.approval(t, true, nil)
		}, reasonAlreadyAnswered},
		{"the expiry came first", func(t *testing.T, b *bench) cloudevents.Event {
			_, err := b.ledger.AnswerOnce(t.Context(), ledger.OnceRecord{Remediation: eventtest.RemediationID, Step: strconv.Itoa(1), Value: []byte("expired"), Keep: time.Hour})
			require.NoError(t, err)
			return b.approval(t, true, nil)
		}, reasonAlreadyAnswered},
		{"the remediation is older than any claim is remembered", func(t *testing.T, b *bench) cloudevents.Event {
			r := eventtest.Remediation
			r.OpenedAt = time.Now().Add(-ledger.MaxEventAge - time.Hour)
			return b.approval(t, true, nil, event.Section{Name: event.SectionRemediation, Value: r})
		}, reasonTooOld},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t).hold(t)
			e := c.answer(t, b)
			h := b.handlers(t)
			reply, err := h.granted(t.Context(), inputOf[event.ApprovalAnsweredData](t, e))
			require.NoError(t, err)
			require.Equal(t, [2]string{"", c.reason}, [2]string{reply.Type, reply.Reason})

			got, err := b.Take(t.Context(), e)
			require.NoError(t, err)
			require.Nil(t, got, "nothing goes to execute")
		})
	}
}

func TestAForgedApprovalIsRefusedByItsSeal(t *testing.T) {
	b := newBench(t).hold(t)
	altered := b.approval(t, true, nil)
	altered.DataEncoded = append(altered.DataEncoded[:len(altered.DataEncoded)-1], `,"extra":1}`...)
	forged := b.approval(t, true, nil)
	require.NoError(t, eventtest.Key(event.StageAnalyze).Seal(&forged))
	bare := b.approval(t, true, nil)
	bare.SetExtension(event.ExtSeal, nil)
	for name, e := range map[string]cloudevents.Event{"altered": altered, "sealed by another stage": forged, "unsealed": bare} {
		reply, err := b.Take(t.Context(), e)
		require.Error(t, err, name)
		require.Nil(t, reply, name)
	}
}

func TestALateAnswerEndsTheRemediationAsExpired(t *testing.T) {
	cases := []struct {
		name   string
		change func(*event.Approval)
	}{
		{"answered after the hold had expired", func(a *event.Approval) { a.AnsweredAt = time.Now().Add(stage.DefaultApprovalWithin + time.Minute) }},
		{"delivered long after it was answered", func(a *event.Approval) { a.AnsweredAt = time.Now().Add(-event.AnswerWithin - time.Minute) }},
		{"answered in the future", func(a *event.Approval) { a.AnsweredAt = time.Now().Add(10 * time.Minute) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t).hold(t)
			reply, err := b.Take(t.Context(), b.approval(t, true, c.change))
			require.NoError(t, err)
			require.Equal(t, event.RemediationRejected, reply.Type())
			d, end := decisionOf(t, reply)
			require.Equal(t, [3]string{event.DecisionRejected, event.OutcomeExpired, reasonApprovalExpired}, [3]string{d.Outcome, end.Outcome, end.Reason})
		})
	}
}

func TestAHoldThatWasAnsweredIsNotReopenedByALateDelivery(t *testing.T) {
	b := newBench(t).hold(t)
	_, err := b.Take(t.Context(), b.approval(t, true, nil))
	require.NoError(t, err)
	reply, err := b.handlers(t).proposed(t.Context(), inputOf[event.RemediationProposedData](t, proposed(t, "first")))
	require.NoError(t, err)
	require.Equal(t, reasonAlreadyAnswered, reply.Reason)
	require.Empty(t, reply.Type)
}

func TestWithoutRedisNothingIsDecided(t *testing.T) {
	b := newBench(t).hold(t)
	granted, again := b.approval(t, true, nil), proposed(t, "again")
	b.server.Close()
	h := b.handlers(t)
	for name, ask := range map[string]func() (stage.Reply, error){
		"a proposal": func() (stage.Reply, error) {
			return h.proposed(t.Context(), inputOf[event.RemediationProposedData](t, again))
		},
		"an approval": func() (stage.Reply, error) {
			return h.granted(t.Context(), inputOf[event.ApprovalAnsweredData](t, granted))
		},
	} {
		reply, err := ask()
		require.Error(t, err, name)
		require.True(t, errors.Is(err, ledger.ErrUnavailable), "%s: %v", name, err)
		require.Empty(t, reply.Type, name)
	}
}
