package function

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"knative.dev/pkg/logging"

	"kubernaut.ai/functions/gateway/caller"
	"kubernaut.ai/shared/stage"
)

// planted is a secret that may be in no answer and no log line.
const planted = "s3cr3t-material"

// unread fails the test when somebody reads a body that they should not.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read before the caller was known")
	return 0, io.EOF
}

// guarded is a handler that knows callers by token and signature.
func guarded(t testing.TB, w *world, l limits) *handler {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{caller.FileTokens, caller.FileHMAC} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(planted), 0o600))
	}
	g := w.gateway(t)
	return newHandler(g, gateFor(t, caller.Options{Kinds: []string{caller.KindToken, caller.KindHMAC}, Dir: dir,
		Inbox: w.redis.Ledger(t), Now: w.now}, l), sources(t))
}

// ask serves one request and keeps what was logged of it.
func ask(t testing.TB, h *handler, r *http.Request) (*httptest.ResponseRecorder, string) {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	ctx := logging.WithLogger(r.Context(), zap.New(core).Sugar())
	drop := h.gateway.drop
	h.gateway.drop = func(ctx context.Context, reason, detail string) {
		stage.Logger(ctx).Infow("dropped", "reason", reason, "detail", detail)
		drop(ctx, reason, detail)
	}
	defer func() { h.gateway.drop = drop }()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(ctx))
	var said strings.Builder
	for _, entry := range logs.All() {
		fmt.Fprintln(&said, entry.Message, entry.ContextMap())
	}
	return w, said.String()
}

