package function

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
	"kubernaut.ai/shared/stage"
)

// broker is where the stage publishes to.
type broker struct {
	mu     sync.Mutex
	down   bool
	events []cloudevents.Event
}

func (b *broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, err := cehttp.NewEventFromHTTPRequest(r)
	if err != nil || b.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	b.events = append(b.events, *e)
	w.WriteHeader(http.StatusAccepted)
}

func (b *broker) setDown(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

// fakeWitness saw what it is told.
type fakeWitness struct{ look func(Case) Findings }

func (f fakeWitness) Look(_ context.Context, c Case) Findings { return f.look(c) }

// settings of all tests: minutes, so that one look at the clock is enough.
var settings = Settings{Stabilization: 5 * time.Minute, GitOpsExtra: 3 * time.Minute, ProactiveExtra: 5 * time.Minute,
	SettleWindow: time.Minute, Retry: 2 * time.Minute, Grace: 10 * time.Minute, TurnWithin: 10 * time.Minute,
	EndLostAfter: 2 * time.Hour, ItemLease: itemLease, RebuildLease: rebuildLease}

type world struct {
	*testing.T
	redis  ledgertest.Embedded
	ledger *ledger.Ledger
	broker *broker
	sink   string
	found  Findings
	past   past
	now    func() time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, redis: ledgertest.Miniredis(t), broker: &broker{}, now: time.Now,
		found: Findings{Health: health(1), Alerts: Alerts{Known: true, Detail: "resolved"}}}
	w.ledger = w.redis.Ledger(t)
	server := httptest.NewServer(w.broker)
	t.Cleanup(server.Close)
	w.sink = server.URL
	return w
}

// instance starts one more instance of the stage; m, if not nil, may die.
func (w *world) instance(m *mortal) *stage.Function {
	f := stage.New(event.StageAssess, func(_ context.Context, rt *stage.Runtime) (stage.Routes, error) {
		a := &assessor{book: rt.Ledger, herald: rt, verify: rt.Keys.Verify, settings: settings, now: w.now, past: w.past,
			witness: fakeWitness{func(Case) Findings { return w.found }}}
		if m != nil {
			m.book, m.herald = rt.Ledger, rt
			a.book, a.herald = m, m
		}
		return a.routes(), nil
	}, stage.NeedsLedger(), stage.NeedsSink())
	require.NoError(w, f.Start(w.Context(), map[string]string{
		stage.EnvSealPrivate: eventtest.PrivateKey(event.StageAssess), stage.EnvSealPublic: eventtest.PublicKeys(),
		stage.EnvRedis: w.redis.URL(), stage.EnvSink: w.sink, stage.EnvLogLevel: "fatal",
	}))
	w.Cleanup(func() { require.NoError(w, f.Stop(context.Background())) })
	return f
}

func pingEvent() cloudevents.Event {
	e := cloudevents.NewEvent()
	e.SetID("ping")
	e.SetType(event.Ping)
	e.SetSource("/apis/v1/namespaces/kubernaut-system/pingsources/assess")
	return e
}

func (w *world) ping(f *stage.Function) {
	_, err := f.Take(w.Context(), pingEvent())
	require.NoError(w, err)
}

// take hands an event to an instance and returns its reply.
func (w *world) take(f *stage.Function, e cloudevents.Event) *cloudevents.Event {
	w.Helper()
	reply, err := f.Take(w.Context(), e)
	require.NoError(w, err)
	return reply
}

// advance records that the sample remediation came to this event.
func (w *world) advance(e cloudevents.Event, within time.Duration) {
	body, err := stage.Encode(e)
	require.NoError(w, err)
	require.NoError(w, w.ledger.Advance(w.Context(), ledger.Advance{Fingerprint: eventtest.Fingerprint,
		Remediation: eventtest.RemediationID, Phase: event.ShortType(e.Type()), Within: within, Event: body}))
}

func (w *world) claim() ledger.Claim {
	c, err := w.ledger.Get(w.Context(), eventtest.Fingerprint)
	require.NoError(w, err)
	return c
}

// published lists the short types that were published, each id once, and
// checks every seal.
func (w *world) published() []string {
	w.broker.mu.Lock()
	defer w.broker.mu.Unlock()
	var types []string
	seen := map[string]bool{}
	for _, e := range w.broker.events {
		require.NoError(w, eventtest.Keyring().Verify(e))
		if !seen[e.ID()] {
			seen[e.ID()] = true
			types = append(types, event.ShortType(e.Type()))
		}
	}
	return types
}

