package simulation

import (
	"container/heap"
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// errorRetry is the simulated time after which a reconcile that failed is tried again.
const errorRetry = time.Second

// ref names an object for a controller.
type ref struct {
	resource *resource
	key      types.NamespacedName
}

// engine runs every controller in one goroutine: changes and due timers name objects, each named object is reconciled once,
// in the order named. One goroutine is what makes a run repeatable and the controllers free of locks.
type engine struct {
	options  Options
	registry *registry
	store    *store

	mu      sync.Mutex // guards changes only: the store notifies while it holds its own lock
	changes []change
	wake    chan struct{}

	queue   []ref
	queued  map[ref]bool
	timers  timerHeap
	owned   map[types.UID]map[ref]bool // dependents by owner
	onNode  map[string]map[ref]bool    // pods by node
	waiting map[ref]bool               // pods without a node
	kubelet map[types.UID]*podRuntime  // how far each pod is
	cured   map[string]bool            // owners whose pods a restart has cured
	nodes   map[types.UID]*nodeRuntime // since when a node is not ready
	events  map[eventKey]string        // names of event objects, to count repeats
	sick    map[string]types.UID       // the owner whose pods first had what only a restart cures
}

func newEngine(options Options) *engine {
	return &engine{
		options: options, wake: make(chan struct{}, 1),
		queued: map[ref]bool{}, owned: map[types.UID]map[ref]bool{}, onNode: map[string]map[ref]bool{}, waiting: map[ref]bool{},
		kubelet: map[types.UID]*podRuntime{}, cured: map[string]bool{}, nodes: map[types.UID]*nodeRuntime{},
		events: map[eventKey]string{}, sick: map[string]types.UID{},
	}
}

func (e *engine) attach(g *registry) { e.registry, e.store = g, g.store }

// observe takes a change from the store. It runs under the store's lock, so it only notes it.
func (e *engine) observe(c change) {
	e.mu.Lock()
	e.changes = append(e.changes, c)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// run reconciles until ctx ends.
func (e *engine) run(ctx context.Context) {
	ticker := time.NewTicker(e.options.Tick)
	defer ticker.Stop()
	for ctx.Err() == nil {
		e.drain(ctx)
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-ticker.C:
		}
	}
}

func (e *engine) drain(ctx context.Context) {
	for ctx.Err() == nil {
		e.absorb()
		e.fire()
		if len(e.queue) == 0 {
			return
		}
		next := e.queue[0]
		e.queue = e.queue[1:]
		delete(e.queued, next)
		e.handle(next)
	}
}

func (e *engine) handle(next ref) {
	err := e.reconcile(next)
	if err == nil || apierrors.IsNotFound(err) {
		return
	}
	if !apierrors.IsConflict(err) {
		e.options.Logger.Warn("simulated controller failed", "kind", next.resource.kind, "object", next.key.String(), "error", err)
	}
	e.after(errorRetry, next)
}

func (e *engine) enqueue(r ref) {
	if !e.queued[r] {
		e.queued[r] = true
		e.queue = append(e.queue, r)
	}
}

func (e *engine) absorb() {
	e.mu.Lock()
	changes := e.changes
	e.changes = nil
	e.mu.Unlock()
	for _, c := range changes {
		e.index(c)
		e.route(c)
	}
}

// simulated converts simulated time to the wall clock's.
func (e *engine) simulated(d time.Duration) time.Duration {
	return time.Duration(float64(d) / e.options.Speed)
}

func (e *engine) now() time.Time { return e.options.Now() }

// after names an object again when simulated time d has passed.
func (e *engine) after(d time.Duration, r ref) { e.at(e.now().Add(e.simulated(d)), r) }

func (e *engine) at(when time.Time, r ref) { heap.Push(&e.timers, timer{when, r}) }

func (e *engine) fire() {
	now := e.now()
	for len(e.timers) > 0 && !e.timers[0].at.After(now) {
		e.enqueue(heap.Pop(&e.timers).(timer).ref)
	}
}

func (e *engine) writeAs(subresource string) writeOptions {
	return writeOptions{now: e.now(), operation: metav1.ManagedFieldsOperationUpdate, subresource: subresource, system: true}
}

// setStatus applies a change to an object's status.
func (e *engine) setStatus(r ref, change func(runtime.Object)) error {
	return e.write(r, subresourceStatus, change)
}

// modify applies a change to an object's spec or metadata.
func (e *engine) modify(r ref, change func(runtime.Object)) error {
	return e.write(r, subresourceNone, change)
}

func (e *engine) write(r ref, subresource string, change func(runtime.Object)) error {
	_, _, err := e.registry.update(e.writeAs(subresource), r.resource, r.key, func(current runtime.Object) (runtime.Object, error) {
		change(current)
		return current, nil
	})
	return err
}

func (e *engine) create(r *resource, object runtime.Object) error {
	_, err := e.registry.create(e.writeAs(subresourceNone), r, object)
	return err
}

// remove deletes an object if it still is the one meant; grace nil is the object's own.
func (e *engine) remove(r ref, uid types.UID, grace *int64) error {
	_, _, err := e.registry.delete(e.writeAs(subresourceNone), r.resource, r.key, &metav1.DeleteOptions{
		GracePeriodSeconds: grace, Preconditions: &metav1.Preconditions{UID: &uid},
	})
	return err
}

// get returns an object, shared and not to be changed, or false.
func get[T runtime.Object](e *engine, r ref) (T, bool) {
	var zero T
	found := e.store.get(r.resource, r.key)
	if found == nil {
		return zero, false
	}
	object, ok := found.object.(T)
	return object, ok
}

// list returns the objects of a namespace; they are shared and must not be changed.
func list[T runtime.Object](e *engine, r *resource, namespace string) []T {
	items, _ := e.store.list(r, namespace)
	out := make([]T, 0, len(items))
	for _, entry := range items {
		out = append(out, entry.object.(T))
	}
	return out
}

// dependents returns the objects of a kind that an owner controls, sorted by name; they are shared and must not be changed.
func dependents[T runtime.Object](e *engine, r *resource, owner types.UID) []T {
	var items []*item
	for dependent := range e.owned[owner] {
		if dependent.resource != r {
			continue
		}
		found := e.store.get(r, dependent.key)
		if found == nil {
			continue
		}
		if controller := metav1.GetControllerOf(found.meta); controller != nil && controller.UID == owner {
			items = append(items, found)
		}
	}
	sortItems(items)
	out := make([]T, 0, len(items))
	for _, entry := range items {
		out = append(out, entry.object.(T))
	}
	return out
}

type timer struct {
	at  time.Time
	ref ref
}

type timerHeap []timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(a, b int) bool { return h[a].at.Before(h[b].at) }
func (h timerHeap) Swap(a, b int)      { h[a], h[b] = h[b], h[a] }
func (h *timerHeap) Push(x any)        { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
