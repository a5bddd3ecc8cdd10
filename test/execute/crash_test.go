package execute_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"

	execute "kubernaut.ai/functions/execute"
)

// errDead is what every outside call of a dead process meets.
var errDead = errors.New("the process is dead")

// mortal kills a process before or after the nth of its outside calls, to the
// API server and to Redis alike; from then on no call gets out.
type mortal struct {
	calls atomic.Int64
	dead  atomic.Bool
	at    int64
	after bool
	// counts tells which requests are calls to die at; nil is all, and Redis.
	counts func(*http.Request) bool
}

// call runs one outside call unless the process died before it.
func (m *mortal) call(do func() error) error {
	if m.dead.Load() {
		return errDead
	}
	if m.calls.Add(1) != m.at {
		return do()
	}
	m.dead.Store(true)
	if m.after {
		_ = do()
	}
	return errDead
}

func (m *mortal) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(req *http.Request) (resp *http.Response, err error) {
		if m.counts != nil && !m.counts(req) && !m.dead.Load() {
			return next.RoundTrip(req)
		}
		err = m.call(func() error {
			resp, err = next.RoundTrip(req)
			return err
		})
		if err != nil && resp != nil {
			_ = resp.Body.Close()
			resp = nil
		}
		return resp, err
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (m *mortal) DialHook(next redis.DialHook) redis.DialHook { return next }

func (m *mortal) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if m.counts != nil && !m.dead.Load() {
			return next(ctx, cmd)
		}
		err := m.call(func() error { return next(ctx, cmd) })
		if errors.Is(err, errDead) {
			cmd.SetErr(err)
		}
		return err
	}
}

func (m *mortal) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// mortally runs the turns of a request in a process that dies at one call, and
// reports whether it lived to the end.
func (l *lab) mortally(m *mortal, r execute.Request) bool {
	l.t.Helper()
	l.wire, l.options = m.wrap, []ledger.Option{ledger.WithHook(m)}
	x := l.executor()
	l.wire, l.options = nil, nil
	for {
		res, err := x.Execute(l.t.Context(), r)
		if err != nil {
			require.True(l.t, m.dead.Load(), "only the death may fail it: %v", err)
			return false
		}
		if res.Next == nil {
			return !m.dead.Load()
		}
		r.Progress = ptr(overWire(l.t, *res.Next))
	}
}

// maxCalls is more than any of the actions makes.
const maxCalls = 100

func TestAChangeIsMadeOnceWhereverTheProcessDies(t *testing.T) {
	for _, c := range each {
		t.Run(c.name, func(t *testing.T) {
			l := prepared(t, c.manifests, c.broken)
			l.settings.ObserveWithin = time.Millisecond
			before := l.snapshot(c.target)
			for n, lived := int64(1), false; !lived; n++ {
				require.Less(t, n, int64(maxCalls))
				for _, after := range []bool{false, true} {
					r := l.request(c.action, c.target, c.parameters)
					r.Remediation.ID = fmt.Sprintf("crash%d%t-1", n, after)
					made := len(l.writes())
					// The same claim each time, with what it knew of the last one gone.
					l.redis.Flush()
					lived = l.mortally(&mortal{at: n, after: after}, r)
					// Every other time, Redis forgets at the death, too.
					if after == (n%2 == 0) {
						l.redis.Flush()
					}
					e := l.do(r)
					require.Equal(t, event.ExecutionApplied, e.Outcome, "%d %t: %s %s", n, after, e.Reason, e.Detail)
					require.Len(t, l.writes(), made+1, "death at call %d, after it: %t", n, after)
					require.Equal(t, r.Remediation.ID+"/1", l.writes()[made].Applied)
					require.Equal(t, event.ExecutionUndone, l.do(undo(r, e)).Outcome)
					require.Equal(t, before, l.snapshot(c.target))
					l.clock.Add(int64(2 * l.settings.Stabilization))
				}
			}
		})
	}
}

func TestALostAnswerIsNotASecondWrite(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4})
	l.cluster.FailAfter(match("patch", "deployments"), 1, http.StatusGatewayTimeout)
	_, err := l.executor().Execute(t.Context(), r)
	var p *execute.Passing
	require.ErrorAs(t, err, &p)
	require.Equal(t, execute.ReasonClusterDown, p.Reason)

	memory := l.redis.Ledger(t)
	outcome, _, err := memory.Cancel(t.Context(), fingerprint, remediation, time.Minute)
	require.NoError(t, err)
	require.Equal(t, ledger.TooLate, outcome, "nobody knows whether it was written: a cancel must not believe it was not")

	e := l.do(r)
	require.Equal(t, event.ExecutionApplied, e.Outcome)
	require.Empty(t, e.Template, "whose it is by now, nobody can tell")
	require.Len(t, l.writes(), 1)
}
