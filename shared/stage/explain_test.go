package stage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger/ledgertest"
	"kubernaut.ai/shared/ledger/tickredis"
	"kubernaut.ai/shared/stage"
)

// question is the sample, sealed for explanation.
func question(t testing.TB, eventType string) cloudevents.Event {
	t.Helper()
	e := eventtest.Sample(eventType)
	name, _ := event.StageOf(e.Source())
	e.SetExtension(event.ExtExplain, "only")
	require.NoError(t, eventtest.Key(name).Seal(&e))
	return e
}

func contents(t testing.TB, server *tickredis.Server) map[string]any {
	t.Helper()
	return ledgertest.ContentsOf(t, server.URL())
}

// explained is an Open whose routes explain what they answer.
func explained(open stage.Open) stage.Open {
	return func(ctx context.Context, rt *stage.Runtime) (stage.Routes, error) {
		routes, err := open(ctx, rt)
		rt.Explain(routes)
		return routes, err
	}
}

// holding replies with what keeps something before it is seen.
func holding(before func(context.Context) error) stage.Open {
	return routeOf(event.RemediationProposed, func(context.Context, stage.Input[event.RemediationProposedData]) (stage.Reply, error) {
		reply := stage.Emit(event.RemediationHeld, event.Section{Name: event.SectionDecision, Value: eventtest.Decision(event.DecisionHeld)})
		reply.Before = func(ctx context.Context, _ cloudevents.Event) error { return before(ctx) }
		return reply, nil
	})
}

func TestAnExplainingTurnAnswersAndKeepsNothing(t *testing.T) {
	server, _ := redis(t)
	open := holding(func(context.Context) error {
		require.Fail(t, "what must be in place when the event is seen is not put there")
		return nil
	})
	f := started(t, stage.New(event.StageAuthorize, explained(open), stage.WithInbox()),
		settings(event.StageAuthorize, stage.EnvRedis, server.URL()))
	before := contents(t, server)
	in := question(t, event.RemediationProposed)
	for range 2 {
		out, _, err := f.Explain(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, event.RemediationHeld, out.Type())
		require.True(t, event.ForExplanation(*out), "the mark is carried on")
		require.NoError(t, eventtest.Keyring().Verify(*out))
		require.Equal(t, before, contents(t, server))
	}
}

func TestAWriteThatAStageForgetsFailsTheExplanation(t *testing.T) {
	server, claims := redis(t)
	cases := map[string]func(ctx context.Context, rt *stage.Runtime) error{
		"a write to Redis": func(ctx context.Context, _ *stage.Runtime) error { return claims.DropDue(ctx, "x") },
		"an event published": func(ctx context.Context, rt *stage.Runtime) error {
			return rt.Publish(ctx, eventtest.Sample(event.RemediationHeld))
		},
		"a claim moved": func(ctx context.Context, rt *stage.Runtime) error {
			return rt.Track(ctx, eventtest.Sample(event.RemediationHeld), time.Minute)
		},
		"a seal for real": func(ctx context.Context, rt *stage.Runtime) error {
			_, err := rt.Seal(ctx, event.Draft{Type: event.RemediationHeld, Cause: "c"})
			return err
		},
	}
	for name, write := range cases {
		t.Run(name, func(t *testing.T) {
			open := func(_ context.Context, rt *stage.Runtime) (stage.Routes, error) {
				return stage.Routes{event.RemediationProposed: stage.On(func(ctx context.Context, _ stage.Input[event.RemediationProposedData]) (stage.Reply, error) {
					return stage.Nothing("done"), write(ctx, rt)
				})}, nil
			}
			f := started(t, stage.New(event.StageAuthorize, explained(open), stage.WithInbox(), stage.NeedsSink()),
				settings(event.StageAuthorize, stage.EnvRedis, server.URL(), stage.EnvSink, "http://127.0.0.1:1"))
			before := contents(t, server)
			_, _, err := f.Explain(t.Context(), question(t, event.RemediationProposed))
			status, reason := refusal(t, err)
			require.Equal(t, [2]any{422, stage.ReasonCannotExplain}, [2]any{status, reason})
			require.Equal(t, before, contents(t, server))
		})
	}
}

