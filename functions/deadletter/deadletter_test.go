package function

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
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

func (b *broker) published() []cloudevents.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]cloudevents.Event(nil), b.events...)
}

func (b *broker) setDown(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

type world struct {
	*testing.T
	stage  *stage.Function
	redis  ledgertest.Embedded
	ledger *ledger.Ledger
	broker *broker
}

const addresses = "record=http://127.0.0.1:4001,execute=http://127.0.0.1:4002"

func newWorld(t *testing.T) *world { return newWorldThatLogs(t, "fatal", "stderr") }

func newWorldThatLogs(t *testing.T, level, output string) *world {
	w := &world{T: t, redis: ledgertest.Miniredis(t), broker: &broker{}, stage: New()}
	w.ledger = w.redis.Ledger(t)
	server := httptest.NewServer(w.broker)
	t.Cleanup(server.Close)
	require.NoError(t, w.stage.Start(t.Context(), map[string]string{
		stage.EnvSealPrivate: eventtest.PrivateKey(event.StageDeadletter), stage.EnvSealPublic: eventtest.PublicKeys(),
		stage.EnvRedis: w.redis.URL(), stage.EnvSink: server.URL, stage.EnvLogLevel: level, stage.EnvLogOutput: output, stage.EnvStages: addresses,
	}))
	t.Cleanup(func() { require.NoError(t, w.stage.Stop(context.Background())) })
	return w
}

// waiting makes the claim wait for what follows the event.
func (w *world) waiting(eventType string) {
	body, err := stage.Encode(eventtest.Sample(eventType))
	require.NoError(w, err)
	require.NoError(w, w.ledger.Advance(w.Context(), ledger.Advance{Fingerprint: eventtest.Fingerprint,
		Remediation: eventtest.RemediationID, Phase: event.ShortType(eventType), Within: time.Minute, Event: body}))
}

const executeAddress = "http://execute.kubernaut-system.svc.cluster.local"

// dead is the sample event as the Broker gives it up.
func dead(eventType, destination string) cloudevents.Event {
	e := eventtest.Sample(eventType)
	e.SetExtension(extDest, destination)
	e.SetExtension(extCode, "422")
	e.SetExtension(extData, base64.StdEncoding.EncodeToString([]byte(`{"reason":"malformed","message":"no such field"}`)))
	return e
}

// deadUndo is an event of an undo as the Broker gives it up.
func deadUndo(t *testing.T, eventType, outcome string) cloudevents.Event {
	t.Helper()
	parent := eventtest.Sample(event.UndoRequested)
	doc, err := event.ParseDocument(parent.Data())
	require.NoError(t, err)
	decision, execution := eventtest.Decision(event.DecisionApproved), eventtest.Execution
	decision.Undo, execution.Outcome = true, outcome
	entry, _ := event.Lookup(eventType)
	e, err := event.New(event.Draft{Type: eventType, Stage: entry.Producers[0], Namespace: eventtest.Namespace, Parent: &parent, Document: doc, Now: parent.Time(),
		Sections: []event.Section{{Name: event.SectionDecision, Value: decision}, {Name: event.SectionExecution, Value: execution}}})
	require.NoError(t, err)
	require.NoError(t, eventtest.Key(entry.Producers[0]).Seal(&e))
	e.SetExtension(extDest, executeAddress)
	return e
}

func (w *world) letters() []ledger.DeadLetter {
	list, err := w.ledger.DeadLetters(w.Context(), 100)
	require.NoError(w, err)
	return list
}

func (w *world) claim() ledger.Claim {
	c, err := w.ledger.Get(w.Context(), eventtest.Fingerprint)
	require.NoError(w, err)
	return c
}

func TestALostEventOfALiveRemediationEndsIt(t *testing.T) {
	w := newWorld(t)
	w.waiting(event.RemediationApproved)
	for range 3 {
		_, err := w.stage.Take(t.Context(), dead(event.RemediationApproved, executeAddress))
		require.NoError(t, err)
	}
	published := w.broker.published()
	require.Len(t, published, 1, "once, however often the letter comes")
	failed := published[0]
	require.NoError(t, eventtest.Keyring().Verify(failed))
	require.Equal(t, event.RemediationFailed, failed.Type())
	require.Equal(t, eventtest.RemediationID, event.Extension(failed, event.ExtCorrelation))
	var data event.RemediationEndedData
	require.NoError(t, json.Unmarshal(failed.Data(), &data))
	require.Equal(t, "dead_lettered", data.End.Reason)
	require.Equal(t, event.OutcomeFailed, data.End.Outcome)
	require.Equal(t, "remediation.approved could not be delivered: execute answered 422: malformed: no such field", data.End.Detail)
	require.NotNil(t, data.Decision, "the document stays whole")
	require.Equal(t, ledger.Settled, w.claim().State)

	letters := w.letters()
	require.Len(t, letters, 1)
	require.Equal(t, "execute "+executeAddress, letters[0].Destination)
	kept, err := stage.Decode(letters[0].Event)
	require.NoError(t, err)
	require.Equal(t, eventtest.Sample(event.RemediationApproved).String(), kept.String(), "kept as it was before the Broker gave it up")
}

func TestWhatIsOnlyKept(t *testing.T) {
	unsealed := dead(event.RemediationApproved, executeAddress)
	unsealed.SetExtension(event.ExtSeal, nil)
	altered := dead(event.RemediationApproved, executeAddress)
	altered.DataEncoded = []byte(strings.Replace(string(altered.DataEncoded), "checkout", "checkin", 1))
	stranger := cloudevents.NewEvent()
	stranger.SetID("{x}\n")
	stranger.SetType("com.example.thing")
	stranger.SetSource("urn:x")
	require.NoError(t, stranger.SetData("application/octet-stream", []byte{0, 1, 2, 0xff}))
	huge := cloudevents.NewEvent()
	huge.SetID("huge")
	huge.SetType("com.example.thing")
	huge.SetSource("urn:x")
	require.NoError(t, huge.SetData("text/plain", []byte(strings.Repeat("x", maxLetter))))

	endless := dead(event.RemediationApproved, executeAddress)
	endless.SetExtension("note", strings.Repeat("x", maxLetter))
	endless.SetSource("urn:" + strings.Repeat("x", maxLetter))

	for name, c := range map[string]struct {
		phase string
		event cloudevents.Event
	}{
		"what record did not take":                            {event.RemediationApproved, dead(event.RemediationApproved, "http://record.kubernaut-system.svc.cluster.local")},
		"what record did not take, on loopback":               {event.RemediationApproved, dead(event.RemediationApproved, "http://127.0.0.1:4001/")},
		"what deadletter did not take":                        {event.RemediationApproved, dead(event.RemediationApproved, "http://deadletter.kubernaut-system.svc.cluster.local")},
		"what a stage that somebody added did not take":       {event.RemediationApproved, dead(event.RemediationApproved, "http://notify.team.svc.cluster.local/")},
		"an event without a seal":                             {event.RemediationApproved, unsealed},
		"an event that was altered":                           {event.RemediationApproved, altered},
		"an event of a stranger's":                            {event.RemediationApproved, stranger},
		"an event that is too large":                          {event.RemediationApproved, huge},
		"an event whose attributes are":                       {event.RemediationApproved, endless},
		"an event that only informs":                          {event.SignalResolved, dead(event.SignalResolved, "http://assess.kubernaut-system.svc.cluster.local")},
		"an event that the remediation has moved on from":     {event.RemediationExecuted, dead(event.RemediationApproved, executeAddress)},
		"the event that failed the remediation, at a stage":   {event.RemediationFailed, dead(event.RemediationFailed, executeAddress)},
		"an undo, which the remediation does not depend upon": {event.RemediationExecuted, dead(event.UndoRequested, "http://authorize.x.svc")},
		"an undo that was allowed, nor upon that":             {event.RemediationApproved, deadUndo(t, event.RemediationApproved, event.ExecutionApplied)},
		"an undo that was only tried":                         {event.RemediationExecuted, deadUndo(t, event.RemediationExecuted, event.ExecutionDryRun)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.waiting(c.phase)
			_, err := w.stage.Take(t.Context(), c.event)
			require.NoError(t, err, "a dead letter is always taken")
			letters := w.letters()
			require.Len(t, letters, 1)
			require.LessOrEqual(t, len(letters[0].Event), maxLetter)
			require.Empty(t, w.broker.published())
			require.True(t, w.claim().Live())

			// It has not used up the remediation's one failure.
			w.waiting(event.RemediationApproved)
			_, err = w.stage.Take(t.Context(), dead(event.RemediationApproved, executeAddress))
			require.NoError(t, err)
			require.Len(t, w.broker.published(), 1)
		})
	}
}

