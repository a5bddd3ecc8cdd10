package function

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/tickredis"
	"kubernaut.ai/shared/stage"
)

// guard is an Authenticator made of a name and a function.
type guard struct {
	name  string
	allow func(Person, Access) error
}

func (g guard) Authenticate(_ context.Context, r *http.Request) (Person, error) {
	if name := r.Header.Get("Test-User"); name != "" {
		return Person{Name: name}, nil
	}
	if g.name == "" {
		return Person{}, errUnauthenticated
	}
	return Person{Name: g.name}, nil
}

func (g guard) Authorize(_ context.Context, p Person, a Access) error {
	if g.allow == nil {
		return nil
	}
	return g.allow(p, a)
}

// sink is a press whose Broker is a list.
type sink struct {
	mu        sync.Mutex
	published []cloudevents.Event
	fail      error
}

func (s *sink) Seal(_ context.Context, d event.Draft) (cloudevents.Event, error) {
	d.Stage, d.Namespace = event.StageApprove, eventtest.Namespace
	e, err := event.New(d)
	if err != nil {
		return e, err
	}
	return e, eventtest.Key(event.StageApprove).Seal(&e)
}

func (s *sink) Publish(_ context.Context, e cloudevents.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.published = append(s.published, e)
	return nil
}

func (s *sink) ids() map[string]bool {
	ids := map[string]bool{}
	for _, e := range s.published {
		ids[e.ID()] = true
	}
	return ids
}

// past is a chronicle of these events.
type past []cloudevents.Event

func (p past) Timeline(_ context.Context, _ string, types ...string) (entries []history.Entry, err error) {
	for _, e := range p {
		body, err := stage.Encode(e)
		if err != nil {
			return nil, err
		}
		if slices.Contains(types, e.Type()) {
			entries = append(entries, history.Entry{ID: e.ID(), Type: e.Type(), Time: e.Time(), Event: body})
		}
	}
	return entries, nil
}

// house is the stage on an embedded Redis in which the sample is held.
type house struct {
	door   door
	sink   *sink
	ledger *ledger.Ledger
	server *tickredis.Server
}

// now lies between the sample's hold and its expiry.
var now = eventtest.Start.Add(time.Minute)

func newHouse(t testing.TB) *house {
	t.Helper()
	server, err := tickredis.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	l, err := ledger.Open(server.URL())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	h := &house{sink: &sink{}, ledger: l, server: server}
	h.door = door{guard: guard{name: "alice"}, pauses: l, letters: l, drop: func(context.Context, string, string) {},
		desk: &desk{book: ledgerBook{l}, press: h.sink, keys: eventtest.Keyring(), now: func() time.Time { return now }}}
	body, err := eventtest.Sample(event.RemediationHeld).MarshalJSON()
	require.NoError(t, err)
	require.NoError(t, l.Hold(t.Context(), eventtest.RemediationID, body, time.Hour))
	return h
}

const path = "/api/v1/remediations/" + eventtest.RemediationID

type answerTo struct {
	Status int
	Body   map[string]any
	Header http.Header
}

func (a answerTo) reason() string { s, _ := a.Body["reason"].(string); return s }

func (h *house) ask(t testing.TB, method, path, body string, headers ...string) answerTo {
	t.Helper()
	r := httptest.NewRequest(method, path, bytes.NewBufferString(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	newHandler(h.door).ServeHTTP(w, r)
	a := answerTo{Status: w.Code, Header: w.Header()}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a.Body), w.Body.String())
	return a
}

func digest(t testing.TB) string {
	doc, err := event.ParseDocument(eventtest.Sample(event.RemediationHeld).Data())
	require.NoError(t, err)
	return doc.Digest(event.SectionProposal)
}

