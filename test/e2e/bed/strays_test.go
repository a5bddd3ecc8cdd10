package bed

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// headlessVariable has this test program be headless, and names the file that it
// writes its address to.
const headlessVariable = "BED_TEST_HEADLESS"

func init() {
	if file := os.Getenv(headlessVariable); file != "" {
		headless(file)
	}
}

// headless listens, and ends the process's first thread, which init runs on: the
// others go on, as those of a killed process do for a while.
func headless(file string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = os.WriteFile(file+".next", []byte(listener.Addr().String()), 0o600)
	}
	if err == nil {
		err = os.Rename(file+".next", file)
	}
	if err != nil {
		panic(err)
	}
	// Held by a thread that does something: a runtime in which all wait is a deadlock.
	go func() {
		for {
			if connection, err := listener.Accept(); err == nil {
				_ = connection.Close()
			}
		}
	}()
	_, _, _ = syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0)
}

func TestAProcessWhoseFirstThreadHasEndedStillRuns(t *testing.T) {
	s := supervised(t)
	file := s.layout.path("address")
	program, err := os.Executable()
	require.NoError(t, err)
	var address string
	headed := Program{Name: "headless", Path: program, Env: []string{headlessVariable + "=" + file}}
	require.NoError(t, s.run(t.Context(), headed, func(context.Context) error {
		content, err := os.ReadFile(file)
		address = string(content)
		return err
	}))
	process, err := load(s.layout.processes(), "headless")
	require.NoError(t, err)
	require.NoError(t, await(t.Context(), func(context.Context) (bool, error) {
		_, state, err := procStat(process.PID)
		return state == 'Z', err
	}), "its first thread ends")
	require.True(t, process.Running())
	_, err = net.Listen("tcp", address)
	require.ErrorIs(t, err, syscall.EADDRINUSE, "its port is held")

	require.NoError(t, process.kill(t.Context()))
	require.False(t, process.Running())
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err, "what is gone holds no port")
	require.NoError(t, listener.Close())
}

// stray starts a program that no file remembers.
func stray(t *testing.T, l layout) *Process {
	t.Helper()
	process, err := start(shell("stray", "sleep 600 & wait"), filepath.Join(t.TempDir(), "log"), l.mark())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, process.kill(context.WithoutCancel(t.Context()))) })
	return process
}

func TestWhatWasStartedAndNotYetRememberedEndsWithTheBed(t *testing.T) {
	ours, another := layout(t.TempDir()), layout(t.TempDir())
	left, neighbour := stray(t, ours), stray(t, another)
	require.NoError(t, endStrays(t.Context(), ours))
	require.False(t, left.Running())
	require.True(t, neighbour.Running(), "it has another bed's mark")
	pids, err := marked(ours)
	require.NoError(t, err)
	require.Empty(t, pids, "its child neither")
}

func TestABedOfWhichAPartHasEndedIsNotUp(t *testing.T) {
	s := supervised(t)
	boot, err := bootID()
	require.NoError(t, err)
	up := record{Boot: boot, Ready: time.Now()}
	require.ErrorIs(t, broken(s.layout, &up), errHalf, "nothing runs")
	for _, name := range []string{"kube-apiserver", "redis"} {
		require.NoError(t, s.run(t.Context(), shell(name, "sleep 600"), nil))
	}
	require.NoError(t, broken(s.layout, &up))
	require.ErrorIs(t, broken(s.layout, &record{Boot: boot}), errHalf, "it was never ready")
	require.ErrorIs(t, broken(s.layout, &record{Boot: "another", Ready: time.Now()}), errReboot)
	require.NoError(t, s.end(t.Context(), "redis", time.Second))
	require.NoError(t, broken(s.layout, &up), "a store that is away can be started")
	require.NoError(t, s.end(t.Context(), "kube-apiserver", time.Second))
	require.ErrorContains(t, broken(s.layout, &up), "kube-apiserver does not run any more")
}
