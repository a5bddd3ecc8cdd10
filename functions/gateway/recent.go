package function

import "sync"

// recent remembers the entries that were used last. Two generations bound it
// without a list: when the young one is full, it replaces the old one. What it
// forgets costs a little work, never a wrong answer.
type recent[K comparable, V any] struct {
	mu         sync.Mutex
	size       int
	young, old map[K]V
}

// newRecent remembers between size and twice size entries.
func newRecent[K comparable, V any](size int) *recent[K, V] {
	return &recent[K, V]{size: size, young: make(map[K]V)}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.look(key)
}

func (r *recent[K, V]) look(key K) (V, bool) {
	v, ok := r.young[key]
	if ok {
		return v, true
	}
	if v, ok = r.old[key]; ok {
		r.keep(key, v)
	}
	return v, ok
}

func (r *recent[K, V]) put(key K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep(key, v)
}

// change replaces an entry by what f makes of it, as one step.
func (r *recent[K, V]) change(key K, f func(V, bool) V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep(key, f(r.look(key)))
}

func (r *recent[K, V]) keep(key K, v V) {
	if _, there := r.young[key]; !there && len(r.young) >= r.size {
		r.young, r.old = make(map[K]V, r.size), r.young
	}
	r.young[key] = v
}
