package ledgertest

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

// Harness is one empty Redis under test.
type Harness struct {
	// URL opens it.
	URL string
	// Short is a lease that Elapse waits out. It may end at any time before that.
	Short time.Duration
	// Elapse returns when Redis' clock has moved on by at least that much.
	Elapse func(d time.Duration)
	// Parallel says that each test has a Redis of its own.
	Parallel bool
	// MeasuresMemory says that MEMORY USAGE answers as a plain Redis does: a
	// cluster node adds its own bookkeeping.
	MeasuresMemory bool
}

// long outlasts any test.
const long = 10 * time.Minute

// Factory makes an empty Redis for one test.
type Factory func(t *testing.T) Harness

type suite struct {
	Harness
	t *testing.T
	l *ledger.Ledger
}

// open connects once more, as another pod does.
func (s *suite) open(options ...ledger.Option) *ledger.Ledger {
	// A hundred goroutines on a loaded machine may wait longer than a stage would.
	const patience = time.Minute
	options = append(options, ledger.WithHook(tagCheck{s.t}), ledger.WithTimeouts(patience, patience))
	l, err := ledger.Open(s.URL, options...)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, l.Close()) })
	return l
}

// raw is a client beside the ledger, for what a test does to Redis itself.
func (s *suite) raw() redis.UniversalClient {
	return rawClient(s.t, s.URL)
}

// forget empties Redis, as a failover to an empty replica does.
func (s *suite) forget() { flush(s.t, s.raw()) }

type test struct {
	name string
	run  func(*suite)
}

// Run runs the whole suite, each test on a Redis that the factory made.
func Run(t *testing.T, factory Factory) {
	groups := [][]test{
		reserveTests, batchTests, progressTests, crashTests, raceTests, sizeTests, alertTests,
		executionTests, inboxTests, repeatTests, onceTests, dueTests, roundTests, episodeTests, breakerTests, deadLetterTests, argumentTests,
		readOnlyTests,
	}
	for _, group := range groups {
		for _, tt := range group {
			t.Run(tt.name, func(t *testing.T) {
				h := factory(t)
				if h.Parallel {
					t.Parallel()
				}
				s := &suite{Harness: h, t: t}
				s.l = s.open()
				tt.run(s)
			})
		}
	}
}

// ok fails the test on an error.
func (s *suite) ok(err error) {
	s.t.Helper()
	require.NoError(s.t, err)
}