func TestAnApprovalIsSealedBoundAndPublished(t *testing.T) {
	h := newHouse(t)
	a := h.ask(t, "POST", path+"/approve", `{"comment":"go","proposal":"`+digest(t)+`"}`)
	require.Equal(t, http.StatusAccepted, a.Status, a.Body)
	require.Equal(t, "granted", a.Body["answer"])
	require.NotEmpty(t, a.Body["next"])
	require.Len(t, h.sink.published, 1)
	e := h.sink.published[0]
	require.NoError(t, eventtest.Keyring().Verify(e))
	require.Equal(t, event.ID(eventtest.Sample(event.RemediationHeld).ID()+"/granted", event.ApprovalGranted, 0), e.ID())
	require.Equal(t, eventtest.RemediationID, event.Extension(e, event.ExtCorrelation))
	var d event.ApprovalAnsweredData
	require.NoError(t, json.Unmarshal(e.Data(), &d))
	require.Equal(t, event.Approval{Approver: "alice", Granted: true, Proposal: digest(t), Step: 1, Comment: "go", AnsweredAt: now}, d.Approval)
	require.Equal(t, []string{"alice granted"}, h.parked(t), "a Broker may lose what it took: authorize takes it off")
}

func TestPressingTwicePublishesOneEvent(t *testing.T) {
	h := newHouse(t)
	first := h.ask(t, "POST", path+"/approve", "")
	second := h.ask(t, "POST", path+"/approve", "")
	require.Equal(t, http.StatusAccepted, second.Status)
	require.Equal(t, first.Body["event"], second.Body["event"])
	require.Equal(t, true, second.Body["repeated"])
	require.Len(t, h.sink.ids(), 1)
	require.Equal(t, h.sink.published[0].Data(), h.sink.published[1].Data())
}

func TestOfManyAnswersAtOnceOneCounts(t *testing.T) {
	h := newHouse(t)
	var wait sync.WaitGroup
	statuses := make([]int, 20)
	for i := range statuses {
		wait.Go(func() {
			verb := "/approve"
			if i%2 == 1 {
				verb = "/refuse"
			}
			statuses[i] = h.ask(t, "POST", path+verb, "").Status
		})
	}
	wait.Wait()
	accepted := 0
	for _, s := range statuses {
		require.Contains(t, []int{http.StatusAccepted, http.StatusConflict}, s)
		if s == http.StatusAccepted {
			accepted++
		}
	}
	require.Equal(t, 10, accepted, "all who gave the first answer, and nobody else")
	require.Len(t, h.sink.ids(), 1)
	require.Len(t, h.parked(t), 1, "what came second is never sent")
}

func TestWhatCameSecondIsNotSentLater(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*testing.T, *house)
		want   []string
	}{
		"the other answer of another person": {func(t *testing.T, h *house) {
			require.Equal(t, http.StatusAccepted, h.ask(t, "POST", path+"/refuse", "", "Test-User", "bob").Status)
		}, []string{"bob refused"}},
		"the same answer of another person": {func(t *testing.T, h *house) {
			require.Equal(t, http.StatusAccepted, h.ask(t, "POST", path+"/approve", "", "Test-User", "bob").Status)
		}, []string{"bob granted"}},
		"the expiry": {func(t *testing.T, h *house) {
			_, err := h.ledger.AnswerOnce(t.Context(), ledger.OnceRecord{Remediation: eventtest.RemediationID, Step: "1", Value: []byte("expired"), Keep: time.Hour})
			require.NoError(t, err)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			// Nobody has answered when alice's answer is looked for.
			h.door.desk.book = late{book: h.door.desk.book, first: func() { c.before(t, h) }}
			h.ask(t, "POST", path+"/approve", "")
			require.Equal(t, c.want, h.parked(t))
		})
	}
}

// late is a book that something else gets to before the first answer.
type late struct {
	book
	first func()
}

func (l late) AnswerOnce(ctx context.Context, e cloudevents.Event, step int) (recorded, error) {
	var d event.ApprovalAnsweredData
	if json.Unmarshal(e.Data(), &d) == nil && d.Approval.Approver == "alice" {
		l.first()
	}
	return l.book.AnswerOnce(ctx, e, step)
}

