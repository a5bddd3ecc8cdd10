package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/tickredis"
	"kubernaut.ai/shared/porttest"
	"kubernaut.ai/shared/stage"
)

// bed is what the parts share: a Redis, a folder, and the processes to end.
type bed struct {
	options
	dir       string
	redisURL  string
	redisKind string
	// sink is the Broker of the surroundings that were started last.
	sink    string
	closers []func()
	// started counts the processes that write profiles.
	started int
}

func newBed(ctx context.Context, o options) (*bed, error) {
	dir, err := os.MkdirTemp("", "kubernaut-bench-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	b := &bed{options: o, dir: dir}
	b.closers = append(b.closers, func() { _ = os.RemoveAll(dir) })
	if err := b.startRedis(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bed) close() {
	for i := len(b.closers) - 1; i >= 0; i-- {
		b.closers[i]()
	}
}

// startRedis takes a real server where there is one: the embedded one has no
// say on speed.
func (b *bed) startRedis(ctx context.Context) error {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		server, err := tickredis.Start()
		if err != nil {
			return err
		}
		b.redisURL, b.redisKind = server.URL(), "embedded (install redis-server for figures that count)"
		b.closers = append(b.closers, server.Close)
		return nil
	}
	port, err := porttest.Free()
	if err != nil {
		return err
	}
	cmd := exec.Command(path, "--port", strconv.Itoa(port), "--bind", porttest.Host, "--save", "", "--appendonly", "no", "--dir", b.dir)
	if _, err := b.start(cmd); err != nil {
		return err
	}
	b.redisURL, b.redisKind = "redis://"+porttest.Address(port), "redis-server, without AOF"
	l, err := ledger.Open(b.redisURL)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	return until(ctx, func() bool { return l.Ping(ctx) == nil })
}

// start runs a process that ends with the bed, or with this process.
func (b *bed) start(cmd *exec.Cmd) (*os.Process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	b.closers = append(b.closers, func() {
		if b.profile != "" {
			_ = cmd.Process.Signal(syscall.SIGTERM) // it writes its profile, and ends
		} else {
			_ = cmd.Process.Kill()
		}
		_ = cmd.Wait()
	})
	return cmd.Process, nil
}

// profiles is the setting that has a process write its processor profile, in a
// file of its own, where one asked for profiles.
func (b *bed) profiles(name string) []string {
	if b.profile == "" {
		return nil
	}
	folder, err := filepath.Abs(b.profile)
	if err != nil {
		return nil
	}
	b.started++
	return []string{fmt.Sprintf("%s=%s", envProfile, filepath.Join(folder, fmt.Sprintf("%s-%d.pprof", name, b.started)))}
}

// self runs this program as a server, and waits for the address it prints.
func (b *bed) self(what string, env map[string]string) (*os.Process, string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	cmd := exec.Command(exe, "--serve", what, "--root", b.root)
	cmd.Env = append(os.Environ(), b.profiles(what)...)
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	process, err := b.start(cmd)
	if err != nil {
		return nil, "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, "", fmt.Errorf("start %s: it printed no address: %w", what, err)
	}
	return process, strings.TrimSpace(line), nil
}

// settings are those of a stage that seals with the sample keys.
func (b *bed) settings(name string) map[string]string {
	return map[string]string{
		stage.EnvSealPrivate: eventtest.PrivateKey(name), stage.EnvSealPublic: eventtest.PublicKeys(),
		stage.EnvRedis: b.redisURL, stage.EnvSink: "http://127.0.0.1:9/", stage.EnvLogLevel: "fatal",
		stage.EnvHistory: "sqlite://" + filepath.Join(b.dir, name+".db"), "GATEWAY_AUTH": "loopback",
	}
}

var errNever = errors.New("it did not come about within a minute")

// until polls a condition of another process that is cheap to ask for.
func until(ctx context.Context, ok func() bool) error { return untilEvery(ctx, time.Millisecond, ok) }

func untilEvery(ctx context.Context, interval time.Duration, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return errNever
		case <-tick.C:
		}
	}
	return nil
}

// ticksPerSecond is Linux's USER_HZ, which is 100 on every platform it has.
const ticksPerSecond = 100

// cpuOf is the processor time that a process has used.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name, in parentheses, may hold anything: the fields begin after it.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * time.Second / ticksPerSecond
}

// memoryOf is a process's resident memory in bytes.
func memoryOf(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
