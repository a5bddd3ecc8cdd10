package toolchain

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	// heartbeat is how often a running build tells how far it is.
	heartbeat = 15 * time.Second
	// keptLines is how much of go's output an error repeats, from its end.
	keptLines = 40
	// compilerGC lets compiler and linker use more memory before they collect:
	// each lives for seconds, so most of what they collect is for nothing.
	compilerGC = "GOGC=400"
)

// goCommand is one call of go with its progress told.
type goCommand struct {
	dir   string
	args  []string
	label string
	log   io.Writer
}

// goEnvironment is what every call of go gets: statically linked binaries, the
// recipe's module alone, and its go.mod and go.sum as they are; and no paths of
// this machine in packages, as func builds functions: what both need, such as
// client-go, is then compiled once.
func goEnvironment() []string {
	return append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly -buildvcs=false -trimpath", compilerGC)
}

// command returns go with these arguments, ended with all it started when ctx is.
func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = goEnvironment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = heartbeat
	return cmd
}

// runGo runs go and tells how many packages it compiled so far. Its error holds
// what go wrote last, and what to do about it.
func runGo(ctx context.Context, call goCommand) error {
	output := &transcript{}
	cmd := command(ctx, call.dir, call.args...)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		return missingGo(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	start, beat := time.Now(), time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case err := <-done:
			return output.explain(ctx, err)
		case <-beat.C:
			fmt.Fprintf(call.log, "toolchain: %s: %s, %s\n", call.label, output.progress(), since(start))
		}
	}
}

// goVersion returns the Go release that builds.
func goVersion(ctx context.Context) (string, error) {
	out, err := command(ctx, os.TempDir(), "env", "GOVERSION").Output()
	if err != nil {
		return "", missingGo(err)
	}
	return strings.TrimSpace(string(out)), nil
}

// missingGo says what to do where go itself cannot be run.
func missingGo(err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("find go: %w: install Go 1.26 or newer and put it in PATH", err)
	}
	return fmt.Errorf("run go: %w", err)
}

// errorsOf returns what a failed command wrote to its standard error.
func errorsOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return strings.TrimSpace(string(exit.Stderr))
	}
	return ""
}

// lastLines returns the last n lines of text.
func lastLines(text []byte, n int) []string {
	var lines []string
	scanner := bufio.NewScanner(bytes.NewReader(text))
	scanner.Buffer(nil, len(text)+1)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return lines[max(0, len(lines)-n):]
}
