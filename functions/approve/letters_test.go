package function

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/redrive"
	"kubernaut.ai/shared/stage"
)

const letterPath = "/api/v1/deadletters"

// bury keeps a sample as a dead letter; Redis' clock moves on behind it.
func (h *house) bury(t testing.TB, id, eventType, destination string) {
	t.Helper()
	body, err := stage.Encode(eventtest.Sample(eventType))
	require.NoError(t, err)
	_, err = h.ledger.PutDeadLetter(t.Context(), ledger.DeadLetter{ID: id, Event: body, Reason: destination + " answered 422", Code: 422,
		Destination: destination + " http://" + destination + ".x.svc", Remediation: eventtest.RemediationID})
	require.NoError(t, err)
	h.server.Advance(time.Second)
}

func (h *house) buried(t testing.TB) (ids []string) {
	t.Helper()
	letters, err := h.ledger.DeadLetters(t.Context(), ledger.MaxDeadLetters)
	require.NoError(t, err)
	for _, l := range letters {
		ids = append(ids, l.ID)
	}
	return ids
}

func (h *house) posted() (types []string) {
	for _, e := range h.sink.published {
		types = append(types, event.ShortType(e.Type()))
	}
	return types
}

func newGraveyard(t testing.TB) *house {
	h := newHouse(t)
	h.bury(t, "old", event.SignalReceived, "record")
	h.bury(t, "new", event.RemediationApproved, "execute")
	return h
}

func TestAnOperatorSeesWhatWasNotDelivered(t *testing.T) {
	h := newGraveyard(t)
	_, err := h.ledger.PutDeadLetter(t.Context(), ledger.DeadLetter{ID: "torn", Event: []byte("{"), Reason: "record answered 400", Destination: "record"})
	require.NoError(t, err)
	a := h.ask(t, "GET", letterPath, "")
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	letters := a.Body["letters"].([]any)
	require.Len(t, letters, 3)
	require.Equal(t, true, letters[0].(map[string]any)["unreadable"])
	delete(letters[1].(map[string]any), "at")
	require.Equal(t, map[string]any{"id": "new", "type": "remediation.approved", "remediation": eventtest.RemediationID,
		"destination": "execute http://execute.x.svc", "reason": "execute answered 422", "code": 422.0}, letters[1])
	require.Empty(t, h.sink.published)
}

func TestRedrivingPostsWhatWasAskedForAndForgetsIt(t *testing.T) {
	for _, test := range []struct {
		name, query string
		posted      []string
		kept        []string
	}{
		{"everything, the oldest first", "", []string{"signal.received", "remediation.approved"}, nil},
		{"of a stage", "?destination=execute", []string{"remediation.approved"}, []string{"old"}},
		{"of a type by its short name", "?type=signal.received", []string{"signal.received"}, []string{"new"}},
		{"of a type by its whole name", "?type=" + event.SignalReceived, []string{"signal.received"}, []string{"new"}},
		{"of a remediation", "?remediation=" + eventtest.RemediationID, []string{"signal.received", "remediation.approved"}, nil},
		{"of one that has none", "?remediation=other-1", nil, []string{"new", "old"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newGraveyard(t)
			a := h.ask(t, "POST", letterPath+"/redrive"+test.query, `{"comment":"record was down"}`)
			require.Equal(t, http.StatusOK, a.Status, a.Body)
			require.EqualValues(t, len(test.posted), a.Body["accepted"])
			require.EqualValues(t, len(test.kept), a.Body["kept"])
			require.Equal(t, "alice", a.Body["by"])
			require.NotEmpty(t, a.Body["next"])
			require.Equal(t, test.posted, h.posted())
			require.Equal(t, test.kept, h.buried(t))
			for _, e := range h.sink.published {
				require.NoError(t, eventtest.Keyring().Verify(e), "verbatim: the seal is still good")
			}
		})
	}
}

func TestRedrivingKeepsWhatTheBrokerDoesNotTake(t *testing.T) {
	h := newGraveyard(t)
	h.sink.fail = errors.New("broker is down")
	a := h.ask(t, "POST", letterPath+"/redrive", "")
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	require.EqualValues(t, 2, a.Body["failed"])
	require.Contains(t, a.Body["why"], "broker is down")
	require.Contains(t, a.Body["next"], "ask again")
	require.Equal(t, []string{"new", "old"}, h.buried(t))
}

