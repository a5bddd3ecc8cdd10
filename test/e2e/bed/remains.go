package bed

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// What keeps a bed from being one that is up.
var (
	errHalf   = errors.New("it never was up")
	errReboot = errors.New("the machine has started anew since")
)

// mayBeAway are the processes that a scenario may have stopped; Mend starts them.
var mayBeAway = []string{"redis", "postgres", "alertmanager"}

// broken is nil for a bed of which all runs, and says otherwise what does not.
func broken(l layout, r *record) error {
	boot, err := bootID()
	if err != nil {
		return err
	}
	if r.Ready.IsZero() {
		return errHalf
	}
	if boot != r.Boot {
		return errReboot
	}
	all, err := (&supervisor{layout: l}).all()
	if err != nil {
		return err
	}
	for _, process := range all {
		if !process.Running() && !slices.Contains(mayBeAway, process.Program.Name) {
			return fmt.Errorf("%s does not run any more", process.Program.Name)
		}
	}
	if len(all) == 0 {
		return errHalf
	}
	return nil
}

// clear refuses where a bed is up, and removes what one that is not has left: in
// this state folder, and on the machine's network, whatever folder that was from.
func clear(ctx context.Context, l layout, options Options) error {
	r := &record{}
	err := readJSON(l.record(), r)
	if err == nil {
		why := broken(l, r)
		if why == nil {
			return fmt.Errorf("%w in %s, since %s", ErrUp, l, r.Ready.Format(time.DateTime))
		}
		_, _ = fmt.Fprintf(options.Log, "removing what is left of a bed in %s: %v\n", l, why)
	} else if !missing(err) {
		return err
	}
	// Without a record there are logs of a failure before, perhaps; they were there to be read.
	if err := takeDown(ctx, l, dropLogs); err != nil {
		return err
	}
	return clearBridge(ctx, l, options)
}

// clearBridge takes down what is left of a bed in another state folder: there is
// one bridge for all. A bed that is up there is left alone, and examine refuses.
func clearBridge(ctx context.Context, ours layout, options Options) error {
	owner, stands := bridgeOwner(ctx)
	other, err := Options{State: owner}.validate()
	if !stands || owner == "" || err != nil || other.State == string(ours) {
		return nil
	}
	l, r := layout(other.State), &record{}
	if err := readJSON(l.record(), r); err == nil && broken(l, r) == nil {
		return nil
	}
	if filepath.Dir(string(l)) != filepath.Dir(string(ours)) { // else it is locked already
		unlock, err := lock(l)
		if err != nil {
			return err
		}
		defer unlock()
	}
	_, _ = fmt.Fprintf(options.Log, "removing what is left of a bed in %s: its bridge stands\n", l)
	return takeDown(ctx, l, dropLogs)
}

// Mend starts the stores and the Alertmanager where whoever stopped them was
// killed before they were started again.
func (b *Bed) Mend(ctx context.Context) error {
	for _, service := range []*Service{b.Redis, b.Postgres, b.Alertmanager.Service} {
		if err := service.Start(ctx); err != nil && !errors.Is(err, ErrRunning) {
			return fmt.Errorf("mend bed: %w", err)
		}
	}
	return nil
}
