package stage_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/tickredis"
	"kubernaut.ai/shared/stage"
)

func settings(name string, more ...string) map[string]string {
	m := map[string]string{stage.EnvSealPrivate: eventtest.PrivateKey(name), stage.EnvSealPublic: eventtest.PublicKeys(),
		stage.EnvLogLevel: "fatal", stage.EnvNamespace: eventtest.Namespace}
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

// routeOf opens a stage with one route.
func routeOf[T any](eventType string, handle func(context.Context, stage.Input[T]) (stage.Reply, error)) stage.Open {
	return func(context.Context, *stage.Runtime) (stage.Routes, error) {
		return stage.Routes{eventType: stage.On(handle)}, nil
	}
}

func enriching(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
	return stage.Emit(event.SignalEnriched, event.Section{Name: event.SectionContext, Value: eventtest.Context}), nil
}

func started(t *testing.T, f *stage.Function, settings map[string]string) *stage.Function {
	t.Helper()
	require.NoError(t, f.Start(t.Context(), settings))
	t.Cleanup(func() { require.NoError(t, f.Stop(context.Background())) })
	return f
}

func refusal(t *testing.T, err error) (int, string) {
	t.Helper()
	var failure *stage.Error
	require.ErrorAs(t, err, &failure)
	return failure.Status(), failure.Reason
}

func TestAReplyIsSealedAndExtendsItsInput(t *testing.T) {
	f := started(t, stage.New(event.StageEnrich, routeOf(event.SignalReceived, enriching)), settings(event.StageEnrich))
	in := eventtest.Sample(event.SignalReceived)
	out, err := f.Take(t.Context(), in)
	require.NoError(t, err)
	require.NoError(t, eventtest.Keyring().Verify(*out))
	require.Equal(t, event.SignalEnriched, out.Type())
	require.Equal(t, event.ID(in.ID(), event.SignalEnriched, 0), out.ID())
	require.Equal(t, event.Extension(in, event.ExtTraceParent)[:35], event.Extension(*out, event.ExtTraceParent)[:35], "the trace goes on")
	require.NotEqual(t, event.Extension(in, event.ExtTraceParent), event.Extension(*out, event.ExtTraceParent), "with a span of its own")

	again, err := f.Take(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, out.ID(), again.ID(), "a redelivery mints no new event")
}

func TestWhatTheHarnessRefuses(t *testing.T) {
	cases := []struct {
		name   string
		handle func(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error)
		event  func() cloudevents.Event
		status int
		reason string
	}{
		{"an event without a seal", enriching, func() cloudevents.Event {
			e := eventtest.Sample(event.SignalReceived)
			e.SetExtension(event.ExtSeal, nil)
			return e
		}, 422, stage.ReasonUnsealed},
		{"an event that was altered", enriching, func() cloudevents.Event {
			e := eventtest.Sample(event.SignalReceived)
			e.DataEncoded = append([]byte{' '}, e.DataEncoded...)
			return e
		}, 422, stage.ReasonSealBroken},
		{"a type that the stage does not take", enriching, func() cloudevents.Event { return eventtest.Sample(event.SignalEnriched) }, 422, stage.ReasonUnknownType},
		{"a type of nobody's", enriching, func() cloudevents.Event {
			e := eventtest.Sample(event.SignalReceived)
			e.SetType("com.example.x")
			return e
		}, 422, stage.ReasonNotInCatalogue},
		{"a permanent failure of the domain", func(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
			return stage.Reply{}, stage.Permanent("kind_unknown", errors.New("no such kind"))
		}, func() cloudevents.Event { return eventtest.Sample(event.SignalReceived) }, 422, "kind_unknown"},
		{"a failure that may pass", func(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
			return stage.Reply{}, stage.Transient("api_down", errors.New("refused"))
		}, func() cloudevents.Event { return eventtest.Sample(event.SignalReceived) }, 503, "api_down"},
		{"an error that nobody named", func(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
			return stage.Reply{}, errors.New("odd")
		}, func() cloudevents.Event { return eventtest.Sample(event.SignalReceived) }, 503, stage.ReasonInternal},
		{"a panic", func(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error) { panic("oh") },
			func() cloudevents.Event { return eventtest.Sample(event.SignalReceived) }, 503, stage.ReasonPanic},
		{"a reply that the stage may not produce", func(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
			return stage.Emit(event.RemediationApproved), nil
		}, func() cloudevents.Event { return eventtest.Sample(event.SignalReceived) }, 422, stage.ReasonNotInCatalogue},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := started(t, stage.New(event.StageEnrich, routeOf(event.SignalReceived, c.handle)), settings(event.StageEnrich))
			out, err := f.Take(t.Context(), c.event())
			require.Nil(t, out)
			status, reason := refusal(t, err)
			require.Equal(t, c.status, status)
			require.Equal(t, c.reason, reason)
		})
	}
}

