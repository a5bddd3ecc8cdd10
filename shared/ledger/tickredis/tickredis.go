// Package tickredis is an embedded Redis whose clock runs: miniredis expires
// nothing by itself, so its time to live is driven from here.
//
// Local runs and tests use it where there is no Redis server.
//
//	server, err := tickredis.Start()
//	...
//	defer server.Close()
//	l, err := ledger.Open(server.URL())
//	server.Advance(time.Hour) // for tests: a lease ends, a cooldown is over
package tickredis

import (
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

const (
	// tick is how often an advanced clock moves on.
	tick = 10 * time.Millisecond
	// expireEvery bounds the delay of an expiry; finding the expired keys looks at
	// every key, so it is not done at each tick.
	expireEvery = 200 * time.Millisecond
)

// Server is a running embedded Redis.
type Server struct {
	mini    *miniredis.Miniredis
	stop    chan struct{}
	stopped sync.WaitGroup
	closing sync.Once

	mu      sync.Mutex
	ahead   time.Duration
	expired time.Time
}

// Start starts a server on a free port of the loopback interface.
func Start() (*Server, error) {
	mini := miniredis.NewMiniRedis()
	if err := mini.Start(); err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	s := &Server{mini: mini, stop: make(chan struct{}), expired: time.Now()}
	s.stopped.Add(1)
	go s.run()
	return s, nil
}

func (s *Server) run() {
	defer s.stopped.Done()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
			s.move()
		}
	}
}

func (s *Server) move() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.ahead > 0 {
		s.mini.SetTime(now.Add(s.ahead))
	}
	if elapsed := now.Sub(s.expired); elapsed >= expireEvery {
		s.mini.FastForward(elapsed)
		s.expired = now
	}
}

// Advance moves the clock ahead at once, and expires what that expires.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
	s.mini.SetTime(time.Now().Add(s.ahead))
	s.mini.FastForward(d)
}

// Addr is the address as host:port.
func (s *Server) Addr() string { return s.mini.Addr() }

// URL is the address as ledger.Open takes it.
func (s *Server) URL() string { return "redis://" + s.mini.Addr() }

// Flush empties the server, as a failover that forgets everything does.
func (s *Server) Flush() { s.mini.FlushAll() }

// SetError makes every command fail with the message, until it is "".
func (s *Server) SetError(message string) { s.mini.SetError(message) }

// Close stops the server. It may be called again.
func (s *Server) Close() {
	s.closing.Do(func() {
		close(s.stop)
		s.stopped.Wait()
		s.mini.Close()
	})
}
