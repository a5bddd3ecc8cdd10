package cluster

import (
	"context"
	"sync"
	"time"

	"kubernaut.ai/shared/event"
)

// Once answers like the Clients, and reads each object once, for one decision:
// who asks for an object's scope and for its owners means the same moment, and
// pods of one workload share all but themselves. Not for longer than a turn.
type Once struct {
	clients *Clients

	mutex sync.Mutex
	known map[object]answer
}

// Once starts without knowing anything.
func (c *Clients) Once() *Once { return &Once{clients: c, known: map[object]answer{}} }

// Scope is Clients.Scope.
func (o *Once) Scope(ctx context.Context, t event.Target) (Scope, error) {
	return scope(ctx, o, lookup{o.clients, t})
}

// Owners is Clients.Owners.
func (o *Once) Owners(ctx context.Context, t event.Target) ([]event.Target, error) {
	return owners(ctx, o, lookup{o.clients, t})
}

// read remembers answers and no failures: those may pass.
func (o *Once) read(ctx context.Context, of object, maxAge time.Duration) (answer, error) {
	o.mutex.Lock()
	a, ok := o.known[of]
	o.mutex.Unlock()
	if ok {
		return a, nil
	}
	a, err := o.clients.read(ctx, of, maxAge)
	if err == nil {
		o.mutex.Lock()
		o.known[of] = a
		o.mutex.Unlock()
	}
	return a, err
}