func TestAFunctionThatHasNotStartedRefusesWithoutHarm(t *testing.T) {
	f := stage.New(event.StageEnrich, routeOf(event.SignalReceived, enriching))
	ready, err := f.Ready(t.Context())
	require.NoError(t, err)
	require.False(t, ready)
	_, err = f.Take(t.Context(), eventtest.Sample(event.SignalReceived))
	status, reason := refusal(t, err)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, stage.ReasonStarting, reason)
	require.NoError(t, f.Stop(t.Context()))
}

func TestStartNamesEverySettingThatIsWrong(t *testing.T) {
	f := stage.New(event.StageAssess, routeOf(event.SignalReceived, enriching), stage.NeedsLedger(), stage.NeedsSink())
	err := f.Start(t.Context(), map[string]string{stage.EnvTurnWithin: "soon"})
	for _, name := range []string{stage.EnvTurnWithin, stage.EnvSealPrivate, stage.EnvSealPublic, stage.EnvSink, stage.EnvRedis} {
		require.ErrorContains(t, err, name)
	}
}

func TestTheDeadlineIsTheStagesOwn(t *testing.T) {
	handle := func(ctx context.Context, _ stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
		require.NoError(t, ctx.Err(), "a context that a receiver cancelled does not end the turn")
		deadline, ok := ctx.Deadline()
		require.True(t, ok)
		require.InDelta(t, stage.TurnBudget.Seconds(), time.Until(deadline).Seconds(), 5)
		return stage.Nothing("tested"), nil
	}
	f := started(t, stage.New(event.StageEnrich, routeOf(event.SignalReceived, handle)), settings(event.StageEnrich))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Take(ctx, eventtest.Sample(event.SignalReceived))
	require.NoError(t, err)
}

// redis is an embedded Redis and the claim of the sample's remediation in it.
func redis(t *testing.T) (*tickredis.Server, *ledger.Ledger) {
	t.Helper()
	server, err := tickredis.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	l, err := ledger.Open(server.URL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return server, l
}

func proposing(calls *atomic.Int32) stage.Open {
	return routeOf(event.SignalClassified, func(context.Context, stage.Input[event.SignalClassifiedData]) (stage.Reply, error) {
		calls.Add(1)
		return stage.Emit(event.RemediationProposed, event.Section{Name: event.SectionProposal, Value: eventtest.Proposal}), nil
	})
}

func TestTheInboxRepeatsTheRecordedReplyByteForByte(t *testing.T) {
	server, claims := redis(t)
	var calls atomic.Int32
	f := started(t, stage.New(event.StageAnalyze, proposing(&calls), stage.WithInbox()), settings(event.StageAnalyze, stage.EnvRedis, server.URL()))
	first, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	require.NoError(t, err)
	second, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	require.NoError(t, err)
	require.Equal(t, int32(1), calls.Load())
	require.Equal(t, string(first.Data()), string(second.Data()))
	require.NoError(t, eventtest.Keyring().Verify(*second))

	claim, err := claims.Get(t.Context(), eventtest.Fingerprint)
	require.NoError(t, err)
	require.Equal(t, "remediation.proposed", claim.Phase, "the claim moved with the reply")
	require.Equal(t, eventtest.RemediationID, claim.Remediation)
}

func TestTheInboxRunsOneDeliveryAtATime(t *testing.T) {
	server, _ := redis(t)
	inside, leave := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	open := routeOf(event.SignalClassified, func(context.Context, stage.Input[event.SignalClassifiedData]) (stage.Reply, error) {
		calls.Add(1)
		close(inside)
		<-leave
		return stage.Nothing("tested"), nil
	})
	f := started(t, stage.New(event.StageAnalyze, open, stage.WithInbox()), settings(event.StageAnalyze, stage.EnvRedis, server.URL()))
	var group sync.WaitGroup
	group.Go(func() { _, _ = f.Take(context.Background(), eventtest.Sample(event.SignalClassified)) })
	<-inside
	_, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	status, reason := refusal(t, err)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, stage.ReasonRunning, reason)
	close(leave)
	group.Wait()
	require.Equal(t, int32(1), calls.Load())
}

