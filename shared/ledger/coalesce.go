package ledger

import (
	"context"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// maxFlights bounds the pipelines that are with Redis at the same time. While
// they are, calls gather for the next one: the busier the process is, the more
// calls share a write, a read and a wake-up. One more than one, so that the
// wire is not idle while replies are taken apart.
const maxFlights = 2

// flight is one caller's part of a pipeline.
type flight struct {
	send   func(redis.Pipeliner)
	size   int
	landed chan error
	// lead tells a waiting caller to take the next pipeline. leads, under the
	// coalescer's lock, says that the caller does or will: nobody leads twice.
	lead  chan struct{}
	leads bool
}

// coalescer makes one pipeline of the calls of many goroutines. A caller never
// waits for others to come, only for those that went before. The zero value is
// ready.
type coalescer struct {
	mu      sync.Mutex
	flying  int
	waiting []*flight
}

// fly sends what send queues, together with what others want sent, in one
// pipeline; what one caller queues stays together and in its order. It returns
// the pipeline's error, which is nobody's alone. A caller whose ctx ends does
// not wait any longer; what it sent may still take effect, as with any call
// whose reply is lost.
func (c *coalescer) fly(ctx context.Context, client redis.UniversalClient, own *flight) error {
	if !c.join(own) {
		select {
		case err := <-own.landed:
			c.passOn(own)
			return err
		case <-own.lead:
		case <-ctx.Done():
			return c.leave(ctx, own)
		}
	}
	c.depart(ctx, client, own)
	return <-own.landed
}

// join queues a flight; it leads at once where there is room for a pipeline.
func (c *coalescer) join(own *flight) (leads bool) {
	own.landed, own.lead = make(chan error, 1), make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, own)
	if c.flying < maxFlights {
		c.flying++
		own.leads = true
	}
	return own.leads
}

// board takes the leader, unless another pipeline has taken it, and of those
// that wait as many as have room, in their order.
func (c *coalescer) board(leader *flight) []*flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	var aboard []*flight
	size := 0
	if i := slices.Index(c.waiting, leader); i >= 0 {
		aboard, size = append(aboard, leader), leader.size
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
	n := 0
	for n < len(c.waiting) && (len(aboard) == 0 || size+c.waiting[n].size <= MaxBatch) {
		aboard, size = append(aboard, c.waiting[n]), size+c.waiting[n].size
		n++
	}
	c.waiting = slices.Delete(c.waiting, 0, n)
	return aboard
}

// depart runs one pipeline and hands the lead on.
func (c *coalescer) depart(ctx context.Context, client redis.UniversalClient, leader *flight) {
	if aboard := c.board(leader); len(aboard) > 0 {
		// The leader's patience is not the others': the client's own timeouts bound
		// the trip.
		_, err := client.Pipelined(context.WithoutCancel(ctx), func(p redis.Pipeliner) error {
			for _, f := range aboard {
				f.send(p)
			}
			return nil
		})
		for _, f := range aboard {
			f.landed <- err
		}
	}
	c.handOn()
}

func (c *coalescer) handOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.waiting {
		if !f.leads {
			f.leads = true
			f.lead <- struct{}{}
			return
		}
	}
	c.flying-- // all that wait lead a pipeline of their own
}

// passOn hands the lead on where it came to somebody who needs it no more.
func (c *coalescer) passOn(own *flight) {
	select {
	case <-own.lead:
		c.handOn()
	default:
	}
}

// leave gives up waiting. Who was just told to lead hands the lead on.
func (c *coalescer) leave(ctx context.Context, own *flight) error {
	c.mu.Lock()
	if i := slices.Index(c.waiting, own); i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
	c.mu.Unlock()
	c.passOn(own)
	return ctx.Err()
}
