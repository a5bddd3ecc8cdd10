package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	ce "knative.dev/func-go/cloudevents"
	fh "knative.dev/func-go/http"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/stage"
)

// bare is the least function that answers as a stage does.
type bare struct{ reply cloudevents.Event }

func (f bare) Handle(context.Context, cloudevents.Event) (*cloudevents.Event, error) {
	return &f.reply, nil
}

// harness measures what the harness adds to a bare function of CloudEvents,
// each behind the handler that func-go puts around it, with seal and verify
// and without Redis.
func harness(ctx context.Context, b *bed) ([]row, error) {
	in, out := eventtest.Sample(event.SignalReceived), eventtest.Sample(event.SignalEnriched)
	f := stage.New(event.StageEnrich, func(context.Context, *stage.Runtime) (stage.Routes, error) {
		return stage.Routes{event.SignalReceived: stage.On(func(context.Context, stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
			return stage.Emit(event.SignalEnriched, event.Section{Name: event.SectionContext, Value: eventtest.Context}), nil
		})}, nil
	})
	if err := f.Start(ctx, b.settings(event.StageEnrich)); err != nil {
		return nil, err
	}
	defer func() { _ = f.Stop(ctx) }()
	plain, err := perCall(ctx, ce.New(bare{out}).Handler, in)
	if err != nil {
		return nil, err
	}
	harnessed, err := perCall(ctx, fh.New(f).Handler, in)
	if err != nil {
		return nil, err
	}
	return []row{{"harness over a bare func-go handler", fmt.Sprintf("%d µs (%d µs against %d µs)", (harnessed - plain).Microseconds(), harnessed.Microseconds(), plain.Microseconds()), "< 250 µs a call", ""}}, nil
}

func perCall(ctx context.Context, h http.Handler, e cloudevents.Event) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
	if err != nil {
		return 0, err
	}
	if err := cehttp.WriteRequest(ctx, binding.ToMessage(&e), req); err != nil {
		return 0, err
	}
	body := e.Data()
	failed := 0
	result := testing.Benchmark(func(t *testing.B) {
		for range t.N {
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
			r.Header = req.Header.Clone()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				failed = w.Code
			}
		}
	})
	if failed != 0 {
		return 0, fmt.Errorf("the handler answered %d", failed)
	}
	return time.Duration(result.NsPerOp()), nil
}
