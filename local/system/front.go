package system

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
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
	mux.Handle(brokerPath, fromHere(s.broker))
	mux.Handle("GET /metrics", promhttp.Handler())
	mux.HandleFunc("GET /health/readiness", s.readiness)
	mux.HandleFunc("GET /health/liveness", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	return mux, nil
}

// fromHere serves this machine only: functions run by hand post to the Broker,
// and nobody from elsewhere has to.
func fromHere(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !sameMachine(r) || crossOrigin.Check(r) != nil {
			stage.Problem{Type: stage.ProblemForbidden, Status: http.StatusForbidden, Detail: "The Broker serves this machine only."}.Write(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameMachine tells that a request came from an address of ours: the loopback
// interface's, or the very one that it came to.
func sameMachine(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	if peer.Addr().Unmap().IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.AddrPort().Addr().Unmap() == peer.Addr().Unmap()
}

// function is a stage's handler: in this process without another hop, or
// where it runs.
func (s *System) function(name string) (http.Handler, error) {
	if m, ok := s.members[name]; ok {
		return m.server.Handler, nil
	}
	target, err := url.Parse(s.options.Elsewhere[name])
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
