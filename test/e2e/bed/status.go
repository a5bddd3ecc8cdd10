package bed

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Status is what runs of a bed, and what it takes.
type Status struct {
	// Began and Ready are when Up began and when all was ready.
	Began, Ready time.Time
	// Processes in the order they were started.
	Processes []ProcessStatus
	// Pods is what all processes in pods take, Helpers what containerd's one
	// process a pod does.
	Pods, Helpers Usage
}

// ProcessStatus is one of the bed's processes.
type ProcessStatus struct {
	Name    string
	PID     int
	Running bool
	Usage   Usage
	Log     string
}

// Usage is what processes take of the machine.
type Usage struct {
	// Processes is how many they are.
	Processes int
	// Memory is their proportional share of memory, in bytes: pages that several
	// share count once in the sum.
	Memory int64
	// Processor is the time that they have computed so far.
	Processor time.Duration
}

// Sum is the whole of what the bed takes.
func (s Status) Sum() Usage {
	sum := s.Pods.plus(s.Helpers)
	for _, process := range s.Processes {
		sum = sum.plus(process.Usage)
	}
	return sum
}

func (u Usage) plus(other Usage) Usage {
	return Usage{Processes: u.Processes + other.Processes, Memory: u.Memory + other.Memory, Processor: u.Processor + other.Processor}
}

// Status reads what runs now.
func (b *Bed) Status() (Status, error) {
	all, err := b.site.supervisor.all()
	if err != nil {
		return Status{}, fmt.Errorf("read status: %w", err)
	}
	helpers, err := processesWith(b.site.layout.containerdSocket())
	if err != nil {
		return Status{}, fmt.Errorf("read status: %w", err)
	}
	status := Status{
		Began: b.site.record.Began, Ready: b.site.record.Ready,
		Pods: usage(groupProcesses(podCgroups())), Helpers: usage(helpers),
	}
	for _, process := range all {
		one := ProcessStatus{Name: process.Program.Name, PID: process.PID, Running: process.Running(), Log: process.Log}
		if one.Running {
			// PostgreSQL is many processes, and most of it is in the children.
			one.Usage = usage(withChildren(process.PID))
		}
		status.Processes = append(status.Processes, one)
	}
	return status, nil
}

// withChildren are a process and those it started.
func withChildren(pid int) []int {
	pids := []int{pid}
	tasks, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
	if err != nil {
		return pids
	}
	for _, task := range tasks {
		content, _ := os.ReadFile(task) // gone: no children
		for _, field := range bytes.Fields(content) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, withChildren(child)...)
			}
		}
	}
	return pids
}

func usage(pids []int) Usage {
	sum := Usage{}
	for _, pid := range pids {
		// A process that has ended meanwhile takes nothing.
		memory, err := proportionalMemory(pid)
		if err != nil {
			continue
		}
		sum.Processes++
		sum.Memory += memory
		sum.Processor += processorTime(pid)
	}
	return sum
}

var errNoMemory = errors.New("no line Pss")

func proportionalMemory(pid int) (int64, error) {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(content) {
		fields := bytes.Fields(line)
		if len(fields) >= 2 && string(fields[0]) == "Pss:" {
			kibibytes, err := strconv.ParseInt(string(fields[1]), 10, 64)
			return kibibytes << 10, err
		}
	}
	return 0, errNoMemory
}

// The kernel tells processor time in hundredths of a second, whatever its own tick.
const (
	clockTick       = 10 * time.Millisecond
	statUserTicks   = 11
	statSystemTicks = 12
)

func processorTime(pid int) time.Duration {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(content[bytes.LastIndexByte(content, ')')+1:])
	if len(fields) <= statSystemTicks {
		return 0
	}
	user, _ := strconv.ParseInt(string(fields[statUserTicks]), 10, 64)
	system, _ := strconv.ParseInt(string(fields[statSystemTicks]), 10, 64)
	return time.Duration(user+system) * clockTick
}
