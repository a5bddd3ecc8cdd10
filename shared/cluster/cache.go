package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/lru"

	"kubernaut.ai/shared/event"
)

// DefaultCacheSize bounds how many objects a Cache remembers; an object's
// metadata is a few kilobytes.
const DefaultCacheSize = 10_000

// Cache answers like the Clients that it decorates, remembering metadata for
// a short while: owners for a minute, scope for seconds, absence for two. It
// only saves reads: nothing that a safety gate of execute rests on may come
// from it. Objects that it returns are shared and must not be changed.
type Cache struct {
	clients *Clients
	entries *lru.Cache
	flights singleflight.Group
}

type entry struct {
	meta *metav1.PartialObjectMetadata
	// no is set instead of meta where the API server knows no such object, or
	// does not let the stage read it.
	no error
	at time.Time
}

// NewCache decorates the clients. Size zero takes DefaultCacheSize.
func NewCache(c *Clients, size int) *Cache {
	if size <= 0 {
		size = DefaultCacheSize
	}
	return &Cache{clients: c, entries: lru.New(size)}
}

// Locate is Clients.Locate, at most a minute old.
func (c *Cache) Locate(ctx context.Context, t event.Target) (*metav1.PartialObjectMetadata, error) {
	return locate(ctx, c, lookup{c.clients, t})
}

// Owners is Clients.Owners, at most a minute old; an answer without an owner
// where one is usual is verified with the API server.
func (c *Cache) Owners(ctx context.Context, t event.Target) ([]event.Target, error) {
	return owners(ctx, c, lookup{c.clients, t})
}

// Scope is Clients.Scope, at most ten seconds old, and two where it is "no".
func (c *Cache) Scope(ctx context.Context, t event.Target) (Scope, error) {
	return scope(ctx, c, lookup{c.clients, t})
}

// KindsByWord is Clients.KindsByWord.
func (c *Cache) KindsByWord(ctx context.Context, word string) ([]Kind, error) {
	return c.clients.KindsByWord(ctx, word)
}

// NodeByAddress is Clients.NodeByAddress.
func (c *Cache) NodeByAddress(ctx context.Context, address string) (event.Target, error) {
	return c.clients.NodeByAddress(ctx, address)
}

func (c *Cache) read(ctx context.Context, o object, maxAge time.Duration) (answer, error) {
	if v, ok := c.entries.Get(o); ok {
		e := v.(entry)
		age := c.clients.now().Sub(e.at)
		if e.no != nil && age <= min(maxAge, maxAgeNo) {
			return answer{}, e.no
		}
		if e.no == nil && age <= maxAge {
			return answer{meta: e.meta, age: age}, nil
		}
	}
	return c.fetch(ctx, o)
}

// fetch reads once for all who ask at the same time. The read outlives the
// caller that started it, so that one impatient sender does not fail the rest.
func (c *Cache) fetch(ctx context.Context, o object) (answer, error) {
	flight := c.flights.DoChan(o.key(), func() (any, error) {
		at := c.clients.now()
		a, err := c.clients.read(context.WithoutCancel(ctx), o, 0)
		switch {
		case err == nil:
			c.entries.Add(o, entry{meta: a.meta, at: at})
		case errors.Is(err, ErrGone), errors.Is(err, ErrForbidden):
			c.entries.Add(o, entry{no: err, at: at})
		}
		return a, err
	})
	select {
	case <-ctx.Done():
		return answer{}, fmt.Errorf("read %s: %w", o.target(), ctx.Err())
	case result := <-flight:
		if result.Err != nil {
			return answer{}, result.Err
		}
		return result.Val.(answer), nil
	}
}

// key names the object among flights; a slash appears in none of its parts.
func (o object) key() string {
	return o.kind.Group + "/" + o.kind.Resource + "/" + o.namespace + "/" + o.name
}
