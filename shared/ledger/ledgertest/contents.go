package ledgertest

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"github.com/redis/go-redis/v9"
)

// ContentsOf is all that the Redis at a ledger's URL holds.
func ContentsOf(t testing.TB, url string) map[string]any {
	t.Helper()
	all := map[string]any{}
	eachServer(t, rawClient(t, url), func(ctx context.Context, server *redis.Client) error {
		found, err := contents(ctx, server)
		maps.Copy(all, found)
		return err
	})
	return all
}

// contents is all that one server holds: each key's value.
func contents(ctx context.Context, server redis.Cmdable) (map[string]any, error) {
	keys, err := server.Keys(ctx, "*").Result()
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	all := map[string]any{}
	for _, key := range keys {
		if all[key], err = value(ctx, server, key); err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
	}
	return all, nil
}

func value(ctx context.Context, server redis.Cmdable, key string) (any, error) {
	kind, err := server.Type(ctx, key).Result()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "string":
		return server.Get(ctx, key).Result()
	case "hash":
		return server.HGetAll(ctx, key).Result()
	case "zset":
		return server.ZRangeWithScores(ctx, key, 0, -1).Result()
	case "set":
		return server.SMembers(ctx, key).Result()
	}
	return nil, fmt.Errorf("no reader for a %s", kind)
}