func TestTwoEventsOfOneRemediationFailItOnce(t *testing.T) {
	w := newWorld(t)
	w.waiting(event.RemediationApproved)
	var wg sync.WaitGroup
	for range 4 {
		for _, destination := range []string{executeAddress, "http://127.0.0.1:4002/"} {
			wg.Go(func() {
				if _, err := w.stage.Take(context.Background(), dead(event.RemediationApproved, destination)); err != nil {
					t.Errorf("handle: %v", err)
				}
			})
		}
	}
	wg.Wait()
	ids := map[string]bool{}
	for _, e := range w.broker.published() {
		ids[e.ID()] = true
	}
	require.Len(t, ids, 1, "deliveries at the same time may publish it twice, under one id")
	require.Len(t, w.letters(), 2, "one for each subscriber")
}

func TestALetterOfAnEndedRemediationIsOnlyKept(t *testing.T) {
	w := newWorld(t)
	w.waiting(event.RemediationApproved)
	require.NoError(t, w.ledger.Settle(t.Context(), ledger.Settlement{Fingerprint: eventtest.Fingerprint,
		Remediation: eventtest.RemediationID, Outcome: event.OutcomeCancelled}))
	_, err := w.stage.Take(t.Context(), dead(event.RemediationApproved, executeAddress))
	require.NoError(t, err)
	require.Empty(t, w.broker.published())
}

