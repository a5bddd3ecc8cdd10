package ledgertest

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
)

// tagCheck watches every command of the suite: all keys of a script carry one
// and the same hash tag, and every key the product's prefix.
type tagCheck struct{ t *testing.T }

func (c tagCheck) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c tagCheck) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.check(cmd)
		return next(ctx, cmd)
	}
}

func (c tagCheck) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			c.check(cmd)
		}
		return next(ctx, cmds)
	}
}

func (c tagCheck) check(cmd redis.Cmder) {
	keys := keysOf(cmd.Args())
	tags := map[string]bool{}
	for _, key := range keys {
		assert.True(c.t, strings.HasPrefix(key, "kubernaut:"), "key %q without our prefix", key)
		assert.Equal(c.t, 1, strings.Count(key, "{"), "key %q has not one tag", key)
		_, rest, _ := strings.Cut(key, "{")
		tag, _, closed := strings.Cut(rest, "}")
		assert.True(c.t, closed && tag != "", "key %q has no tag", key)
		tags[tag] = true
	}
	assert.LessOrEqual(c.t, len(tags), 1, "keys of one command cross tags: %v", keys)
}

// keysOf knows the commands that the ledger sends.
func keysOf(args []any) []string {
	text := func(i int) string { s, _ := args[i].(string); return s }
	switch name := strings.ToLower(text(0)); name {
	case "eval", "evalsha":
		n, _ := args[2].(int)
		keys := make([]string, 0, n)
		for i := 3; i < 3+n; i++ {
			keys = append(keys, text(i))
		}
		return keys
	case "get", "set", "del", "hget", "hmget", "hgetall", "zrevrange":
		return []string{text(1)}
	default:
		return nil // connection and cluster commands
	}
}
