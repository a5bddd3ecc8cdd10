package main

import (
	"context"
	"fmt"
	"path/filepath"

	"kubernaut.ai/local/system"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/redrive"
	"kubernaut.ai/shared/stage"
)

// redriveAll posts every dead letter of the system that runs in --dir, or of
// the one that REDIS_URL and K_SINK name, to its Broker again.
func (o *options) redriveAll(ctx context.Context) error {
	c := stage.NewConfig(map[string]string{stage.EnvSettings: filepath.Join(o.system.Dir, system.SettingsFile)})
	redis := o.system.RedisURL
	if redis == "" {
		redis = c.Required(stage.EnvRedis, "where the dead letters are; start a system with make run, or give --redis")
	}
	sink := c.Required(stage.EnvSink, "the Broker to post them to")
	if err := c.Err(); err != nil {
		return err
	}
	letters, err := ledger.Open(redis)
	if err != nil {
		return err
	}
	defer func() { _ = letters.Close() }() // read from only
	broker := stage.NewSink(sink)
	defer broker.Close()
	sum, err := redrive.Do(ctx, redrive.Order{Letters: letters, Publish: broker.Post})
	_, _ = fmt.Fprintf(o.out, "%d taken by the Broker, %d kept (%d of them too old to be acted on), %d failed\n", sum.Accepted, sum.Kept, sum.TooOld, sum.Failed)
	return err
}