func TestATurnThatFailedMayBeTriedAtOnce(t *testing.T) {
	server, _ := redis(t)
	var calls atomic.Int32
	open := routeOf(event.SignalClassified, func(context.Context, stage.Input[event.SignalClassifiedData]) (stage.Reply, error) {
		if calls.Add(1) == 1 {
			return stage.Reply{}, errors.New("a passing fault")
		}
		return stage.Nothing("tested"), nil
	})
	f := started(t, stage.New(event.StageAnalyze, open, stage.WithInbox()), settings(event.StageAnalyze, stage.EnvRedis, server.URL()))
	_, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	require.Error(t, err)
	_, err = f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	require.NoError(t, err)
	require.Equal(t, int32(2), calls.Load())
}

// escalated ends a remediation.
func escalated() stage.Reply {
	return stage.Ended(event.RemediationEscalated, event.End{Outcome: event.OutcomeEscalated, Reason: "rungs_spent", Stage: event.StageAnalyze})
}

func TestATerminalReplySettlesTheClaim(t *testing.T) {
	server, claims := redis(t)
	open := routeOf(event.SignalClassified, func(context.Context, stage.Input[event.SignalClassifiedData]) (stage.Reply, error) {
		return escalated(), nil
	})
	f := started(t, stage.New(event.StageAnalyze, open, stage.WithInbox()), settings(event.StageAnalyze, stage.EnvRedis, server.URL(), stage.EnvCooldown, "escalated=48h"))
	_, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	require.NoError(t, err)
	claim, err := claims.Get(t.Context(), eventtest.Fingerprint)
	require.NoError(t, err)
	require.Equal(t, ledger.Settled, claim.State)
	require.Equal(t, event.OutcomeEscalated, claim.Outcome)
	require.Greater(t, claim.CooldownUntil.Sub(claim.FirstSeen), 47*time.Hour, "as COOLDOWN says")
}

// A route that asks a settled claim hears that all is over, and would say
// nothing: so the answer must be on record before the claim is settled.
func TestATerminalReplyIsNotLostBetweenItsRecordAndItsClaim(t *testing.T) {
	server, claims := redis(t)
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	require.NoError(t, claims.Advance(t.Context(), ledger.Advance{Fingerprint: eventtest.Fingerprint,
		Remediation: eventtest.RemediationID, Phase: "signal.classified", Within: time.Hour}))
	keys, err := client.Keys(t.Context(), "*claim*"+eventtest.Fingerprint+"*").Result()
	require.NoError(t, err)
	require.Len(t, keys, 1)
	var calls atomic.Int32
	open := routeOf(event.SignalClassified, func(ctx context.Context, _ stage.Input[event.SignalClassifiedData]) (stage.Reply, error) {
		calls.Add(1)
		// From here on the claim cannot be settled.
		require.NoError(t, client.Rename(ctx, keys[0], "aside").Err())
		require.NoError(t, client.SAdd(ctx, keys[0], "no claim").Err())
		return escalated(), nil
	})
	f := started(t, stage.New(event.StageAnalyze, open, stage.WithInbox()), settings(event.StageAnalyze, stage.EnvRedis, server.URL()))
	_, err = f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	status, _ := refusal(t, err)
	require.Equal(t, http.StatusServiceUnavailable, status)

	require.NoError(t, client.Rename(t.Context(), "aside", keys[0]).Err())
	out, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	require.NoError(t, err)
	require.Equal(t, event.RemediationEscalated, out.Type())
	require.Equal(t, int32(1), calls.Load(), "it is the answer on record")
	got, err := claims.Get(t.Context(), eventtest.Fingerprint)
	require.NoError(t, err)
	require.Equal(t, ledger.Settled, got.State)
}

