package bed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// Program is what a process runs. It is stored beside the process, so that
// another program can start the same again.
type Program struct {
	// Name names the process, its log and its data: lower-case letters, digits, hyphens.
	Name string
	// Path is the binary, absolute.
	Path string
	Args []string
	// Env is the whole environment; nothing is inherited but PATH.
	Env []string
	// Dir is the working folder; / if empty.
	Dir string
	// User runs the program unprivileged; nil is the caller.
	User *Account
	// Stop is the signal that asks it to end; 0 is SIGTERM.
	Stop syscall.Signal
}

// Account is a user of the machine.
type Account struct{ UID, GID uint32 }

// Process is a program that was started, as its file in the state folder says.
// It may be another program's child, or gone.
type Process struct {
	Program Program
	PID     int
	// Started is the kernel's clock ticks since boot: together with PID and Boot
	// it names one process for ever, which a pid alone does not.
	Started uint64
	// Boot is the kernel's id of the boot it was started in.
	Boot string
	// Order says when it was started among the others; the last ends first.
	Order int
	Log   string
}

// stopPatience is how long a process has between being asked to end and
// being killed.
const stopPatience = 10 * time.Second

// pollPeriod is how often a condition of the machine is looked at.
const pollPeriod = 50 * time.Millisecond

// statStarted is the field of /proc/<pid>/stat, counted after the command's
// closing bracket, that holds the start time; statState holds the state.
const (
	statState   = 0
	statStarted = 19
)

// start runs program in a session of its own, so that a terminal's Ctrl-C
// reaches only the caller, which then ends the bed in order. Its output goes
// to the end of log; mark is a variable by which it can be told as the bed's.
func start(program Program, log, mark string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", program.Name, err)
	}
	defer func() { _ = out.Close() }() // the child has its own copy
	cmd := exec.Command(program.Path, program.Args...)
	cmd.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", mark}, program.Env...)
	cmd.Dir = program.Dir
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if program.User != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: program.User.UID, Gid: program.User.GID}
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program.Name, err)
	}
	// Reap it when it ends, or it stays a zombie for as long as this program runs.
	go func() { _ = cmd.Wait() }()
	boot, err := bootID()
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill())
	}
	process := &Process{Program: program, PID: cmd.Process.Pid, Boot: boot, Log: log}
	if process.Started, _, err = procStat(process.PID); err != nil {
		// It ended before it could be looked at; its log says why.
		return nil, fmt.Errorf("start %s: it ended at once: %s", program.Name, tail(log))
	}
	return process, nil
}

// Running says whether the process that was started still runs. A zombie does
// not, unless threads of it do.
func (p *Process) Running() bool {
	boot, err := bootID()
	if err != nil || boot != p.Boot {
		return false
	}
	started, _, err := procStat(p.PID)
	return err == nil && started == p.Started && computes(p.PID)
}

// end asks the process to end, and kills its session when it has not after
// patience. It returns when it is gone; one that is gone already is no error.
func (p *Process) end(ctx context.Context, patience time.Duration) error {
	signal := p.Program.Stop
	if signal == 0 {
		signal = syscall.SIGTERM
	}
	if err := p.signal(signal); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if p.wait(waiting) == nil {
		return nil
	}
	return p.kill(context.WithoutCancel(ctx))
}

// kill ends the process, its session and its children at once, and returns when
// all are gone: PostgreSQL's children have sessions of their own.
func (p *Process) kill(ctx context.Context) error {
	if !p.Running() {
		return nil
	}
	family := withChildren(p.PID)
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	for _, child := range family[1:] {
		if err := syscall.Kill(child, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill child %d of %s: %w", child, p.Program.Name, err)
		}
	}
	waiting, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	if err := await(waiting, func(context.Context) (bool, error) { return !slices.ContainsFunc(family, computes), nil }); err != nil {
		return fmt.Errorf("kill %s: pid %d or a child is still there: %w", p.Program.Name, p.PID, err)
	}
	return nil
}

// computes says whether a process of that pid has a thread that is more than a
// zombie. The first thread does not say it for all: it may have ended while others
// still hold the process's ports and files.
func computes(pid int) bool {
	tasks, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "stat"))
	if err != nil { // the only error is a malformed pattern
		return false
	}
	return slices.ContainsFunc(tasks, func(task string) bool {
		_, state, err := readStat(task)
		return err == nil && state != 'Z' && state != 'X'
	})
}

// signal reaches the whole process group: what was started with Setsid leads one.
// A process that is gone gets none, nor does another that has its pid.
func (p *Process) signal(signal syscall.Signal) error {
	if !p.Running() {
		return nil
	}
	if err := syscall.Kill(-p.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %s to %s: %w", signal, p.Program.Name, err)
	}
	return nil
}

func (p *Process) wait(ctx context.Context) error {
	return await(ctx, func(context.Context) (bool, error) { return !p.Running(), nil })
}

// save writes the process's file in dir, whole or not at all.
func (p *Process) save(dir string) error {
	return writeJSON(filepath.Join(dir, p.Program.Name+".json"), p)
}

// load reads the process of that name; fs.ErrNotExist when it was never started.
func load(dir, name string) (*Process, error) {
	process := &Process{}
	if err := readJSON(filepath.Join(dir, name+".json"), process); err != nil {
		return nil, err
	}
	return process, nil
}

// procStat is of a process's first thread.
func procStat(pid int) (started uint64, state byte, err error) {
	return readStat(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
}

func readStat(path string) (started uint64, state byte, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	// The command stands in brackets and may hold any byte, brackets too.
	end := bytes.LastIndexByte(content, ')')
	fields := bytes.Fields(content[end+1:])
	if end < 0 || len(fields) <= statStarted {
		return 0, 0, fmt.Errorf("read %s: unknown form", path)
	}
	started, err = strconv.ParseUint(string(fields[statStarted]), 10, 64)
	return started, fields[statState][0], err
}

func bootID() (string, error) {
	content, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return string(bytes.TrimSpace(content)), nil
}

func writeJSON(path string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	next := path + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func readJSON(path string, value any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, value); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// await looks at condition every pollPeriod until it holds, fails, or ctx ends.
func await(ctx context.Context, condition func(context.Context) (bool, error)) error {
	return wait.PollUntilContextCancel(ctx, pollPeriod, true, condition)
}

// missing says that a file or folder is not there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
