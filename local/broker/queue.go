package broker

import "sync"

// queue runs deliveries in order of arrival on at most limit goroutines; an empty queue has none.
type queue struct {
	limit int
	work  func(*delivery)

	mu      sync.Mutex
	items   []*delivery
	held    *delivery // put back by chaos until another one has overtaken it
	running int
}

// push adds d, and behind it what it overtakes.
func (q *queue) push(d *delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(d)
	if q.held != nil {
		q.add(q.held)
		q.held = nil
	}
}

func (q *queue) add(d *delivery) {
	q.items = append(q.items, d)
	if q.running < q.limit {
		q.running++
		go q.run()
	}
}

// hold keeps d until the next push; false if another one is held already.
func (q *queue) hold(d *delivery) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held != nil {
		return false
	}
	q.held = d
	return true
}

// release queues d if it is still held.
func (q *queue) release(d *delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held == d {
		q.held = nil
		q.add(d)
	}
}

// drain takes out what no goroutine has begun.
func (q *queue) drain() []*delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	if q.held != nil {
		items = append(items, q.held)
	}
	q.items, q.held = nil, nil
	return items
}

func (q *queue) run() {
	for {
		d, ok := q.next()
		if !ok {
			return
		}
		q.work(d)
	}
}

func (q *queue) next() (*delivery, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		q.items = nil // lets go of the backing array
		q.running--
		return nil, false
	}
	d := q.items[0]
	q.items[0] = nil
	q.items = q.items[1:]
	return d, true
}
