package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// The kubelet puts every pod below this group, in each hierarchy of the first
// version of cgroups and in the one of the second.
const podGroup = "kubepods"

var podGroupPatterns = []string{"/sys/fs/cgroup/" + podGroup, "/sys/fs/cgroup/*/" + podGroup}

// podCgroups are the groups that hold pods; none when no kubelet has run.
func podCgroups() []string {
	var found []string
	for _, pattern := range podGroupPatterns {
		matches, err := filepath.Glob(pattern)
		if err == nil { // the only error is a malformed pattern
			found = append(found, matches...)
		}
	}
	return found
}

// killPods kills every process in a pod's group and waits until they are gone.
func killPods(ctx context.Context) error {
	return await(ctx, func(context.Context) (bool, error) {
		pids := groupProcesses(podCgroups())
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return false, fmt.Errorf("kill pod's process %d: %w", pid, err)
			}
		}
		return len(pids) == 0, nil
	})
}

// groupProcesses are the pids in groups and below. One that ends meanwhile, or a
// group that goes, is no error.
func groupProcesses(groups []string) []int {
	var pids []int
	for _, group := range groups {
		_ = filepath.WalkDir(group, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || entry.Name() != "cgroup.procs" {
				return nil
			}
			content, _ := os.ReadFile(path)
			for _, field := range strings.Fields(string(content)) {
				if pid, err := strconv.Atoi(field); err == nil {
					pids = append(pids, pid)
				}
			}
			return nil
		})
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// removePodCgroups removes the empty groups, the deepest first. The kernel lets
// go of a group a moment after its last process.
func removePodCgroups(ctx context.Context) error {
	err := await(ctx, func(context.Context) (bool, error) {
		for _, group := range podCgroups() {
			removeTree(group)
		}
		return len(podCgroups()) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("remove cgroups %s: %w", strings.Join(podCgroups(), ", "), err)
	}
	return nil
}

func removeTree(group string) {
	entries, err := os.ReadDir(group)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if entry.IsDir() {
			removeTree(filepath.Join(group, entry.Name()))
		}
	}
	_ = os.Remove(group) // its files go with it; one still in use is tried again
}