func TestAnAnswerThatWasLostEndsTheHold(t *testing.T) {
	w := newWorld(t)
	w.waiting(event.RemediationHeld)
	_, err := w.stage.Take(t.Context(), dead(event.ApprovalGranted, "http://authorize.kubernaut-system.svc.cluster.local"))
	require.NoError(t, err)
	require.Len(t, w.broker.published(), 1)
}

func TestAClaimThatRedisForgotEndsToo(t *testing.T) {
	w := newWorld(t)
	_, err := w.stage.Take(t.Context(), dead(event.RemediationApproved, executeAddress))
	require.NoError(t, err)
	require.Len(t, w.broker.published(), 1)
	require.Equal(t, ledger.Settled, w.claim().State)
}

func TestAnUndoThatIsLostEndsNoRemediationThatRedisForgot(t *testing.T) {
	w := newWorld(t)
	_, err := w.stage.Take(t.Context(), deadUndo(t, event.RemediationApproved, event.ExecutionApplied))
	require.NoError(t, err)
	require.Empty(t, w.broker.published(), "it ended long ago, and was asked to be undone since")
	require.Len(t, w.letters(), 1)
}

func TestWhatWasUndoneStillHasToEnd(t *testing.T) {
	w := newWorld(t)
	w.waiting(event.RemediationExecuted)
	_, err := w.stage.Take(t.Context(), deadUndo(t, event.RemediationExecuted, event.ExecutionUndone))
	require.NoError(t, err)
	require.Len(t, w.broker.published(), 1)
}

func TestABrokerOrRedisThatIsDownIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.waiting(event.RemediationApproved)
	w.broker.setDown(true)
	_, err := w.stage.Take(t.Context(), dead(event.RemediationApproved, executeAddress))
	require.Equal(t, http.StatusServiceUnavailable, status(t, err))
	require.True(t, w.claim().Live(), "not settled before the Broker has the end")
	w.broker.setDown(false)
	_, err = w.stage.Take(t.Context(), dead(event.RemediationApproved, executeAddress))
	require.NoError(t, err)
	require.Len(t, w.broker.published(), 1)

	w.redis.SetError("LOADING")
	_, err = w.stage.Take(t.Context(), dead(event.SignalReceived, executeAddress))
	require.Equal(t, http.StatusServiceUnavailable, status(t, err))
}