// parked tells whose answers the due list would send.
func (h *house) parked(t testing.TB) (answers []string) {
	t.Helper()
	h.server.Advance(parkFor)
	items, err := h.ledger.LeaseDue(t.Context(), 10, time.Second)
	require.NoError(t, err)
	for _, item := range items {
		e, err := stage.Decode(item.Payload)
		require.NoError(t, err)
		var d event.ApprovalAnsweredData
		require.NoError(t, json.Unmarshal(e.Data(), &d))
		answers = append(answers, d.Approval.Approver+" "+strings.TrimPrefix(event.ShortType(e.Type()), "approval."))
	}
	return answers
}

func TestAnAnswerThatCouldNotBePublishedIsHealedByPressingAgain(t *testing.T) {
	h := newHouse(t)
	h.sink.fail = errors.New("broker is down")
	a := h.ask(t, "POST", path+"/approve", "")
	require.Equal(t, http.StatusServiceUnavailable, a.Status)
	require.NotEmpty(t, a.Header.Get("Retry-After"))
	n, err := h.ledger.CountDue(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, n.Total, "the due list would publish it")

	h.sink.fail = nil
	other := h.ask(t, "POST", path+"/refuse", "", "Test-User", "bob")
	require.Equal(t, http.StatusConflict, other.Status, "the recorded answer stands")
	require.Len(t, h.sink.published, 1, "and is published by whoever comes next")
	require.Equal(t, event.ApprovalGranted, h.sink.published[0].Type())
}

func TestAnswersThatAreRefused(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(t *testing.T, h *house)
		verb    string
		body    string
		status  int
		reason  string
	}{
		{"nobody vouches for the person", func(_ *testing.T, h *house) { h.door.guard = guard{} }, "approve", "", 401, reasonUnauthenticated},
		{"the person may not", func(_ *testing.T, h *house) {
			h.door.guard = guard{name: "eve", allow: func(Person, Access) error { return errForbidden }}
		}, "approve", "", 403, reasonForbidden},
		{"whether the person may cannot be found out", func(_ *testing.T, h *house) {
			h.door.guard = guard{name: "eve", allow: func(Person, Access) error { return errors.New("API server is down") }}
		}, "approve", "", 503, reasonUnavailable},
		{"nothing is held", func(t *testing.T, h *house) {
			require.NoError(t, h.ledger.Unhold(t.Context(), eventtest.RemediationID))
		}, "approve", "", 404, reasonNotHeld},
		{"what is stored was never sealed", func(t *testing.T, h *house) {
			e := eventtest.Sample(event.RemediationHeld)
			e.DataEncoded = bytes.Replace(e.DataEncoded, []byte(`"revision":3`), []byte(`"revision":1`), 1)
			body, err := e.MarshalJSON()
			require.NoError(t, err)
			require.NoError(t, h.ledger.Hold(t.Context(), eventtest.RemediationID, body, time.Hour))
		}, "approve", "", 500, reasonHoldBroken},
		{"what is stored is another kind of event", func(t *testing.T, h *house) {
			body, err := eventtest.Sample(event.RemediationApproved).MarshalJSON()
			require.NoError(t, err)
			require.NoError(t, h.ledger.Hold(t.Context(), eventtest.RemediationID, body, time.Hour))
		}, "approve", "", 500, reasonHoldBroken},
		{"the person saw another proposal", nil, "approve", `{"proposal":"abc"}`, 409, reasonProposalChanged},
		{"somebody else has answered", func(t *testing.T, h *house) {
			require.Equal(t, 202, h.ask(t, "POST", path+"/refuse", "", "Test-User", "bob").Status)
		}, "approve", "", 409, reasonAlreadyAnswered},
		{"it has expired", func(_ *testing.T, h *house) {
			h.door.desk.now = func() time.Time { return now.Add(time.Hour) }
		}, "approve", "", 410, reasonApprovalExpired},
		{"the expiry was recorded", func(t *testing.T, h *house) {
			_, err := h.ledger.AnswerOnce(t.Context(), ledger.OnceRecord{Remediation: eventtest.RemediationID, Step: "1", Value: []byte("expired"), Keep: time.Hour})
			require.NoError(t, err)
		}, "approve", "", 410, reasonApprovalExpired},
		{"the body misspells the proposal", nil, "approve", `{"propsal":"abc"}`, 400, reasonBadRequest},
		{"the body names the proposal twice", nil, "approve", `{"proposal":"a","proposal":"b"}`, 400, reasonBadRequest},
		{"the body is no object", nil, "approve", `[]`, 400, reasonBadRequest},
		{"the body is too large", nil, "approve", `{"comment":"` + strings.Repeat("x", maxBody) + `"}`, 413, reasonBadRequest},
		{"Redis is down", func(_ *testing.T, h *house) { h.server.Close() }, "approve", "", 503, reasonUnavailable},
		{"undo without a history", nil, "undo", "", 501, reasonNoHistory},
		{"undo of what was not executed", func(_ *testing.T, h *house) { h.door.desk.chronicle = past{} }, "undo", "", 404, reasonNotExecuted},
		{"undo of what has no receipt", func(t *testing.T, h *house) {
			h.door.desk.chronicle = past{executedAs(t, func(e *event.Execution) { e.Undo = nil })}
		}, "undo", "", 409, reasonUndoImpossible},
		{"undo of what was undone", func(t *testing.T, h *house) {
			h.door.desk.chronicle = past{executedAs(t, func(e *event.Execution) { e.Outcome = event.ExecutionUndone })}
		}, "undo", "", 409, reasonAlreadyUndone},
		{"undo of a dry run", func(t *testing.T, h *house) {
			h.door.desk.chronicle = past{executedAs(t, func(e *event.Execution) { e.Outcome = event.ExecutionDryRun })}
		}, "undo", "", 409, reasonUndoImpossible},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			if c.prepare != nil {
				c.prepare(t, h)
			}
			before := len(h.sink.ids())
			a := h.ask(t, "POST", path+"/"+c.verb, c.body)
			require.Equal(t, c.status, a.Status, a.Body)
			require.Equal(t, c.reason, a.reason())
			require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
			require.Len(t, h.sink.ids(), before, "nothing new is published")
		})
	}
}

