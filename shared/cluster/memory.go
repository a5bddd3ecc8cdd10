package cluster

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// memory holds one large answer of the API server, such as all its kinds, for
// everybody who asks. Whoever finds what they look for in it never waits for
// those who fetch it anew.
type memory[T any] struct {
	mu      sync.Mutex
	at      time.Time
	value   T
	flights singleflight.Group
}

// patience is how old an answer may be: up to fresh it is believed, up to
// stale it is believed while it is fetched anew, and beyond that one waits.
type patience struct{ fresh, stale time.Duration }

// question is what is asked of a memory.
type question[T any] struct {
	now   func() time.Time
	fetch func(context.Context) (T, error)
	// knows reports whether an answer holds what is looked for: what it holds is
	// believed longer than what it lacks, which may have come a moment ago.
	knows     func(T) bool
	hit, miss patience
}

// get answers from memory where patience allows, else from the API server:
// fetched once for all who wait, each of them no longer than until its own
// deadline.
func (m *memory[T]) get(ctx context.Context, q question[T]) (T, error) {
	value, at := m.peek()
	if !at.IsZero() {
		p := q.miss
		if q.knows(value) {
			p = q.hit
		}
		age := q.now().Sub(at)
		if age < p.fresh {
			return value, nil
		}
		if age < p.stale {
			m.renew(ctx, q, at)
			return value, nil
		}
	}
	var none T
	flight := m.renew(ctx, q, at)
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case result := <-flight:
		if result.Err != nil {
			return none, result.Err
		}
		return result.Val.(T), nil
	}
}

// renew fetches the answer, or joins whoever does, or takes what somebody has
// fetched since the caller looked, who saw it as it was then. The fetch outlives
// the caller that started it, so that one impatient sender does not fail the rest.
func (m *memory[T]) renew(ctx context.Context, q question[T], then time.Time) <-chan singleflight.Result {
	return m.flights.DoChan("", func() (any, error) {
		if value, at := m.peek(); at.After(then) {
			return value, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), RequestTimeout)
		defer cancel()
		at := q.now()
		value, err := q.fetch(ctx)
		if err != nil {
			return nil, err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.value, m.at = value, at
		return value, nil
	})
}

func (m *memory[T]) peek() (T, time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.value, m.at
}

// forget makes the next who asks wait for a new answer.
func (m *memory[T]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = time.Time{}
}
