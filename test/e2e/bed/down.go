package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Whether logs outlive the bed.
const (
	keepLogs = true
	dropLogs = false
)

const (
	// downPatience bounds each wait of taking down.
	downPatience = 30 * time.Second
	// endPatience is what each process gets to end by itself: nothing it could
	// save is kept.
	endPatience = 2 * time.Second
)

// lock keeps two programs from bringing up or taking down at once. It locks the
// folder above the state's, so that no file is left behind.
func lock(l layout) (unlock func(), err error) {
	above := filepath.Dir(string(l))
	if err := os.MkdirAll(above, 0o755); err != nil {
		return nil, fmt.Errorf("make folder above state: %w", err)
	}
	file, err := os.Open(above)
	if err != nil {
		return nil, fmt.Errorf("lock state: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: another program brings a bed up or takes one down now", ErrTaken), file.Close())
	}
	return func() { _ = file.Close() }, nil // the lock goes with the last copy of the file
}

// takeDown removes everything that a bed made, as far as it came. It goes on after
// a failure, so that as little as possible is left, and returns them all.
func takeDown(ctx context.Context, l layout, logs bool) error {
	r, err := whatWasMade(ctx, l)
	if err != nil {
		return err
	}
	if r == nil {
		return removeState(l, logs)
	}
	var failed []error
	try := func(err error) {
		if err != nil {
			failed = append(failed, err)
		}
	}
	try(endProcesses(ctx, l))
	try(forgetKilled(l.data("postgres")))
	try(removeLinks(ctx))
	try(unmountBelow(string(l)))
	try(within(ctx, removePodCgroups))
	try(dropGuard(ctx))
	if len(failed) > 0 {
		// The record stays, so that the next attempt knows what there is.
		return errors.Join(failed...)
	}
	return errors.Join(r.Before.giveBack(), removeState(l, logs))
}

// whatWasMade is the record of a bed; nil when there never was one. Where the
// record is lost and something of it is still on the network, it is empty:
// everything goes but what only the record knew.
func whatWasMade(ctx context.Context, l layout) (*record, error) {
	r := &record{}
	err := readJSON(l.record(), r)
	if missing(err) {
		if leftOnNetwork(ctx, l) {
			return r, nil
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	if r.Boot != boot {
		// The settings of a machine that has started anew are its own.
		r.Before.Sysctls = nil
	}
	return r, nil
}

// endProcesses ends the kubelet first, which would start pods again, then the
// pods, and then what ran them.
func endProcesses(ctx context.Context, l layout) error {
	s, err := newSupervisor(l)
	if err != nil {
		return err
	}
	var failed []error
	for _, first := range []string{"kubelet", "kwok"} {
		failed = append(failed, s.end(ctx, first, endPatience))
	}
	// Where the bridge is ours, so are the pods: there is no other kubelet beside.
	if _, err := load(l.processes(), "containerd"); err == nil || leftOnNetwork(ctx, l) {
		failed = append(failed, within(ctx, killPods))
	}
	failed = append(failed, s.endAll(ctx, endPatience),
		within(ctx, func(ctx context.Context) error { return endStrays(ctx, l) }))
	return errors.Join(failed...)
}

func within(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, downPatience)
	defer cancel()
	return do(ctx)
}

// removeLinks removes the machine's ends of the pods' links: the kernel would, a
// while after the pods.
func removeLinks(ctx context.Context) error {
	shown, err := command(ctx, "ip", "-oneline", "link", "show", "master", bridge)
	if err != nil {
		return nil // no bridge, no links
	}
	var failed []error
	for line := range strings.Lines(shown) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimSuffix(fields[1], ":"), "@")
		if _, err := command(ctx, "ip", "link", "delete", "dev", name); err != nil && !alreadyGone(err) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// ours is what the bed makes in its state folder. Only that is removed: the
// folder may be one that somebody named by mistake.
var ours = []string{"bed.json", "bed.json.next", "kubeconfig", "processes", "pki", "etc", "data", "run"}

// removeState removes what the bed made in the state folder, and the folder when
// nothing else is in it; logs only where they are not to stay.
func removeState(l layout, logs bool) error {
	names := ours
	if !logs {
		names = append(names[:len(names):len(names)], "logs")
	}
	var failed []error
	for _, name := range names {
		failed = append(failed, os.RemoveAll(l.path(name)))
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("remove state: %w", err)
	}
	// What is not the bed's, or logs that stay, keep the folder.
	if err := os.Remove(string(l)); err != nil && !missing(err) && !errors.Is(err, syscall.ENOTEMPTY) {
		return fmt.Errorf("remove state: %w", err)
	}
	return nil
}
