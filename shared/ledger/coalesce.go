package ledger

import (
	"context"
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
	// lead tells a waiting caller to take the next pipeline; told, under the
	// coalescer's lock, that it was.
	lead chan struct{}
	told bool
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
	own.landed, own.lead = make(chan error, 1), make(chan struct{}, 1)
	c.mu.Lock()
	c.waiting = append(c.waiting, own)
	leads := c.flying < maxFlights
	if leads {
		c.flying++
	}
	c.mu.Unlock()
	if !leads {
		select {
		case err := <-own.landed:
			c.passOn(own)
			return err
		case <-own.lead:
		case <-ctx.Done():
			return c.leave(ctx, own)
		}
	}
	c.depart(ctx, client)
	return <-own.landed
}

// depart takes all that wait, up to a bound, and hands the lead on.
func (c *coalescer) depart(ctx context.Context, client redis.UniversalClient) {
	c.mu.Lock()
	group, size := 0, 0
	for group < len(c.waiting) && (group == 0 || size+c.waiting[group].size <= MaxBatch) {
		size += c.waiting[group].size
		group++
	}
	aboard := append([]*flight(nil), c.waiting[:group]...)
	c.waiting = append(c.waiting[:0], c.waiting[group:]...)
	c.mu.Unlock()
	if len(aboard) > 0 {
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
		if !f.told {
			f.told = true
			f.lead <- struct{}{}
			return
		}
	}
	c.flying-- // who was told before will take all that wait
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
	for i, f := range c.waiting {
		if f == own {
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			break
		}
	}
	c.mu.Unlock()
	c.passOn(own)
	return ctx.Err()
}
