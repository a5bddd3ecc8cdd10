package bed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// markVariable is in the environment of all that belongs to a bed: its value is
// the state folder.
const markVariable = "KUBERNAUT_E2E_BED"

// mark is what a process is told as the bed's by, whoever started it: the file
// that remembers it is written a moment after its start, and its starter may be
// killed in between.
func (l layout) mark() string { return markVariable + "=" + string(l) }

// Mark is a variable, as NAME=value, with which a process ends with the bed, and
// what it starts with it too.
func (b *Bed) Mark() string { return b.site.layout.mark() }

// endStrays ends what has the bed's mark and no file: also containerd's helpers,
// one a pod, which have it from containerd and outlive it on purpose.
func endStrays(ctx context.Context, l layout) error {
	var found []int
	return await(ctx, func(context.Context) (bool, error) {
		pids, err := marked(l)
		if err != nil {
			return false, err
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return false, fmt.Errorf("kill stray process %d: %w", pid, err)
			}
		}
		// One that is ending has no environment any more, and perhaps still its ports.
		found = append(found, pids...)
		return !slices.ContainsFunc(found, computes), nil
	})
}

// marked are the processes with the bed's mark, but for this one.
func marked(l layout) ([]int, error) {
	return processesThat("environ", l.mark())
}

// processesWith are the pids whose command line has argument as one of its own.
func processesWith(argument string) ([]int, error) {
	return processesThat("cmdline", argument)
}

// processesThat are the pids of which a file in /proc, a list of texts that each
// end with a zero byte, has one of the texts; this process is none of them.
func processesThat(file, has string) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		texts, err := os.ReadFile(filepath.Join("/proc", entry.Name(), file))
		if err == nil && bytes.Contains(slices.Concat([]byte{0}, texts, []byte{0}), []byte("\x00"+has+"\x00")) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
