package system

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/logging"

	"kubernaut.ai/local/broker"
	"kubernaut.ai/local/simulation"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/tickredis"
)

// System is a running Kubernaut.
type System struct {
	options  Options
	listener net.Listener
	front    *http.Server
	members  map[string]*member
	broker   *broker.Broker
	history  history.Store
	ledger   *ledger.Ledger
	redis    *tickredis.Server
	cluster  *simulation.Cluster
	settings map[string]string
	keys     keys
	lock     lock
	// where names the cluster that is worked on, for people.
	where string

	stopOnce sync.Once
	failures chan error
	closers  []func(context.Context) error
}

// startTimeout bounds the start of all functions together.
const startTimeout = 30 * time.Second

// brokerStopTimeout is how long what is under way may take to finish; it
// leaves the functions time to stop.
const brokerStopTimeout = 5 * time.Second

// Start starts everything, or nothing: on an error whatever had started is
// stopped again.
func Start(ctx context.Context, options Options) (_ *System, err error) {
	options, err = options.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &System{options: options, members: map[string]*member{}, failures: make(chan error, len(fleet)+1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(ctx))
		}
	}()
	for _, step := range []func(context.Context) error{s.openFolder, s.openKeys, s.openRedis, s.openHistory, s.openCluster,
		s.openListeners, s.openBroker, s.startFunctions, s.serveFront} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	s.onClose(s.stopBroker)
	s.broker.Start()
	return s, nil
}

// URL is the front's address, as this machine reaches it.
func (s *System) URL() string {
	address := s.listener.Addr().String()
	if host, port, err := net.SplitHostPort(address); err == nil && net.ParseIP(host).IsUnspecified() {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + address
}

// SinkURL is the Broker's address, K_SINK to the functions.
func (s *System) SinkURL() string { return s.URL() + brokerPath }

// Settings are what every function was given, but for its own sealing key.
func (s *System) Settings() map[string]string { return s.settings }

// Cluster is the simulated cluster, nil on a real one.
func (s *System) Cluster() *simulation.Cluster { return s.cluster }

// Redis is the embedded Redis, nil where another was named.
func (s *System) Redis() *tickredis.Server { return s.redis }

// Broker is the embedded Broker.
func (s *System) Broker() *broker.Broker { return s.broker }

// History is what record has stored.
func (s *System) History() history.Store { return s.history }

// Ledger is what the functions keep in Redis.
func (s *System) Ledger() *ledger.Ledger { return s.ledger }

// Failures reports a part that died while the system ran.
func (s *System) Failures() <-chan error { return s.failures }

// Close stops everything in the reverse order of its start. It may be called
// again.
func (s *System) Close(ctx context.Context) error {
	var errs []error
	s.stopOnce.Do(func() {
		for i := len(s.closers) - 1; i >= 0; i-- {
			errs = append(errs, s.closers[i](ctx))
		}
	})
	return errors.Join(errs...)
}

func (s *System) onClose(f func(context.Context) error) { s.closers = append(s.closers, f) }

func (s *System) openKeys(context.Context) (err error) {
	s.keys, err = openKeys(s.options.Dir, Stages())
	return err
}

func (s *System) openRedis(context.Context) (err error) {
	url := s.options.RedisURL
	if url == "" {
		if s.redis, err = tickredis.Start(); err != nil {
			return err
		}
		s.onClose(func(context.Context) error { s.redis.Close(); return nil })
		url = s.redis.URL()
		s.options.RedisURL = url
	}
	if s.ledger, err = ledger.Open(url); err != nil {
		return err
	}
	s.onClose(func(context.Context) error { return s.ledger.Close() })
	return nil
}

func (s *System) openHistory(context.Context) (err error) {
	if s.history, err = history.Open(s.options.HistoryURL); err != nil {
		return err
	}
	s.onClose(func(context.Context) error { return s.history.Close() })
	return nil
}

func (s *System) openListeners(context.Context) (err error) {
	if s.listener, err = net.Listen("tcp", s.options.Listen); err != nil {
		return fmt.Errorf("listen on %s (set LISTEN_ADDRESS to use another): %w", s.options.Listen, err)
	}
	s.onClose(func(context.Context) error { return ignoreClosed(s.listener.Close()) })
	if err := s.lock.note(s.URL()); err != nil {
		return err
	}
	for _, stage := range Stages() {
		if s.options.Elsewhere[stage] != "" {
			continue
		}
		m, err := listen(stage)
		if err != nil {
			return err
		}
		s.members[stage] = m
		s.onClose(func(context.Context) error { return ignoreClosed(m.listener.Close()) })
	}
	return nil
}

// ignoreClosed forgives a listener that its server has closed already.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *System) openBroker(ctx context.Context) (err error) {
	manifests := []string{filepath.Join(s.options.Root, "brokers", "broker-inmemory.yaml"), filepath.Join(s.options.Root, "triggers")}
	pings, err := filepath.Glob(filepath.Join(s.options.Root, "brokers", "ping-*.yaml"))
	if err != nil {
		return fmt.Errorf("find PingSources: %w", err)
	}
	manifests = append(manifests, pings...)
	log, err := s.logger()
	if err != nil {
		return err
	}
	s.broker, err = broker.New(logging.WithLogger(ctx, log), broker.Options{Manifests: manifests, Resolve: s.resolve, PingEvery: s.options.PingEvery,
		BackoffScale: s.options.BackoffScale, Chaos: s.options.Chaos, Observer: s.options.Observer})
	if err != nil {
		return err
	}
	s.onClose(s.stopBroker)
	return nil
}

// stopBroker comes before the functions stop, which still take and answer what
// is under way; and again at a start that failed. It does not tell of what
// nobody got: the sweep of the next run finds it.
func (s *System) stopBroker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, brokerStopTimeout)
	defer cancel()
	var undelivered *broker.UndeliveredError
	if err := s.broker.Stop(ctx); err != nil && !errors.As(err, &undelivered) {
		return err
	}
	return nil
}

// resolve plays the part of Knative's addressable resolver: a reference to a
// Knative Service is the function of that name.
func (s *System) resolve(ref duckv1.KReference) (string, bool) {
	if url := s.options.Elsewhere[ref.Name]; url != "" {
		return url, true
	}
	m, ok := s.members[ref.Name]
	if !ok || ref.Kind != "Service" {
		return "", false
	}
	return m.url(), true
}

// startFunctions starts all of them at once, as a cluster would.
func (s *System) startFunctions(ctx context.Context) error {
	s.settings = s.shared()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	errs := make([]error, len(s.members))
	var group sync.WaitGroup
	i := 0
	for _, m := range s.members {
		s.onClose(m.stop)
		slot := i
		group.Go(func() { errs[slot] = m.start(ctx, s.settingsOf(m.stage), s.fail) })
		i++
	}
	group.Wait()
	return errors.Join(errs...)
}

func (s *System) fail(err error) {
	select {
	case s.failures <- err:
	default: // the first failures are reported; nobody reads more
	}
}

// Ready tells whether every function can take events.
func (s *System) Ready(ctx context.Context) error {
	for _, stage := range Stages() {
		m, ok := s.members[stage]
		if !ok {
			continue
		}
		if ready, err := m.function.Ready(ctx); err != nil || !ready {
			return errors.Join(fmt.Errorf("function %s is not ready", stage), err)
		}
	}
	return nil
}

// Keyring is the public keys of this fleet: what its events are verified against.
func (s *System) Keyring() (event.Keyring, error) { return event.ParseKeyring(s.keys.public) }
