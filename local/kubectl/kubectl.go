// Package kubectl runs kubectl for the commands that people type, with the
// cluster and the rights that theirs has, and makes of what it says when it
// fails an error that tells what to do next.
//
//	k, err := kubectl.Parse("kubectl --context west-1")
//	text, err := k.Output(ctx, "get", "namespace", "kubernaut-system")
//	if errors.Is(err, kubectl.ErrNotFound) { ... }
package kubectl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Bounds of one run.
const (
	// maxSaid bounds what is kept of its complaints, and maxOutput of its
	// output, in bytes.
	maxSaid   = 64 << 10
	maxOutput = 16 << 20
	// stopWithin is how long it may take to end when it is told to.
	stopWithin = 5 * time.Second
)

// Why a run failed; what kubectl itself said goes with it.
var (
	ErrNotInstalled = errors.New(`there is no such command: install kubectl, or name it with KUBECTL="..."`)
	ErrUnreachable  = errors.New(`kubectl reaches no cluster: look at "kubectl config get-contexts", or name another with KUBECTL="kubectl --context NAME"`)
	ErrNotFound     = errors.New("the cluster has no such object")
	ErrForbidden    = errors.New("your rights in the cluster do not suffice")
	errFailed       = errors.New("kubectl failed")
)

// Command is kubectl with the flags that come before every other.
type Command []string

// Parse reads a command such as "kubectl --context west-1".
func Parse(text string) (Command, error) {
	c := Command(strings.Fields(text))
	if len(c) == 0 {
		return nil, errors.New("--kubectl names no command")
	}
	return c, nil
}

// Cmd is one run, in a process group that ends with the context.
func (c Command) Cmd(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c[0], append(c[1:len(c):len(c)], args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	return cmd
}

// Output runs it to its end. Errors are one of those above, and never repeat
// output.
func (c Command) Output(ctx context.Context, args ...string) ([]byte, error) {
	cmd := c.Cmd(ctx, args...)
	var out bytes.Buffer
	var said Said
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, Explain(err, said.String())
	}
	if out.Len() > maxOutput {
		return nil, fmt.Errorf("%w: it printed more than %d bytes", errFailed, maxOutput)
	}
	return out.Bytes(), nil
}

// reasons are found in what kubectl says, the first that fits.
var reasons = []struct {
	says string
	err  error
}{
	{"(NotFound)", ErrNotFound},
	{"(Forbidden)", ErrForbidden},
	{"(Unauthorized)", ErrUnreachable},
	{"You must be logged in", ErrUnreachable},
	{"connection refused", ErrUnreachable},
	{"The connection to the server", ErrUnreachable},
	{"Unable to connect to the server", ErrUnreachable},
	{"no such host", ErrUnreachable},
	{"i/o timeout", ErrUnreachable},
	{"does not exist", ErrUnreachable}, // a context, or a file
	{"no configuration has been provided", ErrUnreachable},
}

// Explain names why a run failed, with its last word.
func Explain(err error, said string) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w (%w)", ErrNotInstalled, err)
	}
	word := last(said)
	for _, r := range reasons {
		if strings.Contains(said, r.says) {
			return fmt.Errorf("%w\n  it says: %s", r.err, word)
		}
	}
	if word == "" {
		word = "nothing"
	}
	return fmt.Errorf("%w: %w\n  it says: %s", errFailed, err, word)
}

// last is the last line that is for people: kubectl repeats its attempts in a
// log's form before.
func last(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// Said keeps the last of what is written to it.
type Said struct{ kept []byte }

func (s *Said) Write(p []byte) (int, error) {
	s.kept = append(s.kept, p...)
	if n := len(s.kept) - maxSaid; n > 0 {
		s.kept = s.kept[n:]
	}
	return len(p), nil
}

func (s *Said) String() string { return string(s.kept) }
