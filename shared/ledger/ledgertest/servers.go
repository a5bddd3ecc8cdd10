package ledgertest

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/tickredis"
	"kubernaut.ai/shared/porttest"
)

// Embedded is an embedded Redis with a running clock, closed with the test.
type Embedded struct{ *tickredis.Server }

// Miniredis starts an embedded Redis for one test.
func Miniredis(t testing.TB) Embedded {
	t.Helper()
	server, err := tickredis.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return Embedded{server}
}

// Ledger opens a ledger on it, closed with the test.
func (e Embedded) Ledger(t testing.TB, options ...ledger.Option) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(e.URL(), options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// OnMiniredis is a Factory of embedded servers.
func OnMiniredis(t *testing.T) Harness {
	server := Miniredis(t)
	const lease = 30 * time.Second
	return Harness{
		URL: server.URL(), Short: lease, Parallel: true,
		Elapse: func(d time.Duration) { server.Advance(d + time.Millisecond) },
	}
}

// realShort can be short: no test relies on getting anything done before it is over.
const realShort = 30 * time.Millisecond

// OnRedisServer is a Factory of real servers, a process each.
func OnRedisServer(t *testing.T) Harness {
	url := RedisServer(t)
	return Harness{
		URL: url, Short: realShort, Elapse: realClock(t, rawClient(t, url)), Parallel: true, MeasuresMemory: true,
	}
}

// OnShared is a Factory that shares one Redis of many servers, emptied for each
// test: it needs seconds until it serves.
func OnShared(t testing.TB, url string) Factory {
	client := rawClient(t, url)
	return func(t *testing.T) Harness {
		flush(t, client)
		return Harness{URL: url, Short: realShort, Elapse: realClock(t, client)}
	}
}

// HaveRedisServer says whether there is a redis-server to run.
func HaveRedisServer() bool {
	_, err := exec.LookPath("redis-server")
	return err == nil
}

// RedisServer starts a redis-server without persistence on a free port of the
// loopback interface, and ends it with the test.
func RedisServer(t testing.TB, arguments ...string) (url string) {
	t.Helper()
	return startServer(t, arguments...).URL()
}

// Server is a redis-server process.
type Server struct {
	port   int
	cmd    *exec.Cmd
	exited chan struct{}
}

// URL opens this server alone.
func (s *Server) URL() string { return "redis://" + s.address() }

func (s *Server) address() string { return porttest.Address(s.port) }

// Kill ends the server at once, as a node that fails does.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended already
	<-s.exited
}

// Freeze stops the server where it is, and Thaw lets it go on.
func (s *Server) Freeze(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (s *Server) Thaw(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(signal))
}

const (
	startTimeout = 30 * time.Second
	pollEvery    = 5 * time.Millisecond
	// attempts to start: a port is free when it is chosen, not reserved.
	attempts = 5
)

func startServer(t testing.TB, arguments ...string) *Server {
	t.Helper()
	for range attempts {
		port, err := porttest.Free()
		require.NoError(t, err)
		if s := tryServer(t, port, arguments); s != nil {
			return s
		}
	}
	require.FailNow(t, "redis-server did not start")
	return nil
}

// tryServer answers nil when the server ended at once: the port was taken.
func tryServer(t testing.TB, port int, arguments []string) *Server {
	t.Helper()
	var log bytes.Buffer
	// A configuration file among the arguments has to come first.
	cmd := exec.Command("redis-server", append(slices.Clone(arguments),
		"--bind", porttest.Host, "--port", strconv.Itoa(port),
		"--save", "", "--appendonly", "no", "--dir", t.TempDir())...)
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	s := &Server{port: port, cmd: cmd, exited: make(chan struct{})}
	go func() { defer close(s.exited); _ = cmd.Wait() }()

	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	for !s.answers(t) {
		select {
		case <-s.exited:
			return nil
		case <-deadline.C:
			s.Kill()
			require.FailNow(t, "redis-server does not answer", log.String())
		case <-time.After(pollEvery):
		}
	}
	t.Cleanup(s.Kill) // it has nothing to save, and would take its time
	return s
}

// answers asks who listens on the port: it may be another test's server.
func (s *Server) answers(t testing.TB) bool {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.address(), MaxRetries: -1})
	defer func() { _ = client.Close() }()
	info, err := client.Info(context.WithoutCancel(t.Context()), "server").Result()
	return err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", s.cmd.Process.Pid))
}
