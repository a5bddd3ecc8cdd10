package bed

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// killVariable has the test run that brings beds up and kills them: set it, to
// anything, as root and where the programs are built.
const killVariable = "KUBERNAUT_E2E_KILL"

// TestABedThatWasKilledMakesRoomForTheNext kills every process of a bed, pods and
// their helpers too, in any order, and brings one up in its place. The second
// time, what the bed remembers of itself is lost too.
func TestABedThatWasKilledMakesRoomForTheNext(t *testing.T) {
	if os.Getenv(killVariable) == "" {
		t.Skip("it brings up clusters: set " + killVariable)
	}
	if owner, stands := bridgeOwner(t.Context()); stands {
		t.Skipf("the bed in %q is in the way", owner)
	}
	dir, err := os.MkdirTemp("/var/lib", "bed-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	// PostgreSQL must be able to walk to its data.
	require.NoError(t, os.Chmod(dir, 0o755))
	l := layout(dir + "/s")
	t.Cleanup(func() { require.NoError(t, Down(context.WithoutCancel(t.Context()), string(l))) })
	options := Options{State: string(l), WithoutKnative: true, Log: t.Output()}
	for _, lost := range []bool{false, true} {
		b, err := Up(t.Context(), options)
		require.NoError(t, err)
		runPod(t, b)
		killAll(t, l)
		_, err = Open(string(l))
		require.ErrorIs(t, err, ErrNotUp)
		if lost {
			require.NoError(t, os.Remove(l.record()))
		}
	}
	_, err = Up(t.Context(), options)
	require.NoError(t, err)
	require.NoError(t, Down(t.Context(), string(l)))
	requireNothingOf(t, l)
}

// runPod has the bed's node run a pod, which has a namespace, mounts, a link on
// the bridge, groups and a helper.
func runPod(t *testing.T, b *Bed) {
	t.Helper()
	pods := b.site.client.CoreV1().Pods(metav1.NamespaceDefault)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "idle"}, Spec: corev1.PodSpec{
		AutomountServiceAccountToken: ptr.To(false),
		Containers:                   []corev1.Container{{Name: "idle", Image: onBridge(portRegistry) + "/" + pauseImage}},
	}}
	require.NoError(t, await(t.Context(), func(ctx context.Context) (bool, error) {
		// Before the namespace has its account, it takes no pod.
		_, err := pods.Create(ctx, pod, metav1.CreateOptions{})
		return err == nil, nil
	}))
	require.NoError(t, await(t.Context(), func(ctx context.Context) (bool, error) {
		found, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		return err == nil && found.Status.Phase == corev1.PodRunning, err
	}))
}

// killAll is kill -9 of all that belongs to a bed, in any order.
func killAll(t *testing.T, l layout) {
	t.Helper()
	pids, err := marked(l)
	require.NoError(t, err)
	pids = append(pids, groupProcesses(podCgroups())...)
	require.Greater(t, len(pids), len(built))
	rand.Shuffle(len(pids), func(i, j int) { pids[i], pids[j] = pids[j], pids[i] })
	t.Logf("killed in this order: %v", pids)
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			require.ErrorIs(t, err, syscall.ESRCH, "one that ended with another")
		}
	}
	require.NoError(t, await(t.Context(), func(context.Context) (bool, error) {
		return !slices.ContainsFunc(pids, computes), nil
	}))
}

// requireNothingOf sees that a bed has left nothing on the machine.
func requireNothingOf(t *testing.T, l layout) {
	t.Helper()
	pids, err := marked(l)
	require.NoError(t, err)
	require.Empty(t, pids)
	require.NoDirExists(t, string(l))
	_, stands := bridgeOwner(t.Context())
	require.False(t, stands)
	require.False(t, leftOnNetwork(t.Context(), l))
	require.Empty(t, podCgroups())
	mounts, err := mountsBelow(string(l))
	require.NoError(t, err)
	require.Empty(t, mounts)
}
