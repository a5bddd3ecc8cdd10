package system

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kubernaut.ai/shared/event"
)

// brokerPath is where Knative's own ingress has a Broker: namespace and name.
const brokerPath = "/kubernaut-system/kubernaut"

const readHeaderTimeout = 5 * time.Second

// serveFront opens the one address that people and Alertmanager use: the
// gateway's and approve's paths as in production, and what a local system
// adds.
func (s *System) serveFront(context.Context) error {
	handler, err := s.routes()
	if err != nil {
		return err
	}
	s.front = &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout}
	s.onClose(s.front.Shutdown)
	go func() {
		if err := s.front.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.fail(err)
		}
	}()
	return nil
}

func (s *System) routes() (http.Handler, error) {
	gateway, err := s.function(event.StageGateway)
	if err != nil {
		return nil, err
	}
	approve, err := s.function(event.StageApprove)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/v1/signals/", gateway)
	mux.Handle("/api/v2/", gateway)
	mux.Handle("/api/v1/explain", gateway)
	mux.Handle("/api/v1/explain/", gateway)
	mux.Handle("/webhook", gateway)
	mux.Handle("/webhook/", gateway)
	mux.Handle("/{$}", gateway)
	mux.Handle("/api/v1/", approve)
	mux.Handle(brokerPath, s.broker)
	mux.Handle("GET /metrics", promhttp.Handler())
	mux.HandleFunc("GET /health/readiness", s.readiness)
	mux.HandleFunc("GET /health/liveness", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	return mux, nil
}

// function is a stage's handler: in this process without another hop, or
// where it runs.
func (s *System) function(stage string) (http.Handler, error) {
	if m, ok := s.members[stage]; ok {
		return m.server.Handler, nil
	}
	target, err := url.Parse(s.options.Elsewhere[stage])
	if err != nil {
		return nil, err
	}
	return httputil.NewSingleHostReverseProxy(target), nil
}

func (s *System) readiness(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	answer := map[string]string{"status": "ready"}
	if err := s.Ready(r.Context()); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		answer = map[string]string{"status": "not ready", "reason": err.Error()}
	}
	// The status is out: an error here can only be a client that has gone.
	_ = json.NewEncoder(w).Encode(answer)
}
