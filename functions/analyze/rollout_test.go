package function

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

// rolloutLadders tell the troubles of a revision from those of its pods, and from
// those of the revision before it.
var rolloutLadders = []ladderCase{
	{"a crash of a StatefulSet's new revision is rolled back", alert("KubePodCrashLooping", statefulSet, workload(3, 2), fresh, ofDB, pod("db-2", "StatefulSet/db", crashLoop), by("db-new")),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"a crash of a StatefulSet's former revision is not laid to the rollout", alert("KubePodCrashLooping", statefulSet, workload(3, 2), fresh, ofDB, pod("db-1", "StatefulSet/db", crashLoop), by("db-old")),
		"crash loop without a rollout", "restart_pod collect_diagnostics notify_only", `{}`},
	{"a crash of a pod that tells no revision is not laid to the rollout", alert("KubePodCrashLooping", statefulSet, workload(3, 2), fresh, ofDB, pod("db-1", "StatefulSet/db", crashLoop)),
		"crash loop without a rollout", "restart_pod collect_diagnostics notify_only", `{}`},
	{"a crash of a pod of a revision that is no longer kept is not laid to the rollout", alert("KubePodCrashLooping", deployment, workload(3, 2), fresh, pod("cart-gone-a", "ReplicaSet/cart-gone", crashLoop)),
		"crash loop without a rollout", "restart_pod collect_diagnostics notify_only", `{}`},
	{"a crash of both revisions is not laid to the rollout", alert("KubePodCrashLooping", deployment, workload(3, 1), revisions(20*time.Minute, 1), pod("cart-new-a", "ReplicaSet/cart-new", crashLoop), pod("cart-old-a", "ReplicaSet/cart-old", crashLoop)),
		"crash loop without a rollout", "restart_pod collect_diagnostics notify_only", `{}`},
	{"a crash of the new revision is rolled back though a pod of the former one crashed weeks ago", alert("KubePodCrashLooping", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", crashLoop), pod("cart-old-a", "ReplicaSet/cart-old", restartedLongAgo)),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"a crash of the new revision is rolled back though a pod of the former one has just restarted", alert("KubePodCrashLooping", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", crashLoop), pod("cart-old-a", "ReplicaSet/cart-old", restartedNow)),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"an alert about a pod of the former revision is not laid to the new one, of which a pod has restarted", alert("KubePodCrashLooping", deployment, named("cart-old-a"), workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", restartedNow), pod("cart-old-a", "ReplicaSet/cart-old", restartedNow)),
		"crash loop without a rollout", "collect_diagnostics notify_only", `{}`},
	{"a pod that crashed weeks ago and fails its probe now does not crash", alert("KubePodNotReady", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", notReady(4, "Error", 14*24*time.Hour))),
		"pod is not ready", "collect_diagnostics restart_pod notify_only", `{}`},
	{"a crash of one pod of a rollout that is healthy replaces the pod before the rollout is taken back", alert("KubePodCrashLooping", deployment, workload(10, 9), revisions(20*time.Minute, 0), readyNow(9), pod("cart-new-j", "ReplicaSet/cart-new", crashLoop), pod("cart-new-a", "ReplicaSet/cart-new", healthy)),
		"few pods crash after a rollout", "restart_pod rollback_deployment collect_diagnostics notify_only", `{}`},
	{"crashes of all pods that are listed are rolled back, since there may be more", alert("KubePodCrashLooping", deployment, workload(60, 60), revisions(20*time.Minute, 0), readyNow(60), pod("cart-new-a", "ReplicaSet/cart-new", restartedNow), pod("cart-new-b", "ReplicaSet/cart-new", restartedNow), pod("cart-old-a", "ReplicaSet/cart-old", healthy)),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"a crash of one pod of two is rolled back", alert("KubePodCrashLooping", deployment, workload(2, 1), revisions(20*time.Minute, 0), readyNow(1), pod("cart-new-b", "ReplicaSet/cart-new", crashLoop)),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"crashes of most pods are rolled back though all are up at this moment", alert("KubePodCrashLooping", deployment, workload(3, 3), revisions(20*time.Minute, 0), readyNow(3), pod("cart-new-a", "ReplicaSet/cart-new", restartedNow), pod("cart-new-b", "ReplicaSet/cart-new", restartedNow)),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"a missing image of the former revision is not laid to the rollout", alert("KubeContainerWaiting", deployment, workload(3, 2), fresh, pod("cart-old-a", "ReplicaSet/cart-old", noImage)),
		"container waits", "notify_only", `{}`},
	{"an image that one pod of a healthy rollout cannot pull is for a person", alert("KubeContainerWaiting", deployment, workload(10, 9), revisions(20*time.Minute, 0), readyNow(9), pod("cart-new-j", "ReplicaSet/cart-new", noImage)),
		"container waits", "notify_only", `{}`},
	{"an image that one pod of a healthy rollout cannot pull is diagnosed", alert("ImagePullBackOff", deployment, workload(10, 9), revisions(20*time.Minute, 0), readyNow(9), pod("cart-new-j", "ReplicaSet/cart-new", noImage)),
		"image cannot be pulled", "collect_diagnostics notify_only", `{}`},
	{"an image that one pod of a rollout under way cannot pull is diagnosed", alert("ImagePullBackOff", deployment, workload(10, 9), fresh, readyNow(1), pod("cart-new-b", "ReplicaSet/cart-new", noImage)),
		"image cannot be pulled", "collect_diagnostics notify_only", `{}`},
	{"a configuration that one pod of a healthy rollout lacks is diagnosed", alert("Failed", deployment, workload(10, 9), revisions(20*time.Minute, 0), readyNow(9), pod("cart-new-j", "ReplicaSet/cart-new", noConfig)),
		"container cannot be created", "collect_diagnostics notify_only", `{}`},
	{"an OOM kill of weeks ago does not explain a probe that fails now", alert("KubePodNotReady", deployment, workload(2, 1), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", notReady(1, "OOMKilled", 14*24*time.Hour))),
		"pod is not ready", "collect_diagnostics restart_pod notify_only", `{}`},
	{"an OOM kill of weeks ago after which the container never came up raises memory", alert("KubePodNotReady", deployment, workload(2, 1), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", waits(notReady(9, "OOMKilled", 14*24*time.Hour)))),
		"out of memory", "increase_resources increase_resources notify_only", `{"container":"app","memory":"192Mi"}`},
	{"an OOM kill just before the alert explains a probe that fails now", alert("KubePodNotReady", deployment, workload(2, 1), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", notReady(1, "OOMKilled", 10*time.Minute))),
		"out of memory", "increase_resources increase_resources notify_only", `{"container":"app","memory":"192Mi"}`},
	{"an OOM kill of which the time is not known raises memory", alert("KubePodNotReady", deployment, workload(2, 1), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", timeless(notReady(1, "OOMKilled", 0)))),
		"out of memory", "increase_resources increase_resources notify_only", `{"container":"app","memory":"192Mi"}`},
	{"an OOM kill of the former revision does not raise the memory of the new one", alert("KubePodOOMKilled", deployment, container("app"), workload(3, 2), fresh, pod("cart-old-a", "ReplicaSet/cart-old", oomLoop)),
		"out of memory, but not seen", "collect_diagnostics notify_only", `{}`},
	{"an OOM kill of a StatefulSet's former revision does not raise the memory of the new one", alert("KubePodOOMKilled", statefulSet, container("app"), workload(3, 2), fresh, ofDB, pod("db-1", "StatefulSet/db", oomLoop), by("db-old")),
		"out of memory, but not seen", "collect_diagnostics notify_only", `{}`},
	{"an OOM kill of both revisions raises memory", alert("KubePodOOMKilled", deployment, container("app"), workload(3, 2), fresh, pod("cart-old-a", "ReplicaSet/cart-old", oomLoop), pod("cart-new-a", "ReplicaSet/cart-new", oomLoop)),
		"out of memory", "increase_resources increase_resources notify_only", `{"container":"app","memory":"192Mi"}`},
	{"throttling of a pod of the former revision does not raise the CPU of the new one", alert("CPUThrottlingHigh", deployment, container("app"), named("cart-old-a"), workload(3, 3), fresh, pod("cart-old-a", "ReplicaSet/cart-old", healthy)),
		"no rule knows this alert", "collect_diagnostics notify_only", `{}`},
	{"throttling of a pod of the new revision raises its CPU", alert("CPUThrottlingHigh", deployment, container("app"), named("cart-new-a"), workload(3, 3), fresh, pod("cart-new-a", "ReplicaSet/cart-new", healthy), pod("cart-old-a", "ReplicaSet/cart-old", healthy)),
		"CPU is throttled", "increase_resources increase_resources notify_only", `{"container":"app","cpu":"300m"}`},
	{"a rollout is not stuck on pods of the former revision", alert("KubeDeploymentReplicasMismatch", deployment, workload(3, 2), fresh, pod("cart-old-a", "ReplicaSet/cart-old", unready)),
		"Deployment lacks replicas", "collect_diagnostics restart_pod notify_only", `{}`},
}

// notReady is a container that runs without being ready, and ended before.
func notReady(restarts int32, reason string, before time.Duration) event.ContainerState {
	return event.ContainerState{Restarts: restarts, Last: &event.Termination{Reason: reason, ExitCode: 137, FinishedAt: ago(before)}}
}

func waits(c event.ContainerState) event.ContainerState {
	c.Waiting = "CrashLoopBackOff"
	return c
}

func timeless(c event.ContainerState) event.ContainerState {
	c.Last.FinishedAt = time.Time{}
	return c
}

// enriched is a context as enrich's own tests keep it.
func enriched(t *testing.T, name string) event.Context {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "enrich", "testdata", "golden", name+".json"))
	require.NoError(t, err)
	var c event.Context
	require.NoError(t, json.Unmarshal(body, &c))
	return c
}

// What this stage reads of a pod must be what enrich writes: the two never meet in
// either's other tests.
func TestThePodsThatEnrichDescribesTellTheirRevision(t *testing.T) {
	want := map[string]map[string]string{
		"deployment-by-itself": {"cart-b2-aaaaa": "cart-b2", "cart-c3-bbbbb": "cart-c3"},
		"statefulset":          {"db-0": "db-1", "db-1": "db-2"},
		"daemonset":            {"agent-zzzzz": "agent-h1"},
	}
	for name, pods := range want {
		t.Run(name, func(t *testing.T) {
			c := enriched(t, name)
			require.Len(t, c.Pods, len(pods))
			for _, p := range c.Pods {
				require.Equal(t, pods[p.Name], revisionOf(p), p.Name)
				require.True(t, slices.ContainsFunc(c.Revisions, func(r event.Revision) bool { return r.Name == pods[p.Name] }), p.Name)
			}
		})
	}
}

func TestACrashThatEnrichDescribesIsLaidToTheRevisionOfItsPod(t *testing.T) {
	tests := []struct {
		name, context, pod, want string
	}{
		{"a Deployment's new revision is rolled back", "deployment-by-itself", "cart-c3-bbbbb", "rollback_deployment"},
		{"a Deployment's former revision is not gone back to", "deployment-by-itself", "cart-b2-aaaaa", "restart_pod"},
		{"a StatefulSet's new revision is rolled back", "statefulset", "db-1", "rollback_deployment"},
		{"a StatefulSet's former revision is not gone back to", "statefulset", "db-0", "restart_pod"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := Case{Context: enriched(t, test.context)}
			c.Signal = event.Signal{Name: "KubePodCrashLooping", Target: c.Context.Target, StartsAt: c.Context.CollectedAt}
			for i := range c.Context.Pods {
				p := &c.Context.Pods[i]
				state := event.ContainerState{Name: "app", Ready: p.Name != test.pod}
				if !state.Ready {
					p.Ready, state = false, event.ContainerState{Name: "app", Restarts: 6, Waiting: "CrashLoopBackOff"}
				}
				p.Containers = []event.ContainerState{state}
			}
			f, err := offline(t).Analyze(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, test.want, f.Rungs[0].Action)
		})
	}
}