// executedAs is the sample's execution, changed and sealed again.
func executedAs(t testing.TB, change func(*event.Execution)) cloudevents.Event {
	sample, x := eventtest.Sample(event.RemediationExecuted), eventtest.Execution
	change(&x)
	doc, err := event.ParseDocument(sample.Data())
	require.NoError(t, err)
	e, err := event.New(event.Draft{Type: event.RemediationExecuted, Stage: event.StageExecute, Namespace: eventtest.Namespace, Parent: &sample,
		Document: doc, Sections: []event.Section{{Name: event.SectionExecution, Value: x}}, Now: now})
	require.NoError(t, err)
	require.NoError(t, eventtest.Key(event.StageExecute).Seal(&e))
	return e
}

func TestAnUndoIsRequestedOnceUntilItFails(t *testing.T) {
	h := newHouse(t)
	known := past{eventtest.Sample(event.RemediationExecuted)}
	h.door.desk.chronicle = known
	for range 2 {
		a := h.ask(t, "POST", path+"/undo", `{"reason":"wrong service"}`)
		require.Equal(t, http.StatusAccepted, a.Status, a.Body)
	}
	require.Len(t, h.sink.ids(), 1)
	var d event.UndoRequestedData
	require.NoError(t, json.Unmarshal(h.sink.published[0].Data(), &d))
	require.Equal(t, event.UndoRequest{By: "alice", Reason: "wrong service", Step: 1, RequestedAt: now}, d.UndoRequest)

	h.door.desk.chronicle = append(known, eventtest.Sample(event.RemediationFailed))
	require.Equal(t, http.StatusAccepted, h.ask(t, "POST", path+"/undo", "").Status)
	require.Len(t, h.sink.ids(), 2, "after a failed undo the wish is a new one")

	h.door.desk.now = func() time.Time { return now.Add(event.AnswerWithin) }
	require.Equal(t, http.StatusAccepted, h.ask(t, "POST", path+"/undo", "").Status)
	require.Len(t, h.sink.ids(), 3, "and so is one after the last would no longer be believed")
}

