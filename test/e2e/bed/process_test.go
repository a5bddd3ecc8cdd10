package bed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shell is a program that runs a script; it needs no binary of ours.
func shell(name, script string) Program {
	return Program{Name: name, Path: "/bin/sh", Args: []string{"-c", script}}
}

func supervised(t *testing.T) *supervisor {
	t.Helper()
	l := layout(t.TempDir())
	require.NoError(t, l.make())
	s, err := newSupervisor(l)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.endAll(context.Background(), time.Second)) })
	return s
}

func TestAnotherProgramEndsWhatOneStarted(t *testing.T) {
	first := supervised(t)
	require.NoError(t, first.run(t.Context(), shell("one", "sleep 600"), nil))
	one, err := load(first.layout.processes(), "one")
	require.NoError(t, err)
	require.True(t, one.Running())

	second, err := newSupervisor(first.layout)
	require.NoError(t, err)
	require.NoError(t, second.endAll(t.Context(), time.Second))
	require.False(t, one.Running())
	all, err := second.all()
	require.NoError(t, err)
	require.Empty(t, all, "what was ended is forgotten")
}

func TestTheLastStartedEndsFirst(t *testing.T) {
	s := supervised(t)
	order := s.layout.path("order")
	for _, name := range []string{"a", "b", "c"} {
		ready := s.layout.path(name + ".ready")
		script := `trap "echo ` + name + ` >>` + order + `; exit" TERM; : >` + ready + `; while :; do sleep 0.05; done`
		require.NoError(t, s.run(t.Context(), shell(name, script), func(context.Context) error {
			_, err := os.Stat(ready)
			return err
		}))
	}
	require.NoError(t, s.endAll(t.Context(), 10*time.Second))
	content, err := os.ReadFile(order)
	require.NoError(t, err)
	require.Equal(t, []string{"c", "b", "a"}, strings.Fields(string(content)))
}

func TestAProcessThatDoesNotListenIsKilledWithItsChildren(t *testing.T) {
	s := supervised(t)
	child := s.layout.path("child")
	script := `trap "" TERM; sleep 600 & echo $! >` + child + `.next; mv ` + child + `.next ` + child + `; while :; do sleep 0.05; done`
	var pid int
	require.NoError(t, s.run(t.Context(), shell("deaf", script), func(context.Context) error {
		content, err := os.ReadFile(child)
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(content)))
		}
		return err
	}))
	require.NoError(t, s.end(t.Context(), "deaf", 200*time.Millisecond))
	deaf, err := load(s.layout.processes(), "deaf")
	require.NoError(t, err)
	require.False(t, deaf.Running())
	waiting, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, await(waiting, func(context.Context) (bool, error) {
		_, state, err := procStat(pid)
		return err != nil || state == 'Z', nil
	}), "the child is still there")
}

func TestAProcessThatEndsBeforeItIsReadyIsAnErrorWithItsLastWords(t *testing.T) {
	s := supervised(t)
	err := s.run(t.Context(), shell("ill", "echo the port is taken; exit 3"), func(context.Context) error {
		return errors.New("not yet")
	})
	require.ErrorContains(t, err, "start ill")
	require.ErrorContains(t, err, "the port is taken")
	require.ErrorContains(t, err, s.layout.log("ill"))
}

func TestAProgramThatCannotBeStartedIsAnError(t *testing.T) {
	s := supervised(t)
	err := s.run(t.Context(), Program{Name: "none", Path: filepath.Join(t.TempDir(), "none")}, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestTheSameNameRunsOnce(t *testing.T) {
	s := supervised(t)
	require.NoError(t, s.run(t.Context(), shell("only", "sleep 600"), nil))
	require.ErrorContains(t, s.run(t.Context(), shell("only", "sleep 600"), nil), "it runs already")
	require.NoError(t, s.end(t.Context(), "only", time.Second))
	require.NoError(t, s.run(t.Context(), shell("only", "sleep 600"), nil), "after its end it can be started again")
}

func TestWhoeverHasThePidOfAnEndedProcessIsLeftAlone(t *testing.T) {
	s := supervised(t)
	require.NoError(t, s.run(t.Context(), shell("bystander", "sleep 600"), nil))
	bystander, err := load(s.layout.processes(), "bystander")
	require.NoError(t, err)
	for what, stranger := range map[string]Process{
		"started at another time": {Program: Program{Name: "x"}, PID: bystander.PID, Started: bystander.Started - 1, Boot: bystander.Boot},
		"started in another boot": {Program: Program{Name: "x"}, PID: bystander.PID, Started: bystander.Started, Boot: "another"},
	} {
		require.False(t, stranger.Running(), what)
		require.NoError(t, stranger.kill(t.Context()), what)
	}
	require.True(t, bystander.Running())
}

func TestAProcessRunsInASessionOfItsOwn(t *testing.T) {
	s := supervised(t)
	require.NoError(t, s.run(t.Context(), shell("alone", "sleep 600"), nil))
	alone, err := load(s.layout.processes(), "alone")
	require.NoError(t, err)
	group, err := syscall.Getpgid(alone.PID)
	require.NoError(t, err)
	require.Equal(t, alone.PID, group, "a terminal's Ctrl-C must not reach it")
}

func TestTheEnvironmentIsNotInherited(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://somewhere.invalid")
	s := supervised(t)
	out := s.layout.path("env")
	program := shell("plain", "env >"+out+".next; mv "+out+".next "+out+"; sleep 600")
	program.Env = []string{"OWN=1"}
	require.NoError(t, s.run(t.Context(), program, func(context.Context) error {
		_, err := os.Stat(out)
		return err
	}))
	content, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Contains(t, string(content), "OWN=1")
	require.NotContains(t, string(content), "HTTP_PROXY")
}

func TestProcStatReadsACommandWithBrackets(t *testing.T) {
	copyOf := filepath.Join(t.TempDir(), "a) b (c")
	content, err := os.ReadFile("/bin/sleep")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(copyOf, content, 0o755))
	process, err := start(Program{Name: "odd", Path: copyOf, Args: []string{"600"}}, filepath.Join(t.TempDir(), "log"), "MARK=")
	require.NoError(t, err)
	require.True(t, process.Running())
	require.NoError(t, process.kill(t.Context()))
	require.False(t, process.Running())
}
