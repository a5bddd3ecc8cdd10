package simulation_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/local/simulation"
)

// TestALogIsSentFromTheFirstOfItsLastLinesUpToTheLimit: as a kubelet does it, so
// that whoever asks for both may get the beginning of the last lines and no end.
func TestALogIsSentFromTheFirstOfItsLastLinesUpToTheLimit(t *testing.T) {
	b := start(t, simulation.Options{})
	b.load(manifest("broken-v2", "128Mi"))
	pod := b.awaitWaiting("app=web", "CrashLoopBackOff", 1)
	read := func(options corev1.PodLogOptions) string {
		options.Previous = true
		raw, err := b.client.CoreV1().Pods("default").GetLogs(pod.Name, &options).DoRaw(t.Context())
		require.NoError(t, err)
		return string(raw)
	}
	two, many, bytes := int64(2), int64(1000), int64(30)
	whole := read(corev1.PodLogOptions{})
	lines := strings.SplitAfter(strings.TrimSuffix(whole, "\n"), "\n")
	last := strings.Join(lines[len(lines)-2:], "") + "\n"
	require.Greater(t, len(last), int(bytes))
	for _, c := range []struct {
		name    string
		options corev1.PodLogOptions
		want    string
	}{
		{"the last lines", corev1.PodLogOptions{TailLines: &two}, last},
		{"more lines than there are", corev1.PodLogOptions{TailLines: &many}, whole},
		{"the first bytes", corev1.PodLogOptions{LimitBytes: &bytes}, whole[:bytes]},
		{"the first bytes of the last lines", corev1.PodLogOptions{TailLines: &two, LimitBytes: &bytes}, last[:bytes]},
		{"more bytes than the last lines have", corev1.PodLogOptions{TailLines: &two, LimitBytes: &many}, last},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, read(c.options)) })
	}
}
