package broker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/logging"
)

const (
	testTimeout = 20 * time.Second
	testType    = "ai.kubernaut.signal.received.v1"
	brokerYAML  = `
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: kubernaut
  namespace: kubernaut-system
  annotations: {eventing.knative.dev/broker.class: MTChannelBasedBroker}
`
)

// triggerYAML is a Trigger for a stage; filters and delivery are flow-style YAML, delivery may be empty.
func triggerYAML(stage, filters, delivery string) string {
	out := fmt.Sprintf(`
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: %[1]s-trigger, namespace: kubernaut-system}
spec:
  broker: kubernaut
  filters: %[2]s
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: %[1]s}}
`, stage, filters)
	if delivery != "" {
		out += "  delivery: " + delivery + "\n"
	}
	return out
}

const (
	takesReceived = "[{exact: {type: " + testType + "}}]"
	sinkRef       = "deadLetterSink: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: deadletter}}"
)

// received is a request that a subscriber got.
type received struct {
	header http.Header
	body   []byte
}

// subscriber is a stage; its answer may be changed per test.
type subscriber struct {
	mu     sync.Mutex
	got    []received
	answer func(n int, w http.ResponseWriter, r received) // n counts from 1
}

func (s *subscriber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	rec := received{header: r.Header.Clone(), body: body}
	s.mu.Lock()
	s.got = append(s.got, rec)
	n, answer := len(s.got), s.answer
	s.mu.Unlock()
	if answer != nil {
		answer(n, w, rec)
	}
}

func (s *subscriber) all() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.got...)
}

// statuses answers with each status in turn, then with 200.
func statuses(codes ...int) func(int, http.ResponseWriter, received) {
	return func(n int, w http.ResponseWriter, _ received) {
		if n <= len(codes) {
			w.WriteHeader(codes[n-1])
		}
	}
}

// replies answers with an event of the given type, caused by the one received.
func replies(typ string) func(int, http.ResponseWriter, received) {
	return func(_ int, w http.ResponseWriter, r received) {
		w.Header().Set("Ce-Specversion", "1.0")
		w.Header().Set("Ce-Id", r.header.Get("Ce-Id")+"+")
		w.Header().Set("Ce-Source", "/namespaces/kubernaut-system/functions/test")
		w.Header().Set("Ce-Type", typ)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"reply" : true}`))
	}
}

// clock fires every wait at once and remembers how long it was.
type clock struct {
	mu    sync.Mutex
	waits []time.Duration
}

func (c *clock) after(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	c.waits = append(c.waits, d)
	c.mu.Unlock()
	go f()
	return func() bool { return false }
}

func (c *clock) all() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.waits...)
}

// journal collects observations.
type journal struct {
	mu                                      sync.Mutex
	delivered, retried, deadLettered, drops []Observation
}

func (j *journal) observer() Observer {
	into := func(list *[]Observation) func(Observation) {
		return func(o Observation) {
			j.mu.Lock()
			defer j.mu.Unlock()
			*list = append(*list, o)
		}
	}
	return Observer{Delivered: into(&j.delivered), Retried: into(&j.retried), DeadLettered: into(&j.deadLettered), Dropped: into(&j.drops)}
}

// reasons lists why things were dropped.
func (j *journal) reasons() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []string
	for _, o := range j.drops {
		out = append(out, o.Reason)
	}
	return out
}

// bed is a Broker with its stages.
type bed struct {
	*Broker
	t       testing.TB
	url     string
	stages  map[string]*subscriber
	clock   *clock
	journal *journal
}

// newBed starts a Broker on the given manifests; stages answer 200 with nothing until told otherwise.
func newBed(t testing.TB, manifests string, change func(*Options), stages ...string) *bed {
	t.Helper()
	b := &bed{t: t, stages: map[string]*subscriber{}, clock: &clock{}, journal: &journal{}}
	urls := map[string]string{}
	for _, name := range append(stages, "deadletter") {
		b.stages[name] = &subscriber{}
		server := httptest.NewServer(b.stages[name])
		t.Cleanup(server.Close)
		urls[name] = server.URL
	}
	opts := Options{
		Manifests: []string{writeManifest(t, manifests)},
		Resolve: func(ref duckv1.KReference) (string, bool) {
			url, ok := urls[ref.Name]
			return url, ok && ref.Namespace == "kubernaut-system"
		},
		After: b.clock.after, Observer: b.journal.observer(),
	}
	if change != nil {
		change(&opts)
	}
	var err error
	b.Broker, err = New(logging.WithLogger(context.Background(), zap.NewNop().Sugar()), opts)
	require.NoError(t, err)
	server := httptest.NewServer(b)
	b.url = server.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = b.Stop(ctx)
		server.Close()
	})
	return b
}

// writeManifest joins documents into one file of a fresh folder.
func writeManifest(t testing.TB, docs ...string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.yaml"), []byte(strings.Join(docs, "\n---\n")), 0o600))
	return dir
}

func docs(d ...string) string { return strings.Join(d, "\n---\n") }

// post sends a binary event and returns status and body.
func (b *bed) post(header map[string]string, body string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, b.url+"/kubernaut-system/kubernaut", bytes.NewReader([]byte(body)))
	require.NoError(b.t, err)
	for name, value := range map[string]string{
		"Ce-Specversion": "1.0", "Ce-Id": "id-1", "Ce-Source": "/test", "Ce-Type": testType, "Content-Type": "application/json",
	} {
		req.Header.Set(name, value)
	}
	for name, value := range header {
		req.Header.Del(name)
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return resp.StatusCode, strings.TrimSpace(string(answer))
}

// send posts an event that must be accepted.
func (b *bed) send(header map[string]string, body string) {
	b.t.Helper()
	code, reason := b.post(header, body)
	require.Equal(b.t, http.StatusAccepted, code, reason)
}

// settle waits until nothing is left to deliver.
func (b *bed) settle() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	require.NoError(b.t, b.Idle(ctx))
}

// types lists the types of what was delivered.
func (j *journal) types() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []string
	for _, o := range j.delivered {
		out = append(out, o.EventType)
	}
	return out
}

// waiting is how many deliveries a Trigger or PingSource holds.
func (b *bed) waiting(name string) int64 {
	for _, s := range b.subscriptions() {
		if s.name == "kubernaut-system/"+name {
			return s.load.Load()
		}
	}
	return -1
}