func TestRedrivingLeavesWhatIsTooOldAndSaysWhy(t *testing.T) {
	h := newGraveyard(t)
	h.bury(t, "end", event.RemediationClosed, "record")
	h.door.desk.now = func() time.Time { return now.Add(ledger.MaxEventAge) }
	a := h.ask(t, "POST", letterPath+"/redrive", "")
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	require.Equal(t, []float64{1, 2, 2}, []float64{a.Body["accepted"].(float64), a.Body["kept"].(float64), a.Body["tooOld"].(float64)}, a.Body)
	require.Contains(t, a.Body["next"], redrive.ReasonTooOld)
	require.Equal(t, []string{"remediation.closed"}, h.posted(), "what only history takes is never too old")
	require.Equal(t, []string{"new", "old"}, h.buried(t))

	a = h.ask(t, "POST", letterPath+"/redrive", "")
	require.NotContains(t, a.Body["next"], "nothing to redrive", "there is, and it is said why it stays")
}

func TestOneRequestRedrivesABoundedNumber(t *testing.T) {
	h := newHouse(t)
	for i := range redriveMost + 1 {
		h.bury(t, fmt.Sprint("letter-", i), event.SignalReceived, "record")
	}
	require.Equal(t, true, h.ask(t, "GET", letterPath, "").Body["more"])
	a := h.ask(t, "POST", letterPath+"/redrive", "")
	require.EqualValues(t, redriveMost, a.Body["accepted"])
	require.EqualValues(t, 1, a.Body["left"])
	require.Equal(t, []string{fmt.Sprint("letter-", redriveMost)}, h.buried(t), "the newest is left")
}

func TestDeadLettersAreForThoseWhoMayInTheWholeCluster(t *testing.T) {
	only := func(verb string) guard {
		return guard{name: "eve", allow: func(_ Person, a Access) error {
			if a == (Access{Verb: verb}) {
				return nil
			}
			return errForbidden
		}}
	}
	for _, test := range []struct {
		name, method, path string
		guard              guard
		status             int
		reason             string
	}{
		{"who may list may look", "GET", letterPath, only(verbList), 200, ""},
		{"who may only redrive may not look", "GET", letterPath, only(verbRedrive), 403, reasonForbidden},
		{"who may redrive may", "POST", letterPath + "/redrive", only(verbRedrive), 200, ""},
		{"who may pause may not redrive", "POST", letterPath + "/redrive", only(verbPause), 403, reasonForbidden},
		{"nobody is known", "POST", letterPath + "/redrive", guard{}, 401, reasonUnauthenticated},
		{"whether they may cannot be found out", "POST", letterPath + "/redrive",
			guard{name: "eve", allow: func(Person, Access) error { return errors.New("API server is down") }}, 503, reasonUnavailable},
		{"a filter that is not known", "POST", letterPath + "/redrive?stage=record", only(verbRedrive), 400, reasonBadRequest},
		{"a filter without a value", "POST", letterPath + "/redrive?type=", only(verbRedrive), 400, reasonBadRequest},
		{"a type that is in no catalogue", "POST", letterPath + "/redrive?type=signal.recieved", only(verbRedrive), 400, reasonBadRequest},
		{"a destination without a value", "POST", letterPath + "/redrive?destination=", only(verbRedrive), 400, reasonBadRequest},
		{"a remediation without a value", "POST", letterPath + "/redrive?remediation=", only(verbRedrive), 400, reasonBadRequest},
		{"a filter that is given twice", "POST", letterPath + "/redrive?type=a&type=b", only(verbRedrive), 400, reasonBadRequest},
		{"a list takes no filter", "GET", letterPath + "?type=a", only(verbList), 400, reasonBadRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newGraveyard(t)
			h.door.guard = test.guard
			a := h.ask(t, test.method, test.path, "")
			require.Equal(t, test.status, a.Status, a.Body)
			require.Equal(t, test.reason, a.reason())
			if test.status != http.StatusOK {
				require.Empty(t, h.sink.published)
				require.Len(t, h.buried(t), 2)
			}
		})
	}
}

func TestLettersThatCannotBeReadAreNoEmptyList(t *testing.T) {
	h := newGraveyard(t)
	h.server.Close()
	for method, path := range map[string]string{"GET": letterPath, "POST": letterPath + "/redrive"} {
		a := h.ask(t, method, path, "")
		require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Body)
		require.Equal(t, reasonUnavailable, a.reason())
	}
}
