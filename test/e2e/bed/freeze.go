package bed

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
)

// Frozen is a container whose processes stand still, as on a machine that hangs:
// what is sent to it waits.
type Frozen struct {
	groups []string
	port   int32
}

// FreezeContainer stops every process of a pod's container until Thaw, or until
// the container is killed. The pod must be as read from the API server a moment
// ago: ErrNoProcess when its container has been replaced since.
func (b *Bed) FreezeContainer(pod *corev1.Pod, container string) (*Frozen, error) {
	id, err := containerID(pod, container)
	if err != nil {
		return nil, fmt.Errorf("freeze container %s of %s: %w", container, pod.Name, err)
	}
	f := &Frozen{groups: containerCgroups(id), port: firstPort(pod, container)}
	if err := f.signal(syscall.SIGSTOP); err != nil {
		return nil, fmt.Errorf("freeze container %s of %s: %w", container, pod.Name, err)
	}
	return f, nil
}

// Thaw lets it go on where it stood; a container that was killed meanwhile is no
// error.
func (f *Frozen) Thaw() error {
	err := f.signal(syscall.SIGCONT)
	if err != nil && !errors.Is(err, ErrNoProcess) {
		return fmt.Errorf("thaw container: %w", err)
	}
	return nil
}

// Unread is how many bytes have come to the container's port that it has not
// read: a request that it will never answer, if it is killed now.
func (f *Frozen) Unread() (int, error) {
	pids := groupProcesses(f.groups)
	if len(pids) == 0 {
		return 0, ErrNoProcess
	}
	unread := 0
	for _, family := range []string{"tcp", "tcp6"} {
		table, err := os.Open(filepath.Join("/proc", strconv.Itoa(pids[0]), "net", family))
		if err != nil {
			return 0, fmt.Errorf("read connections: %w", err)
		}
		lines := bufio.NewScanner(table)
		for lines.Scan() {
			unread += unreadOf(lines.Text(), f.port)
		}
		err = errors.Join(lines.Err(), table.Close())
		if err != nil {
			return 0, fmt.Errorf("read connections: %w", err)
		}
	}
	return unread, nil
}

// established is a connection's state in /proc/net/tcp.
const established = "01"

// unreadOf reads one line of /proc/net/tcp (proc(5)): the bytes that wait on a
// connection to a local port, 0 for any other line.
func unreadOf(line string, port int32) int {
	const local, state, queues = 1, 3, 4
	fields := strings.Fields(line)
	if len(fields) <= queues || fields[state] != established {
		return 0
	}
	_, hexPort, _ := strings.Cut(fields[local], ":")
	_, received, _ := strings.Cut(fields[queues], ":")
	found, errPort := strconv.ParseInt(hexPort, 16, 32)
	bytes, errBytes := strconv.ParseInt(received, 16, 64)
	if errPort != nil || errBytes != nil || int32(found) != port {
		return 0
	}
	return int(bytes)
}

func (f *Frozen) signal(signal syscall.Signal) error {
	pids := groupProcesses(f.groups)
	if len(pids) == 0 {
		return ErrNoProcess
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// firstPort is the port that a container says it listens on; 0 if it says none.
func firstPort(pod *corev1.Pod, container string) int32 {
	for _, c := range pod.Spec.Containers {
		if c.Name == container && len(c.Ports) > 0 {
			return c.Ports[0].ContainerPort
		}
	}
	return 0
}
