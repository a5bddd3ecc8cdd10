package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"kubernaut.ai/local/system"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/stage"
)

// forgetOne removes one remediation from the history of the system that runs
// in --dir, or from the one that --history names: what a person has the right
// to ask for. It needs the right to delete there, and no running system.
func (o *options) forgetOne(ctx context.Context) error {
	url := o.system.HistoryURL
	if url == "" {
		c := stage.NewConfig(map[string]string{stage.EnvSettings: filepath.Join(o.system.Dir, system.SettingsFile)})
		url = c.Required(stage.EnvHistory, "where history is kept; start a system with make run, or give --history")
		if err := c.Err(); err != nil {
			return err
		}
	}
	store, err := history.Open(url)
	if err != nil {
		return err
	}
	removed, err := store.Forget(ctx, o.forget)
	if errors.Is(err, history.ErrNotEnded) {
		err = fmt.Errorf("%w: its next event would bring it back; wait for its end, or refuse it", err)
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "%s is forgotten: %d rows removed. What Redis still holds of it expires by itself.\n", o.forget, removed)
	return err
}
