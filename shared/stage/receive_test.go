package stage_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/stage"
)

func serve(t *testing.T, settings map[string]string) *httptest.Server {
	t.Helper()
	f := started(t, stage.New(event.StageEnrich, routeOf(event.SignalReceived, enriching)), settings)
	s := httptest.NewServer(http.HandlerFunc(f.Handle))
	t.Cleanup(s.Close)
	return s
}

// post sends the sample in the binary or the structured mode.
func sampleRequest(t *testing.T, url string, structured bool) *http.Request {
	t.Helper()
	e := eventtest.Sample(event.SignalReceived)
	ctx := t.Context()
	if structured {
		ctx = binding.WithForceStructured(ctx)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	require.NoError(t, err)
	require.NoError(t, cehttp.WriteRequest(ctx, binding.ToMessage(&e), r))
	return r
}

func TestAnEventIsAnsweredInBothModes(t *testing.T) {
	s := serve(t, settings(event.StageEnrich))
	for _, structured := range []bool{false, true} {
		t.Run(fmt.Sprintf("structured: %v", structured), func(t *testing.T) {
			resp, err := http.DefaultClient.Do(sampleRequest(t, s.URL, structured))
			require.NoError(t, err)
			defer resp.Body.Close()
			require.Equal(t, http.StatusOK, resp.StatusCode)
			reply, err := cehttp.NewEventFromHTTPResponse(resp)
			require.NoError(t, err)
			require.Equal(t, event.SignalEnriched, reply.Type())
			ring, err := event.ParseKeyring(eventtest.PublicKeys())
			require.NoError(t, err)
			require.NoError(t, ring.Verify(*reply))
		})
	}
}

func TestWhatIsNoEventIsRefusedForAReason(t *testing.T) {
	s := serve(t, settings(event.StageEnrich))
	binary := map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "a", "Ce-Type": event.SignalReceived, "Ce-Source": "/a", "Content-Type": "application/json"}
	without := func(name string) map[string]string {
		out := map[string]string{}
		for k, v := range binary {
			if k != name {
				out[k] = v
			}
		}
		return out
	}
	for _, c := range []struct {
		name, method, body string
		headers            map[string]string
		status             int
		reason             string
	}{
		{"a GET", http.MethodGet, "", nil, 405, ""},
		{"plain JSON", http.MethodPost, `{"a":1}`, map[string]string{"Content-Type": "application/json"}, 415, stage.ReasonNotAnEvent},
		{"no id", http.MethodPost, `{}`, without("Ce-Id"), 400, stage.ReasonMalformed},
		{"a structured event that is cut off", http.MethodPost, `{"specversion":"1.0","id":`, map[string]string{"Content-Type": "application/cloudevents+json"}, 400, stage.ReasonMalformed},
		{"a batch", http.MethodPost, `[]`, map[string]string{"Content-Type": "application/cloudevents-batch+json"}, 400, stage.ReasonMalformed},
		{"a body beyond the bound", http.MethodPost, `{"a":"` + strings.Repeat("x", 5*event.MaxEventSize) + `"}`, binary, 413, stage.ReasonTooLarge},
		{"an event without a seal", http.MethodPost, `{}`, without(""), 422, stage.ReasonWrongProducer},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), c.method, s.URL, strings.NewReader(c.body))
			require.NoError(t, err)
			for k, v := range c.headers {
				r.Header.Set(k, v)
			}
			resp, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			defer resp.Body.Close()
			require.Equal(t, c.status, resp.StatusCode)
			var body struct{ Reason string }
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&body))
			require.Equal(t, c.reason, body.Reason)
		})
	}
}

// TestARequestThatBreaksOffIsNotCalledMalformed has a sender go away within the
// body: the event may be fine, and whoever is between wants to try again.
func TestARequestThatBreaksOffIsNotCalledMalformed(t *testing.T) {
	s := serve(t, settings(event.StageEnrich))
	connection, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer connection.Close()
	_, err = fmt.Fprint(connection, "POST / HTTP/1.1\r\nHost: enrich\r\nContent-Type: application/cloudevents+json\r\nContent-Length: 1000\r\n\r\n{\"specversion\":")
	require.NoError(t, err)
	require.NoError(t, connection.(*net.TCPConn).CloseWrite())
	resp, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	var body struct{ Reason string }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&body))
	require.Equal(t, stage.ReasonCutShort, body.Reason)
}

// TestSendersThatHangUpHoldNobodyElseUp is why stages do not use func-go's
// CloudEvents receiver: after this, it answers nobody any more.
func TestSendersThatHangUpHoldNobodyElseUp(t *testing.T) {
	s := serve(t, settings(event.StageEnrich))
	var raw bytes.Buffer
	require.NoError(t, sampleRequest(t, s.URL, false).Write(&raw))
	for range 500 {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		require.NoError(t, err)
		_, err = c.Write(raw.Bytes())
		require.NoError(t, err)
		require.NoError(t, c.(*net.TCPConn).SetLinger(0), "the connection is reset, not closed")
		require.NoError(t, c.Close())
	}
	for range 20 {
		resp, err := http.DefaultClient.Do(sampleRequest(t, s.URL, false))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, event.SignalEnriched, resp.Header.Get("Ce-Type"))
	}
}

// TestAStageIsWokenByWhatItNeverReads posts an event that is none of the stage's
// to be, and a body that is none at all.
func TestAStageIsWokenByWhatItNeverReads(t *testing.T) {
	f := stage.New(event.StageEnrich, routeOf(event.SignalReceived, func(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
		t.Error("the stage was given work")
		return stage.Reply{}, nil
	}))
	broken := httptest.NewRequest(http.MethodPost, stage.WakePath, strings.NewReader("{"))
	for _, r := range []*http.Request{sampleRequest(t, "http://enrich"+stage.WakePath, false), broken} {
		w := httptest.NewRecorder()
		f.Handle(w, r)
		require.Equal(t, http.StatusAccepted, w.Code, "it has not even started")
		require.Zero(t, w.Body.Len(), "a body would be a reply that is no event")
	}
}

func TestAFunctionThatHasNotStartedAsksForALaterTry(t *testing.T) {
	f := stage.New(event.StageEnrich, routeOf(event.SignalReceived, enriching))
	w := httptest.NewRecorder()
	r := sampleRequest(t, "http://enrich/", false)
	f.Handle(w, r)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Contains(t, w.Body.String(), stage.ReasonStarting)
}