func (w *world) last() (e cloudevents.Event, data event.RemediationEndedData) {
	w.broker.mu.Lock()
	defer w.broker.mu.Unlock()
	require.NotEmpty(w, w.broker.events)
	e = w.broker.events[len(w.broker.events)-1]
	require.NoError(w, json.Unmarshal(e.Data(), &data))
	return e, data
}

func (w *world) dueCount() int {
	n, err := w.ledger.CountDue(w.Context())
	require.NoError(w, err)
	return n.Total
}

// executed is the sample's executed event with a changed execution.
func executed(t *testing.T, change func(*event.Execution), also ...event.Section) cloudevents.Event {
	t.Helper()
	approved := eventtest.Sample(event.RemediationApproved)
	doc, err := event.ParseDocument(approved.Data())
	require.NoError(t, err)
	x := eventtest.Execution
	if change != nil {
		change(&x)
	}
	e, err := event.New(event.Draft{Type: event.RemediationExecuted, Stage: event.StageExecute, Namespace: eventtest.Namespace,
		Parent: &approved, Document: doc, Now: eventtest.Start, Sections: append(also, event.Section{Name: event.SectionExecution, Value: x})})
	require.NoError(t, err)
	key := eventtest.Key(event.StageExecute)
	require.NoError(t, key.Seal(&e))
	return e
}

var errDied = errors.New("the process died here")

// mortal dies at one of its calls to the outside, before or after the call
// has its effect. Whoever is dead does nothing more.
type mortal struct {
	book
	herald
	mu           sync.Mutex
	steps, dieAt int
	after, dead  bool
}

func (m *mortal) step(do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return errDied
	}
	if m.steps++; m.steps == m.dieAt {
		m.dead = true
		if m.after {
			_ = do()
		}
		return errDied
	}
	return do()
}

func call[T any](m *mortal, do func() (T, error)) (out T, err error) {
	err = m.step(func() (err error) { out, err = do(); return err })
	return out, err
}

func (m *mortal) Get(ctx context.Context, f string) (ledger.Claim, error) {
	return call(m, func() (ledger.Claim, error) { return m.book.Get(ctx, f) })
}
func (m *mortal) Advance(ctx context.Context, a ledger.Advance) error {
	return m.step(func() error { return m.book.Advance(ctx, a) })
}
func (m *mortal) Schedule(ctx context.Context, d ledger.Due, in time.Duration) error {
	return m.step(func() error { return m.book.Schedule(ctx, d, in) })
}
func (m *mortal) ScheduleOnce(ctx context.Context, d ledger.Due, in time.Duration) error {
	return m.step(func() error { return m.book.ScheduleOnce(ctx, d, in) })
}
func (m *mortal) LeaseDue(ctx context.Context, n int, lease time.Duration) ([]ledger.Leased, error) {
	return call(m, func() ([]ledger.Leased, error) { return m.book.LeaseDue(ctx, n, lease) })
}
func (m *mortal) Complete(ctx context.Context, i ledger.Leased) error {
	return m.step(func() error { return m.book.Complete(ctx, i) })
}
func (m *mortal) Postpone(ctx context.Context, i ledger.Leased, in time.Duration) error {
	return m.step(func() error { return m.book.Postpone(ctx, i, in) })
}
func (m *mortal) Verdict(ctx context.Context, id string) ([]byte, error) {
	return call(m, func() ([]byte, error) { return m.book.Verdict(ctx, id) })
}
func (m *mortal) VerdictOnce(ctx context.Context, id string, v []byte, keep time.Duration) (ledger.Record, error) {
	return call(m, func() (ledger.Record, error) { return m.book.VerdictOnce(ctx, id, v, keep) })
}
func (m *mortal) AnswerOnce(ctx context.Context, r ledger.OnceRecord) (ledger.Record, error) {
	return call(m, func() (ledger.Record, error) { return m.book.AnswerOnce(ctx, r) })
}
func (m *mortal) Unhold(ctx context.Context, r string) error {
	return m.step(func() error { return m.book.Unhold(ctx, r) })
}
func (m *mortal) Publish(ctx context.Context, e cloudevents.Event) error {
	return m.step(func() error { return m.herald.Publish(ctx, e) })
}
func (m *mortal) Track(ctx context.Context, e cloudevents.Event, within time.Duration) error {
	return m.step(func() error { return m.herald.Track(ctx, e, within) })
}
