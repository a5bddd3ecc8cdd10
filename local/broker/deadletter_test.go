package broker

import (
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gauge remembers how many were inside at once.
type gauge struct {
	mu       sync.Mutex
	now, top int
}

func (g *gauge) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now++
	g.top = max(g.top, g.now)
}

func (g *gauge) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now--
}

func (g *gauge) highest() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.top
}

func TestADeadLetterSaysWhereAndWhyItFailed(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient)), nil, "enrich")
	answer := strings.Repeat("bad input ", 200)
	b.stages["enrich"].answer = func(_ int, w http.ResponseWriter, _ received) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte(answer))
	}
	b.send(map[string]string{"Ce-Correlationid": "rem-1"}, `{ "x": 1 }`)
	b.settle()
	sent, dead := b.stages["enrich"].all()[0], b.stages["deadletter"].all()[0]
	require.Equal(t, `{ "x": 1 }`, string(dead.body))
	require.Equal(t, "rem-1", dead.header.Get("Ce-Correlationid"))
	require.Equal(t, sent.header.Get("Ce-Id"), dead.header.Get("Ce-Id"))
	require.Equal(t, "422", dead.header.Get("Ce-Knativeerrorcode"))
	require.True(t, strings.HasPrefix(dead.header.Get("Ce-Knativeerrordest"), "http://127.0.0.1:"))
	require.Equal(t, base64.StdEncoding.EncodeToString([]byte(answer))[:1024], dead.header.Get("Ce-Knativeerrordata"))
	require.Equal(t, "255", dead.header.Get("Ce-Knativebrokerttl"))
	require.Empty(t, dead.header.Get("Prefer"))
}

func TestWhoGetsTheDeadLetters(t *testing.T) {
	withSink := brokerYAML + "spec: {delivery: {retry: 2, " + sinkRef + "}}"
	tests := []struct {
		name, broker, delivery string
		attempts, dead         int
		reasons                []string
	}{
		{"the Trigger's own sink", brokerYAML, "{" + sinkRef + "}", 1, 1, nil},
		{"the Broker's, with its retries, for a Trigger without a delivery", withSink, "", 3, 1, nil},
		{"the Broker's without its retries for a Trigger with a delivery but no sink", withSink, "{retry: 1}", 2, 1, nil},
		{"nobody", brokerYAML, "{retry: 1}", 2, 0, []string{ReasonNoDeadLetterSink}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, docs(tt.broker, triggerYAML("enrich", takesReceived, tt.delivery)), nil, "enrich")
			b.stages["enrich"].answer = func(_ int, w http.ResponseWriter, _ received) { w.WriteHeader(500) }
			b.send(nil, "{}")
			b.settle()
			require.Len(t, b.stages["enrich"].all(), tt.attempts)
			require.Len(t, b.stages["deadletter"].all(), tt.dead)
			require.Equal(t, tt.reasons, b.journal.reasons())
		})
	}
}

func TestTheDeadLetterSinkIsRetriedByTheSamePolicy(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient)), nil, "enrich")
	b.stages["enrich"].answer = func(_ int, w http.ResponseWriter, _ received) { w.WriteHeader(500) }
	b.stages["deadletter"].answer = statuses(503, 503, 503)
	b.send(nil, "{}")
	b.settle()
	dead := b.stages["deadletter"].all()
	require.Len(t, b.stages["enrich"].all(), 4)
	require.Len(t, dead, 4, "with retries of its own, not what the subscriber left over")
	require.Equal(t, "500", dead[3].header.Get("Ce-Knativeerrorcode"), "the subscriber's failure, not the sink's own")
	require.Len(t, b.journal.deadLettered, 1)
}

func TestADeadLetterThatTheSinkRefusesIsLostByName(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient)), nil, "enrich")
	b.stages["enrich"].answer = func(_ int, w http.ResponseWriter, _ received) { w.WriteHeader(422) }
	b.stages["deadletter"].answer = func(_ int, w http.ResponseWriter, _ received) { w.WriteHeader(400) }
	b.send(nil, "{}")
	b.settle()
	require.Len(t, b.stages["deadletter"].all(), 1)
	require.Equal(t, []string{ReasonDeadLetterFailed}, b.journal.reasons())
}

func TestAReplyOfTheDeadLetterSinkGoesNowhere(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient)), nil, "enrich")
	b.stages["enrich"].answer = func(_ int, w http.ResponseWriter, _ received) { w.WriteHeader(422) }
	b.stages["deadletter"].answer = replies(testType)
	b.send(nil, "{}")
	b.settle()
	require.Len(t, b.stages["enrich"].all(), 1)
	require.Equal(t, []string{ReasonReplyNotRouted}, b.journal.reasons())
}

func TestOneTriggersFailureIsNotAnothers(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient), triggerYAML("record", "[{prefix: {type: ai.kubernaut.}}]", patient)),
		nil, "enrich", "record")
	b.stages["enrich"].answer = func(_ int, w http.ResponseWriter, _ received) { w.WriteHeader(500) }
	b.send(nil, "{}")
	b.settle()
	require.Len(t, b.stages["enrich"].all(), 4)
	require.Len(t, b.stages["record"].all(), 1)
	require.Len(t, b.stages["deadletter"].all(), 1)
}
