package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
)

// ErrNoProcess: the container runs no process now.
var ErrNoProcess = errors.New("the container has no process")

// KillContainer is kill -9 of every process of a pod's container, as a crash or
// the kernel's OOM killer would; the kubelet starts it again. It returns when
// they are gone. The pod must be as read from the API server a moment ago:
// ErrNoProcess when its container has been replaced since.
func (b *Bed) KillContainer(ctx context.Context, pod *corev1.Pod, container string) error {
	id, err := containerID(pod, container)
	if err != nil {
		return fmt.Errorf("kill container %s of %s: %w", container, pod.Name, err)
	}
	killed := false
	err = within(ctx, func(ctx context.Context) error {
		return await(ctx, func(context.Context) (bool, error) {
			pids := groupProcesses(containerCgroups(id))
			for _, pid := range pids {
				killed = true
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
					return false, err
				}
			}
			return len(pids) == 0, nil
		})
	})
	if err == nil && !killed {
		err = ErrNoProcess
	}
	if err != nil {
		return fmt.Errorf("kill container %s of %s: %w", container, pod.Name, err)
	}
	return nil
}

func containerID(pod *corev1.Pod, container string) (string, error) {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name != container {
			continue
		}
		_, id, found := strings.Cut(status.ContainerID, "://")
		if !found {
			return "", ErrNoProcess
		}
		return id, nil
	}
	return "", fmt.Errorf("%w: the pod has no container of that name that ever ran", ErrNoProcess)
}

// containerCgroups are the groups, one a hierarchy, that are named for a container.
func containerCgroups(id string) []string {
	var groups []string
	for _, root := range podCgroups() {
		_ = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() && entry.Name() == id {
				groups = append(groups, path)
			}
			return nil // a group that goes meanwhile is no error
		})
	}
	return groups
}
