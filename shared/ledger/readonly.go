package ledger

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/redis/go-redis/v9"
)

// ErrReadOnly refuses a write under a context that only reads. It is a defect
// of the caller: repeating the call cannot help.
var ErrReadOnly = errors.New("a context that only reads may not write to redis")

type readOnlyKey struct{}

// ReadOnly is a context under which no call of a Ledger changes Redis. What is
// not known to read is refused with ErrReadOnly before it is sent: a method
// that somebody adds, or a write that somebody forgets, cannot get through.
func ReadOnly(ctx context.Context) context.Context {
	return context.WithValue(ctx, readOnlyKey{}, true)
}

func isReadOnly(ctx context.Context) bool { return ctx.Value(readOnlyKey{}) != nil }

// readers are the commands that a ReadOnly context may send: those that read,
// and those by which the client opens a connection and finds a cluster's nodes.
var readers = map[string]bool{"get": true, "hget": true, "hmget": true, "hgetall": true, "exists": true, "ping": true,
	"zrevrange": true,
	"hello":     true, "auth": true, "select": true, "client": true, "readonly": true, "cluster": true, "command": true}

// readingScripts are the scripts that only read, by their digests. Redis' own
// EVALSHA_RO would refuse the others' writes too, but the embedded server takes
// even TIME for one.
var readingScripts = func() map[string]bool {
	m := map[string]bool{}
	for _, s := range []*redis.Script{scriptGet, scriptForesee, scriptLimits} {
		m[s.Hash()] = true
	}
	return m
}()

// reads tells whether a command changes nothing.
func reads(cmd redis.Cmder) bool {
	name := cmd.Name()
	if name != "evalsha" && name != "eval" {
		return readers[name]
	}
	digest, ok := cmd.Args()[1].(string)
	if ok && name == "eval" {
		digest = redis.NewScript(digest).Hash()
	}
	return ok && readingScripts[digest]
}

// guard is the hook that stands between every call and Redis.
type guard struct{}

func (guard) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (guard) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if isReadOnly(ctx) && !reads(cmd) {
			return refuse(cmd)
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook refuses all of a pipeline for one command that writes.
func (guard) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if isReadOnly(ctx) {
			for _, cmd := range cmds {
				if !reads(cmd) {
					return refuse(cmd)
				}
			}
		}
		return next(ctx, cmds)
	}
}

func refuse(cmd redis.Cmder) error {
	err := fmt.Errorf("%w: %s", ErrReadOnly, cmd.Name())
	cmd.SetErr(err)
	return err
}
