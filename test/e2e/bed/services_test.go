package bed

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// answering is a server that answers each line it reads with the next of answers.
func answering(t *testing.T, answers ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = connection.Close() }()
		lines := bufio.NewScanner(connection)
		for i := 0; i < len(answers) && lines.Scan(); i++ {
			_, _ = fmt.Fprintf(connection, "%s\r\n", answers[i])
		}
	}()
	return listener.Addr().String()
}

func TestRedisServesWhenItSaysPong(t *testing.T) {
	cases := map[string]struct {
		answers []string
		want    string
	}{
		"it serves":                     {[]string{"+OK", "+PONG"}, ""},
		"it still reads its file":       {[]string{"+OK", "-LOADING Redis is loading the dataset in memory"}, "LOADING"},
		"the password is another's":     {[]string{"-WRONGPASS invalid", "-NOAUTH"}, "WRONGPASS"},
		"it hangs up before it answers": {[]string{"+OK"}, "ask redis"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			err := pingRedis(ctx, answering(t, c.answers...), "secret")
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestARunningServiceIsNeitherStartedAgainNorWiped(t *testing.T) {
	s := supervised(t)
	service := &Service{supervisor: s, program: shell("data", "sleep 600"), prepare: func(context.Context) error { return nil }}
	folder := s.layout.data("data")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, service.Start(t.Context()))
	require.ErrorIs(t, service.Start(t.Context()), ErrRunning)
	require.ErrorIs(t, service.Wipe(), ErrRunning)
	require.DirExists(t, folder)

	require.NoError(t, service.Kill(t.Context()))
	require.NoError(t, service.Wipe())
	require.NoDirExists(t, folder)
	require.NoError(t, service.Start(t.Context()), "after a wipe it starts as on the first day")
	require.NoError(t, service.Stop(t.Context()))
	require.NoError(t, service.Stop(t.Context()), "what is stopped can be stopped")
}

func TestAContainerIsFoundByItsStatus(t *testing.T) {
	pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
		{Name: "user-container", ContainerID: "containerd://4ea140588150"},
		{Name: "queue-proxy"},
	}}}
	id, err := containerID(pod, "user-container")
	require.NoError(t, err)
	require.Equal(t, "4ea140588150", id)
	for _, name := range []string{"queue-proxy", "none"} {
		_, err := containerID(pod, name)
		require.ErrorIs(t, err, ErrNoProcess, name)
	}
}

func TestStatusCountsAProcessWithItsChildren(t *testing.T) {
	s := supervised(t)
	require.NoError(t, s.run(t.Context(), shell("family", "sleep 600 & sleep 600 & wait"), nil))
	family, err := load(s.layout.processes(), "family")
	require.NoError(t, err)
	waiting, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, await(waiting, func(context.Context) (bool, error) { return len(withChildren(family.PID)) == 3, nil }))
	took := usage(withChildren(family.PID))
	require.Equal(t, 3, took.Processes)
	require.Positive(t, took.Memory)

	bed := &Bed{site: &site{layout: s.layout, supervisor: s, record: &record{}}}
	status, err := bed.Status()
	require.NoError(t, err)
	require.Len(t, status.Processes, 1)
	require.True(t, status.Processes[0].Running)
	require.GreaterOrEqual(t, status.Sum().Memory, status.Processes[0].Usage.Memory)

	require.NoError(t, s.end(t.Context(), "family", time.Second))
	status, err = bed.Status()
	require.NoError(t, err)
	require.False(t, status.Processes[0].Running, "what has ended is told, not hidden")
	require.Zero(t, status.Processes[0].Usage)
}