// Who presses twice for one step must not have another one taken back.
func TestAnotherStepIsTakenBackOnlyByItsNumber(t *testing.T) {
	first := executedAs(t, func(e *event.Execution) { e.Outcome = event.ExecutionApplied })
	second := executedAs(t, func(e *event.Execution) { e.Step, e.Action = 2, "scale_deployment" })
	undone := executedAs(t, func(e *event.Execution) { e.Step, e.Outcome = 2, event.ExecutionUndone })
	h := newHouse(t)
	h.door.desk.chronicle = past{first, second, undone}
	a := h.ask(t, "POST", path+"/undo", "")
	require.Equal(t, reasonAlreadyUndone, a.reason())
	require.Contains(t, a.Body["detail"], `send {"step":1}`)
	require.Empty(t, h.sink.ids())
	require.Equal(t, reasonNotExecuted, h.ask(t, "POST", path+"/undo", `{"step":3}`).reason())

	a = h.ask(t, "POST", path+"/undo", `{"step":1}`)
	require.Equal(t, http.StatusAccepted, a.Status, a.Body)
	require.EqualValues(t, 1, a.Body["step"])

	h = newHouse(t)
	h.door.desk.chronicle = past{first, second}
	for _, body := range []string{"", `{"step":1}`, `{"step":2}`} {
		require.Equal(t, http.StatusAccepted, h.ask(t, "POST", path+"/undo", body).Status, body)
	}
	require.Len(t, h.sink.ids(), 2, "one request a step")
}

func TestWhatIsHeldIsShown(t *testing.T) {
	a := newHouse(t).ask(t, "GET", path+"/held", "")
	require.Equal(t, http.StatusOK, a.Status)
	require.Equal(t, digest(t), a.Body["digest"])
	require.Equal(t, "rollback_deployment", a.Body["proposal"].(map[string]any)["action"])
}

func TestEverythingIsPausedAndResumed(t *testing.T) {
	h := newHouse(t)
	require.Equal(t, false, h.ask(t, "GET", "/api/v1/pause", "").Body["paused"])
	require.Equal(t, 200, h.ask(t, "POST", "/api/v1/pause", `{"reason":"migration"}`).Status)
	shown := h.ask(t, "GET", "/api/v1/pause", "")
	require.Equal(t, []any{true, "alice", "migration"}, []any{shown.Body["paused"], shown.Body["by"], shown.Body["reason"]})
	require.Equal(t, false, h.ask(t, "POST", "/api/v1/resume", "").Body["paused"])
	require.Equal(t, false, h.ask(t, "GET", "/api/v1/pause", "").Body["paused"])
	h.door.guard = guard{name: "eve", allow: func(_ Person, a Access) error {
		require.Empty(t, a.Namespace, "a pause is for the whole cluster")
		return errForbidden
	}}
	require.Equal(t, 403, h.ask(t, "POST", "/api/v1/pause", "").Status)
	require.Equal(t, 403, h.ask(t, "POST", "/api/v1/resume", "").Status)
}

func TestOtherMethodsAndPaths(t *testing.T) {
	h := newHouse(t)
	a := h.ask(t, "GET", path+"/approve", "")
	require.Equal(t, [2]any{405, "POST"}, [2]any{a.Status, a.Header.Get("Allow")})
	require.Equal(t, 404, h.ask(t, "POST", "/api/v1/elsewhere", "").Status)
	require.Equal(t, 415, h.ask(t, "POST", path+"/approve", "proposal=x", "Content-Type", "text/plain").Status)
	require.Equal(t, 400, h.ask(t, "POST", "/api/v1/remediations/%7Bx%7D/approve", "").Status)
}

func TestTheNamespaceOfTheActionsTargetIsAsked(t *testing.T) {
	h := newHouse(t)
	var asked Access
	h.door.guard = guard{name: "alice", allow: func(_ Person, a Access) error { asked = a; return nil }}
	h.ask(t, "POST", path+"/approve", "")
	require.Equal(t, Access{Verb: verbApprove, Namespace: "shop", Remediation: eventtest.RemediationID}, asked)
}
