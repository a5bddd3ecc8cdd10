package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a lock held by another process is asked for again.
const lockPoll = 200 * time.Millisecond

// lock takes the file lock of that path, waiting for whoever has it, and returns
// what gives it back. The kernel gives it back when the process ends, however it
// ends, so no lock is ever left behind.
func lock(ctx context.Context, file string, log io.Writer) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, fmt.Errorf("make cache folder: %w", err)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := acquire(ctx, f, log); err != nil {
		f.Close()
		return nil, fmt.Errorf("take lock %s: %w", file, err)
	}
	return func() { f.Close() }, nil
}

// acquire asks until it has the lock or ctx ends.
func acquire(ctx context.Context, f *os.File, log io.Writer) error {
	poll := time.NewTicker(lockPoll)
	defer poll.Stop()
	for told := false; ; told = true {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		if !told {
			fmt.Fprintf(log, "toolchain: another process is building here, waiting for it (%s)\n", f.Name())
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-poll.C:
		}
	}
}