func TestWhatIsNotExplained(t *testing.T) {
	f := started(t, stage.New(event.StageEnrich, explained(routeOf(event.SignalReceived, enriching))), settings(event.StageEnrich))
	cases := []struct {
		name   string
		event  cloudevents.Event
		reason string
	}{
		{"a real event", eventtest.Sample(event.SignalReceived), stage.ReasonExplanation},
		{"a type that the stage does not take", question(t, event.SignalEnriched), stage.ReasonCannotExplain},
		{"a real event with a mark put on", func() cloudevents.Event {
			e := eventtest.Sample(event.SignalReceived)
			e.SetExtension(event.ExtExplain, "only")
			return e
		}(), stage.ReasonSealBroken},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, _, err := f.Explain(t.Context(), c.event)
			require.Nil(t, out)
			status, reason := refusal(t, err)
			require.Equal(t, [2]any{422, c.reason}, [2]any{status, reason})
		})
	}
	t.Run("a stage that does not say that it explains", func(t *testing.T) {
		f := started(t, stage.New(event.StageEnrich, routeOf(event.SignalReceived, enriching)), settings(event.StageEnrich))
		_, _, err := f.Explain(t.Context(), question(t, event.SignalReceived))
		_, reason := refusal(t, err)
		require.Equal(t, stage.ReasonCannotExplain, reason)
	})
	t.Run("a stage that has not started", func(t *testing.T) {
		_, _, err := stage.New(event.StageEnrich, nil).Explain(t.Context(), question(t, event.SignalReceived))
		_, reason := refusal(t, err)
		require.Equal(t, stage.ReasonStarting, reason)
	})
}

// TestAStageThatActsExplainsByARouteOfItsOwn: the route that acts is never run for
// an explanation, and a type that is only explained is never taken.
func TestAStageThatActsExplainsByARouteOfItsOwn(t *testing.T) {
	acted, said := 0, 0
	counting := func(n *int) stage.Route {
		return stage.On(func(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
			*n++
			return stage.Nothing("done"), nil
		})
	}
	f := started(t, stage.New(event.StageEnrich, func(_ context.Context, rt *stage.Runtime) (stage.Routes, error) {
		rt.Explain(stage.Routes{event.SignalReceived: counting(&said), event.SignalEnriched: counting(&said)})
		return stage.Routes{event.SignalReceived: counting(&acted)}, nil
	}), settings(event.StageEnrich))
	for n, explained := range []string{event.SignalReceived, event.SignalEnriched} {
		_, reason, err := f.Explain(t.Context(), question(t, explained))
		require.NoError(t, err)
		require.Equal(t, "done", reason)
		require.Equal(t, [2]int{0, n + 1}, [2]int{acted, said})
	}
	_, err := f.Take(t.Context(), eventtest.Sample(event.SignalReceived))
	require.NoError(t, err)
	require.Equal(t, [2]int{1, 2}, [2]int{acted, said})
	_, err = f.Take(t.Context(), eventtest.Sample(event.SignalEnriched))
	_, reason := refusal(t, err)
	require.Equal(t, stage.ReasonUnknownType, reason)
}

// TestWhatABrokerDeliversIsNeverAnExplanation: whoever puts a marked event on
// the Broker gets a refusal of every stage, those that take everything included.
func TestWhatABrokerDeliversIsNeverAnExplanation(t *testing.T) {
	took := false
	for name, f := range map[string]*stage.Function{
		"a stage that explains": stage.New(event.StageEnrich, explained(routeOf(event.SignalReceived,
			func(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
				took = true
				return stage.Nothing(""), nil
			}))),
		"the stage that keeps what all others refused": stage.New(event.StageDeadletter,
			func(context.Context, *stage.Runtime) (stage.Routes, error) { return nil, nil },
			stage.CatchAll(func(context.Context, *stage.Runtime, cloudevents.Event) error { took = true; return nil })),
	} {
		t.Run(name, func(t *testing.T) {
			f := started(t, f, settings(event.StageEnrich))
			_, err := f.Take(t.Context(), question(t, event.SignalReceived))
			status, reason := refusal(t, err)
			require.Equal(t, [2]any{422, stage.ReasonExplanation}, [2]any{status, reason})
			require.False(t, took)
		})
	}
}

func TestQuestionsOverHTTP(t *testing.T) {
	reply := stage.Nothing("too_old")
	handle := func(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error) { return reply, nil }
	f := started(t, stage.New(event.StageEnrich, explained(routeOf(event.SignalReceived, handle))), settings(event.StageEnrich))
	ask := func(path string, e cloudevents.Event) *httptest.ResponseRecorder {
		body, err := stage.Encode(e)
		require.NoError(t, err)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
		r.Header.Set("Content-Type", cloudevents.ApplicationCloudEventsJSON)
		w := httptest.NewRecorder()
		f.Handle(w, r)
		return w
	}
	w := ask(stage.ExplainPath, question(t, event.SignalReceived))
	require.Equal(t, http.StatusOK, w.Code)
	var said stage.Refusal
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &said))
	require.Equal(t, "too_old", said.Reason)
	reply = stage.Emit(event.SignalEnriched, event.Section{Name: event.SectionContext, Value: eventtest.Context})
	w = ask(stage.ExplainPath, question(t, event.SignalReceived))
	require.Equal(t, event.SignalEnriched, w.Header().Get("Ce-Type"))
	require.Equal(t, "only", w.Header().Get("Ce-Explain"))
	require.Equal(t, http.StatusUnprocessableEntity, ask("/", question(t, event.SignalReceived)).Code, "where a Broker delivers")
	require.Equal(t, http.StatusUnprocessableEntity, ask(stage.ExplainPath, eventtest.Sample(event.SignalReceived)).Code)
}