// A reply may get lost after its claim was settled, and the next alert may open
// another remediation before it is asked for again.
func TestATerminalReplyIsRepeatedThoughAnotherRemediationFollowed(t *testing.T) {
	server, claims := redis(t)
	open := routeOf(event.SignalClassified, func(context.Context, stage.Input[event.SignalClassifiedData]) (stage.Reply, error) {
		return escalated(), nil
	})
	f := started(t, stage.New(event.StageAnalyze, open, stage.WithInbox()), settings(event.StageAnalyze, stage.EnvRedis, server.URL(), stage.EnvCooldown, "escalated=0s"))
	first, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	require.NoError(t, err)
	next, _, err := claims.Reserve(t.Context(), ledger.Reservation{Fingerprint: eventtest.Fingerprint, Base: "next", Lease: time.Hour})
	require.NoError(t, err)
	again, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	require.NoError(t, err)
	require.Equal(t, first.ID(), again.ID())
	claim, err := claims.Get(t.Context(), eventtest.Fingerprint)
	require.NoError(t, err)
	require.Equal(t, next.Remediation, claim.Remediation)
	require.True(t, claim.Live(), "what holds the claim now is left alone")
}

// An event of long ago, such as a dead letter that a person sends again, may come
// to an end that its remediation never had.
func TestAnotherEndThanTheOneThatIsKnownIsNeverTold(t *testing.T) {
	server, claims := redis(t)
	require.NoError(t, claims.Settle(t.Context(), ledger.Settlement{Fingerprint: eventtest.Fingerprint,
		Remediation: eventtest.RemediationID, Outcome: event.OutcomeHealed, Cooldown: time.Hour}))
	open := routeOf(event.SignalClassified, func(context.Context, stage.Input[event.SignalClassifiedData]) (stage.Reply, error) {
		return escalated(), nil
	})
	f := started(t, stage.New(event.StageAnalyze, open, stage.WithInbox()), settings(event.StageAnalyze, stage.EnvRedis, server.URL()))
	for range 3 {
		out, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
		require.NoError(t, err)
		require.Nil(t, out)
	}
	claim, err := claims.Get(t.Context(), eventtest.Fingerprint)
	require.NoError(t, err)
	require.Equal(t, event.OutcomeHealed, claim.Outcome)
}

// What is detached moves no claim, not even when it is told again.
func TestADetachedReplyThatIsRepeatedSettlesNothing(t *testing.T) {
	server, claims := redis(t)
	require.NoError(t, claims.Advance(t.Context(), ledger.Advance{Fingerprint: eventtest.Fingerprint,
		Remediation: eventtest.RemediationID, Phase: "signal.classified", Within: time.Hour}))
	open := routeOf(event.SignalClassified, func(context.Context, stage.Input[event.SignalClassifiedData]) (stage.Reply, error) {
		reply := escalated()
		reply.Detached = true
		return reply, nil
	})
	f := started(t, stage.New(event.StageAnalyze, open, stage.WithInbox()), settings(event.StageAnalyze, stage.EnvRedis, server.URL()))
	for range 2 {
		out, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
		require.NoError(t, err)
		require.Equal(t, event.RemediationEscalated, out.Type())
		claim, err := claims.Get(t.Context(), eventtest.Fingerprint)
		require.NoError(t, err)
		require.True(t, claim.Live())
	}
}

func TestAnEventOfARemediationThatHasEndedIsDroppedWithAReason(t *testing.T) {
	server, claims := redis(t)
	require.NoError(t, claims.Settle(t.Context(), ledger.Settlement{Fingerprint: eventtest.Fingerprint, Remediation: eventtest.RemediationID, Outcome: "healed", Cooldown: time.Minute}))
	var calls atomic.Int32
	f := started(t, stage.New(event.StageAnalyze, proposing(&calls), stage.WithInbox()), settings(event.StageAnalyze, stage.EnvRedis, server.URL()))
	out, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	require.NoError(t, err)
	require.Nil(t, out)
}

func TestWithoutRedisAStageFailsClosed(t *testing.T) {
	server, _ := redis(t)
	var calls atomic.Int32
	f := started(t, stage.New(event.StageAnalyze, proposing(&calls), stage.WithInbox()), settings(event.StageAnalyze, stage.EnvRedis, server.URL()))
	server.Close()
	_, err := f.Take(t.Context(), eventtest.Sample(event.SignalClassified))
	status, reason := refusal(t, err)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, stage.ReasonLedgerDown, reason)
	require.Zero(t, calls.Load(), "nothing ran")
	ready, err := f.Ready(t.Context())
	require.NoError(t, err)
	require.False(t, ready)
}