func status(t *testing.T, err error) int {
	t.Helper()
	var failure *stage.Error
	require.ErrorAs(t, err, &failure)
	return failure.Status()
}

var errDied = errors.New("the process died here")

// mortal dies at one of its steps, before or after the step has its effect.
type mortal struct {
	letters
	claims
	herald
	steps, dieAt int
	after        bool
}

func (m *mortal) step(do func() error) error {
	m.steps++
	if m.steps != m.dieAt {
		return do()
	}
	if m.after {
		if err := do(); err != nil {
			return err
		}
	}
	return errDied
}

func (m *mortal) PutDeadLetter(ctx context.Context, d ledger.DeadLetter) (put ledger.DeadLettered, err error) {
	err = m.step(func() (err error) { put, err = m.letters.PutDeadLetter(ctx, d); return err })
	return put, err
}

func (m *mortal) Get(ctx context.Context, fingerprint string) (c ledger.Claim, err error) {
	err = m.step(func() (err error) { c, err = m.claims.Get(ctx, fingerprint); return err })
	return c, err
}

func (m *mortal) Publish(ctx context.Context, e cloudevents.Event) error {
	return m.step(func() error { return m.herald.Publish(ctx, e) })
}

func (m *mortal) Track(ctx context.Context, e cloudevents.Event, within time.Duration) error {
	return m.step(func() error { return m.herald.Track(ctx, e, within) })
}

// TestADeathAtAnyStepIsHealedByTheNextDelivery dies before and after each
// call to the outside, and delivers the letter again.
func TestADeathAtAnyStepIsHealedByTheNextDelivery(t *testing.T) {
	const steps = 4
	for dieAt := 1; dieAt <= steps; dieAt++ {
		for _, after := range []bool{false, true} {
			w := newWorld(t)
			w.waiting(event.RemediationApproved)
			rt := runtimeOf(t, w)
			m := &mortal{letters: w.ledger, claims: w.ledger, herald: rt, dieAt: dieAt, after: after}
			u := undertaker{letters: m, claims: m, herald: m, verify: eventtest.Keyring().Verify, now: time.Now}
			_, err := u.take(t.Context(), dead(event.RemediationApproved, executeAddress))
			require.ErrorIs(t, err, errDied)
			_, err = u.take(t.Context(), dead(event.RemediationApproved, executeAddress))
			require.NoError(t, err)
			require.GreaterOrEqual(t, m.steps, dieAt+1)
			ids := map[string]bool{}
			for _, e := range w.broker.published() {
				ids[e.ID()] = true
			}
			require.Len(t, ids, 1, "step %d, after: %v", dieAt, after)
			require.Equal(t, ledger.Settled, w.claim().State)
			require.Len(t, w.letters(), 1)
		}
	}
}

// runtimeOf is the runtime of a second instance on the same Redis and Broker.
func runtimeOf(t *testing.T, w *world) *stage.Runtime {
	var rt *stage.Runtime
	server := httptest.NewServer(w.broker)
	t.Cleanup(server.Close)
	f := stage.New(event.StageDeadletter, func(_ context.Context, r *stage.Runtime) (stage.Routes, error) {
		rt = r
		return nil, nil
	}, stage.NeedsLedger(), stage.NeedsSink())
	require.NoError(t, f.Start(t.Context(), map[string]string{
		stage.EnvSealPrivate: eventtest.PrivateKey(event.StageDeadletter), stage.EnvSealPublic: eventtest.PublicKeys(),
		stage.EnvRedis: w.redis.URL(), stage.EnvSink: server.URL, stage.EnvLogLevel: "fatal",
	}))
	t.Cleanup(func() { require.NoError(t, f.Stop(context.Background())) })
	return rt
}
