package broker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// tracker counts the deliveries that have not ended.
type tracker struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n falls to 0; nil if nobody waits
}

func (t *tracker) add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n += n
	if t.n == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

// wait returns when nothing is left, or with ctx's error.
func (t *tracker) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.n == 0 {
		t.mu.Unlock()
		return nil
	}
	if t.idle == nil {
		t.idle = make(chan struct{})
	}
	idle := t.idle
	t.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// UndeliveredError says what a stopping Broker still held, by Undelivered constant.
type UndeliveredError struct {
	ByReason map[string]int
}

// Error lists the counts in a fixed order.
func (e *UndeliveredError) Error() string {
	parts := make([]string, 0, len(e.ByReason))
	for _, reason := range slices.Sorted(maps.Keys(e.ByReason)) {
		parts = append(parts, fmt.Sprintf("%s: %d", reason, e.ByReason[reason]))
	}
	return "events left undelivered: " + strings.Join(parts, ", ")
}

// undelivered counts until Stop reports.
type undelivered struct {
	mu       sync.Mutex
	byReason map[string]int
}

func (u *undelivered) count(reason string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byReason == nil {
		u.byReason = map[string]int{}
	}
	u.byReason[reason]++
}

// err is nil if nothing was counted.
func (u *undelivered) err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.byReason) == 0 {
		return nil
	}
	return &UndeliveredError{ByReason: maps.Clone(u.byReason)}
}

// timers are the waits that Stop must be able to end. The zero value is ready.
type timers struct {
	mu      sync.Mutex
	stopped bool
	next    uint64
	waiting map[uint64]waiter
}

type waiter struct {
	stop   func() bool
	onStop func()
}

// start runs f after the wait that after begins, or onStop if the Broker stops first; never both.
func (t *timers) start(after func(func()) func() bool, f, onStop func()) {
	t.mu.Lock()
	if t.stopped {
		t.mu.Unlock()
		onStop()
		return
	}
	if t.waiting == nil {
		t.waiting = map[uint64]waiter{}
	}
	t.next++
	id := t.next
	t.waiting[id] = waiter{onStop: onStop}
	t.mu.Unlock()
	stop := after(func() {
		if t.take(id) {
			f()
		}
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	if w, ok := t.waiting[id]; ok {
		w.stop = stop
		t.waiting[id] = w
	}
}

func (t *timers) take(id uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.waiting[id]
	delete(t.waiting, id)
	return ok
}

// stopAll ends every wait and all that are started later.
func (t *timers) stopAll() {
	t.mu.Lock()
	t.stopped = true
	waiting := t.waiting
	t.waiting = nil
	t.mu.Unlock()
	for _, w := range waiting {
		if w.stop != nil {
			w.stop()
		}
		w.onStop()
	}
}
