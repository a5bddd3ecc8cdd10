package ledger

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Ledger is a connection to the shared state. It is safe for concurrent use.
type Ledger struct {
	redis redis.UniversalClient
	// one is set where one server does everything: order and company in a
	// pipeline mean something there.
	one     bool
	flights coalescer
}

// New builds a Ledger on a client that the caller configured. The Ledger owns
// the client from then on: Close closes it.
func New(client redis.UniversalClient) *Ledger {
	_, one := client.(*redis.Client)
	client.AddHook(guard{})
	return &Ledger{redis: client, one: one}
}

// Open parses the URL and builds a client with short timeouts. It does no I/O:
// a Redis that is down shows at the first call, as ErrUnavailable.
//
// Accepted are redis://, rediss:// and unix:// as go-redis knows them; several
// hosts separated by commas; ?cluster=true for Redis Cluster; and
// ?master_name=NAME for hosts that are sentinels. They are told the password of the
// Redis that they watch, unless &sentinel_auth=false says that they know another.
func Open(url string, options ...Option) (*Ledger, error) {
	settings := defaultSettings()
	for _, option := range options {
		option(&settings)
	}
	client, err := newClient(url, settings)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return New(client), nil
}

// Ping answers nil when Redis answers.
func (l *Ledger) Ping(ctx context.Context) error {
	return wrap("ping redis", l.redis.Ping(ctx).Err())
}

// Close closes the connections. The Ledger cannot be used afterwards.
func (l *Ledger) Close() error { return wrap("close redis", l.redis.Close()) }
