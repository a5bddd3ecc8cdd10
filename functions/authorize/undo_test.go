package function

import (
	"encoding/json"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/stage"
)

// handlers are the stage's own, on the bench's Redis.
func (b *bench) handlers(t testing.TB) handlers {
	a := authority(t)
	a.now, a.breaker = time.Now, ledgerBreaker{b.ledger}
	return handlers{authority: a, book: ledgerBook{b.ledger, eventtest.Keyring()}, now: time.Now}
}

func inputOf[T any](t testing.TB, e cloudevents.Event) stage.Input[T] {
	t.Helper()
	doc, err := event.ParseDocument(e.Data())
	require.NoError(t, err)
	in := stage.Input[T]{Document: doc, ID: e.ID(), Type: e.Type(), Event: e}
	require.NoError(t, json.Unmarshal(e.Data(), &in.Data))
	return in
}

func undoing(t testing.TB, execution event.Execution, change func(*event.UndoRequest)) cloudevents.Event {
	q := event.UndoRequest{By: "alice", Reason: "wrong service", Step: 1, RequestedAt: time.Now()}
	if change != nil {
		change(&q)
	}
	return draft{event.UndoRequested, event.StageApprove, "undo", eventtest.Sample(event.RemediationExecuted),
		[]event.Section{today(), {Name: event.SectionExecution, Value: execution}, {Name: event.SectionUndoRequest, Value: q}}}.sealed(t)
}

func TestAnUndoIsApprovedWithItsReceipt(t *testing.T) {
	b := newBench(t)
	reply, err := b.Take(t.Context(), undoing(t, eventtest.Execution, nil))
	require.NoError(t, err)
	require.Equal(t, event.RemediationApproved, reply.Type())
	d, _ := decisionOf(t, reply)
	require.True(t, d.Undo)
	require.Equal(t, [3]string{"alice", reasonUndoRequested, eventtest.Deployment.UID}, [3]string{d.Approver, d.Reason, d.Target.UID})
	var data event.RemediationExecutedData
	require.NoError(t, json.Unmarshal(reply.Data(), &data))
	require.True(t, data.Execution.Undo.Possible, "execute finds the receipt in the document")
}

func TestAnUndoMovesNoClaim(t *testing.T) {
	b := newBench(t)
	ask := func(e event.Execution) stage.Reply {
		reply, err := b.handlers(t).undoRequested(t.Context(), inputOf[event.UndoRequestedData](t, undoing(t, e, nil)))
		require.NoError(t, err)
		return reply
	}
	impossible := eventtest.Execution
	impossible.Undo = nil
	for range 2 {
		require.True(t, ask(eventtest.Execution).Detached)
		require.True(t, ask(impossible).Detached)
		b.hold(t) // and once more while the remediation is under way
	}
}

func TestUndosThatAreRefused(t *testing.T) {
	with := func(change func(*event.Execution)) event.Execution {
		e := eventtest.Execution
		change(&e)
		return e
	}
	cases := []struct {
		name      string
		execution event.Execution
		request   func(*event.UndoRequest)
		reason    string
		rejected  bool
	}{
		{"the receipt says that it is impossible", with(func(e *event.Execution) { e.Undo = &event.Undo{Summary: "pods do not come back"} }), nil, reasonUndoImpossible, true},
		{"there is no receipt", with(func(e *event.Execution) { e.Undo = nil }), nil, reasonUndoImpossible, true},
		{"nothing was applied", with(func(e *event.Execution) { e.Outcome = event.ExecutionDryRun }), nil, reasonUndoImpossible, true},
		{"it was undone already", with(func(e *event.Execution) { e.Outcome = event.ExecutionUndone }), nil, reasonUndoImpossible, true},
		{"another action was executed than proposed", with(func(e *event.Execution) { e.Action = "cordon_node" }), nil, reasonUndoImpossible, true},
		{"the request is for another step", eventtest.Execution, func(q *event.UndoRequest) { q.Step = 2 }, reasonUndoRequestBad, false},
		{"nobody is named", eventtest.Execution, func(q *event.UndoRequest) { q.By = "" }, reasonUndoRequestBad, false},
		{"the request is old", eventtest.Execution, func(q *event.UndoRequest) { q.RequestedAt = time.Now().Add(-time.Hour) }, reasonUndoRequestTooOld, false},
		{"the request is from the future", eventtest.Execution, func(q *event.UndoRequest) { q.RequestedAt = time.Now().Add(time.Hour) }, reasonUndoRequestTooOld, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			reply, err := b.handlers(t).undoRequested(t.Context(), inputOf[event.UndoRequestedData](t, undoing(t, c.execution, c.request)))
			require.NoError(t, err)
			require.Equal(t, c.reason, reply.Reason)
			require.NotEqual(t, event.RemediationApproved, reply.Type)
			require.Equal(t, c.rejected, reply.Type == event.RemediationRejected)
			require.Equal(t, c.rejected, reply.Detached, "the remediation itself goes on as it was")
		})
	}
}