func posted(t testing.TB, in io.Reader, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, prometheusPath, in)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestWhoIsRefusedIsToldWhyAndNothingIsReadOfThem(t *testing.T) {
	for name, test := range map[string]struct {
		headers   []string
		reason    string
		challenge string
	}{
		"no credential":      {nil, caller.ReasonNoCredential, `Bearer realm="kubernaut"`},
		"a wrong token":      {[]string{"Authorization", "Bearer x" + planted}, caller.ReasonWrongCredential, `Bearer realm="kubernaut"`},
		"a broken signature": {[]string{caller.SignatureHeader, "sha256=" + planted}, caller.ReasonMalformedCredential, `Bearer realm="kubernaut"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got, said := ask(t, guarded(t, w, defaultLimits()), posted(t, unread{t}, test.headers...))
			require.Equal(t, 401, got.Code)
			require.Equal(t, test.challenge, got.Header().Get("WWW-Authenticate"))
			require.Equal(t, "application/problem+json", got.Header().Get("Content-Type"))
			require.Contains(t, got.Body.String(), `"type":"https://kubernaut.ai/problems/unauthorized"`)
			require.Contains(t, got.Body.String(), `"reason":"`+test.reason+`"`)
			require.Equal(t, []string{test.reason}, w.dropped, "each refusal is counted")
			require.Contains(t, said, test.reason, "and logged")
			require.NotContains(t, said+got.Body.String()+fmt.Sprint(got.Header()), planted)
		})
	}
}

func TestAKnownCallersSecretIsInNoEventAndNoLogLine(t *testing.T) {
	w := newWorld(t)
	h := guarded(t, w, defaultLimits())
	got, said := ask(t, h, posted(t, strings.NewReader(body(firing("cart-1"))), "Authorization", "Bearer "+planted))
	require.Equal(t, 201, got.Code, got.Body)
	require.NotContains(t, said+got.Body.String()+fmt.Sprintf("%+v", w.broker.sent), planted)
}

func signed(t testing.TB, text string) *http.Request {
	mac := hmac.New(sha256.New, []byte(planted))
	mac.Write([]byte(text))
	return posted(t, strings.NewReader(text), caller.SignatureHeader, "sha256="+hex.EncodeToString(mac.Sum(nil)))
}

// TestASignedBodyThatFailedIsTakenWhenItComesAgain breaks the Broker: the 503
// must not make the sender's own repetition a replay.
func TestASignedBodyThatFailedIsTakenWhenItComesAgain(t *testing.T) {
	w := newWorld(t)
	h := guarded(t, w, defaultLimits())
	text := strings.Replace(body(firing("cart-1")), `{`, fmt.Sprintf(`{"timestamp":%q,`, w.now().Format(time.RFC3339)), 1)
	w.breakAt("publish signal.received", false)
	got, _ := ask(t, h, signed(t, text))
	require.Equal(t, 503, got.Code)
	w.elapse(publishLease + time.Second)
	got, _ = ask(t, h, signed(t, text))
	require.Equal(t, 201, got.Code, got.Body)
	got, _ = ask(t, h, signed(t, text))
	require.Equal(t, 403, got.Code, "now it is a replay")
	require.Contains(t, got.Body.String(), caller.ReasonReplayed)
	require.Len(t, h.gate.slots, 0)
	require.Equal(t, int64(MaxHeld/unprovenShare), h.gate.unproven.free.Load(), "nothing is held any more")
	require.Equal(t, int64(MaxHeld-MaxHeld/unprovenShare), h.gate.held.free.Load())
}

func TestLimitsThatAreSetLower(t *testing.T) {
	l := defaultLimits()
	l.alerts, l.labels = 2, 4
	h := guarded(t, newWorld(t), l)
	got, _ := ask(t, h, posted(t, strings.NewReader(body(firing("a"), firing("b"), firing("c"))), "Authorization", "Bearer "+planted))
	require.Equal(t, 413, got.Code)
	require.Contains(t, got.Body.String(), "2 alerts")
	got, _ = ask(t, h, posted(t, strings.NewReader(body(alert("firing", "namespace", "shop", "pod", "a", "x", "y"))), "Authorization", "Bearer "+planted))
	require.Equal(t, 400, got.Code)
	require.Contains(t, got.Body.String(), "too_many_labels")
}

func TestLimitsThatWouldRefuseEverythingAreRefused(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"no bytes":                             {EnvMaxBody: "0"},
		"more alerts than sources read":        {EnvMaxAlerts: "2001"},
		"more labels than sources read":        {EnvMaxLabels: "129"},
		"less memory than a signed body needs": {EnvMaxHeld: "1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openLimits(stage.NewConfig(settings))
			require.ErrorContains(t, err, "GATEWAY_MAX_")
		})
	}
	l, err := openLimits(stage.NewConfig(map[string]string{EnvMaxBody: "1024", EnvReadWithin: "3s"}))
	require.NoError(t, err)
	require.Equal(t, 1024, l.body)
	require.Equal(t, 3*time.Second, l.readWithin)
	require.Equal(t, MaxRequests, l.requests)
}

func TestMemoryForBodiesIsShared(t *testing.T) {
	l := defaultLimits()
	l.body, l.held = 1<<20, 8<<20
	h := guarded(t, newWorld(t), l)
	large := body(firing("cart-1")) + strings.Repeat(" ", 900<<10)
	h.gate.held.take(5 << 20)
	got, _ := ask(t, h, posted(t, strings.NewReader(large), "Authorization", "Bearer "+planted))
	require.Equal(t, 503, got.Code)
	require.Contains(t, got.Body.String(), ReasonFull)
	require.Equal(t, retryAfter, got.Header().Get("Retry-After"))
	require.Equal(t, int64(1<<20), h.gate.held.free.Load(), "what was read of it is given back")
	got, _ = ask(t, h, posted(t, strings.NewReader(body(firing("cart-1"))), "Authorization", "Bearer "+planted))
	require.Equal(t, 201, got.Code, "small ones still fit")
	h.gate.held.give(5 << 20)
	got, _ = ask(t, h, posted(t, strings.NewReader(large), "Authorization", "Bearer "+planted))
	require.Equal(t, 202, got.Code)
}

func TestStrangersOnOpenPathsLeaveRoomToWhoIsProven(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, caller.FileTokens), []byte(planted), 0o600))
	l := defaultLimits()
	l.requests = 4
	w := newWorld(t)
	h := newHandler(w.gateway(t), gateFor(t, caller.Options{Kinds: []string{caller.KindToken}, Dir: dir, OpenPaths: []string{prometheusPath},
		Local: func(context.Context) error { return nil }, Now: w.now}, l), sources(t))
	sent := func(headers ...string) *http.Request {
		r := posted(t, strings.NewReader(body(firing("cart-1"))), headers...)
		r.Host = "gateway.kubernaut-system.svc"
		return r
	}
	answers := func(stranger, proven int, reason string) {
		t.Helper()
		got, _ := ask(t, h, sent())
		require.Equal(t, stranger, got.Code, got.Body)
		require.Contains(t, got.Body.String(), reason)
		got, _ = ask(t, h, sent("Authorization", "Bearer "+planted))
		require.Equal(t, proven, got.Code, got.Body)
	}
	answers(201, 202, "")
	all := int(h.gate.unproven.free.Load())
	require.True(t, h.gate.unproven.take(all))
	answers(503, 202, ReasonFull)
	h.gate.unproven.give(all)
	who, err := h.gate.guard.Head(sent())
	require.NoError(t, err)
	var leaving []func()
	for range 3 {
		leave, p := h.gate.take(who)
		require.Nil(t, p)
		leaving = append(leaving, leave)
	}
	answers(503, 202, ReasonBusy)
	leaving[0]()
	answers(202, 202, "")
	leaving[1]()
	leaving[2]()
	require.Empty(t, h.gate.slots)
	require.Empty(t, h.gate.strangers)
	require.Equal(t, int64(all), h.gate.unproven.free.Load())
}

// TestBodiesOfAllSizesArriveWhole reads in pieces, with and without a length.
func TestBodiesOfAllSizesArriveWhole(t *testing.T) {
	for _, size := range []int{0, 1, firstRead - 1, firstRead, firstRead + 1, 3 * firstRead, MaxBody} {
		for _, length := range []int64{int64(size), -1} {
			text := bytes.Repeat([]byte("x"), size)
			r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(bytes.NewReader(text)))
			r.ContentLength = length
			pool := newBudget(3 * MaxBody)
			got, p := reading{of: pool, most: MaxBody, within: time.Minute, now: time.Now}.body(httptest.NewRecorder(), r)
			require.Nil(t, p, "%d %d", size, length)
			require.Equal(t, len(text), len(got))
			require.True(t, bytes.Equal(text, got))
			pool.give(cap(got))
			require.Equal(t, int64(3*MaxBody), pool.free.Load())
		}
	}
}

func TestABodyShorterThanPromisedIsCutOff(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader("abc")))
	r.ContentLength = 10
	pool := newBudget(MaxBody)
	_, p := reading{of: pool, most: MaxBody, within: time.Minute, now: time.Now}.body(httptest.NewRecorder(), r)
	require.Equal(t, ReasonCutOff, p.Reason)
	require.Equal(t, int64(MaxBody), pool.free.Load())
}

// TestSlowSendersHoldNoWorker has more senders than there are slots promise a
// large body and send a little of it; another is served beside them, and they
// are told to come again when their time is over.
func TestSlowSendersHoldNoWorker(t *testing.T) {
	l := defaultLimits()
	l.requests, l.readWithin = 2, 700*time.Millisecond
	w := newWorld(t)
	h := guarded(t, w, l)
	h.gateway.now = time.Now
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(out, r.WithContext(logging.WithLogger(r.Context(), zap.NewNop().Sugar())))
	}))
	t.Cleanup(server.Close)
	var slow []net.Conn
	for range 20 {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n{\"al", prometheusPath, planted, MaxBody)
		require.NoError(t, err)
		slow = append(slow, c)
	}
	require.Eventually(t, func() bool { return h.gate.held.free.Load() == MaxHeld-MaxHeld/unprovenShare-20*firstRead }, 5*time.Second, time.Millisecond,
		"each holds what it was given to begin with, not what it promised")
	require.Empty(t, h.gate.slots)

	r := posted(t, strings.NewReader(body(firing("cart-1"))), "Authorization", "Bearer "+planted)
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", server.Listener.Addr().String()
	answer, err := server.Client().Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, 201, answer.StatusCode)

	for _, c := range slow {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		said, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Contains(t, string(said), "503 Service Unavailable")
		require.Contains(t, string(said), ReasonTooSlow)
		require.Contains(t, string(said), "Retry-After")
	}
	require.Equal(t, int64(MaxHeld-MaxHeld/unprovenShare), h.gate.held.free.Load())
}