func TestPublishingSucceedsOnlyWhenTheBrokerHasTakenTheEvent(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		fails  bool
	}{{"taken", 202, false}, {"refused", 400, true}, {"busy", 503, true}, {"elsewhere", 307, true}} {
		t.Run(c.name, func(t *testing.T) {
			var got http.Header
			sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got != nil {
					t.Error("a redirection was followed")
				}
				got = r.Header.Clone()
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
			}))
			defer sink.Close()
			var rt *stage.Runtime
			f := stage.New(event.StageAssess, func(_ context.Context, r *stage.Runtime) (stage.Routes, error) {
				rt = r
				return nil, nil
			}, stage.NeedsSink())
			started(t, f, settings(event.StageAssess, stage.EnvSink, sink.URL))
			err := rt.Publish(t.Context(), eventtest.Sample(event.RemediationClosed))
			require.Equal(t, c.fails, err != nil)
			require.Equal(t, event.RemediationClosed, got.Get("Ce-Type"))
			require.NotEmpty(t, got.Get("Ce-Seal"))
		})
	}
}

func TestAPingNeedsNoSealAndNothingElseGoesWithoutOne(t *testing.T) {
	pinged := false
	open := func(context.Context, *stage.Runtime) (stage.Routes, error) {
		return stage.Routes{event.Ping: stage.On(func(context.Context, stage.Input[map[string]any]) (stage.Reply, error) {
			pinged = true
			return stage.Nothing("pinged"), nil
		})}, nil
	}
	f := started(t, stage.New(event.StageAssess, open), settings(event.StageAssess))
	ping := cloudevents.NewEvent()
	ping.SetID("1")
	ping.SetType(event.Ping)
	ping.SetSource("/apis/v1/namespaces/kubernaut-system/pingsources/assess")
	require.NoError(t, ping.SetData(cloudevents.ApplicationJSON, map[string]any{}))
	_, err := f.Take(t.Context(), ping)
	require.NoError(t, err)
	require.True(t, pinged)
}

func TestAnHTTPFunctionThatPanicsAnswersAProblem(t *testing.T) {
	f := stage.NewHTTP(event.StageGateway, func(context.Context, *stage.Runtime) (http.Handler, error) {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }), nil
	})
	w := httptest.NewRecorder()
	f.Handle(w, httptest.NewRequest(http.MethodPost, "/x", nil))
	require.Equal(t, http.StatusServiceUnavailable, w.Code, "before Start")
	require.NoError(t, f.Start(t.Context(), settings(event.StageGateway)))
	w = httptest.NewRecorder()
	f.Handle(w, httptest.NewRequest(http.MethodPost, "/x", nil))
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.NotContains(t, w.Body.String(), "oh")
}

func BenchmarkHarness(b *testing.B) {
	f := stage.New(event.StageEnrich, routeOf(event.SignalReceived, enriching))
	if err := f.Start(b.Context(), settings(event.StageEnrich)); err != nil {
		b.Fatal(err)
	}
	e := eventtest.Sample(event.SignalReceived)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Take(context.Background(), e); err != nil {
			b.Fatal(err)
		}
	}
}

func TestReferencesThatOnlyAClusterResolvesCountAsUnset(t *testing.T) {
	file := filepath.Join(t.TempDir(), "settings")
	require.NoError(t, os.WriteFile(file, []byte("# of a local system\nREDIS_URL=redis://127.0.0.1:1\nLOG_LEVEL=debug\n"), 0o600))
	c := stage.NewConfig(map[string]string{"REDIS_URL": "{{ secret:redis:url }}", "K_SINK": "{{ configMap:x:y }}", "LOG_LEVEL": "error", stage.EnvSettings: file})
	require.Equal(t, "redis://127.0.0.1:1", c.String("REDIS_URL", ""))
	require.Equal(t, "", c.String("K_SINK", ""))
	require.Equal(t, "error", c.String("LOG_LEVEL", ""), "what is set stays")
	require.NoError(t, c.Err())
}
