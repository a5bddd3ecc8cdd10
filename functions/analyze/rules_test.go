package function

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

var update = flag.Bool("update", false, "write the golden proposals anew")

func offline(t testing.TB) rules {
	c, err := parseCaps(defaultMaxMemory, defaultMaxCPU, counts{replicas: defaultMaxReplicas, autoscaler: defaultMaxHPA})
	require.NoError(t, err)
	return rules{caps: c}
}

// deployment, statefulSet and daemonSet are the targets of most cases.
var (
	deployment  = target("Deployment", "cart")
	statefulSet = target("StatefulSet", "db")
	daemonSet   = target("DaemonSet", "agent")
	autoScaler  = target("HorizontalPodAutoscaler", "cart")
)

// ladderCase says which actions an alert leads to, in which order, and with
// which parameters the first of them.
type ladderCase struct {
	name       string
	of         Case
	rule       string
	actions    string
	parameters string
}

// fresh is a rollout that can be blamed, with the former revision serving.
var fresh = revisions(20*time.Minute, 2)

var ladders = []ladderCase{
	{"KubePodCrashLooping of a new revision is rolled back", alert("KubePodCrashLooping", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", crashLoop)),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"KubePodCrashLooping long after the rollout restarts the pods", alert("KubePodCrashLooping", deployment, workload(3, 2), revisions(96*time.Hour, 0), pod("cart-new-a", "ReplicaSet/cart-new", crashLoop)),
		"crash loop without a rollout", "restart_pod collect_diagnostics notify_only", `{}`},
	{"KubePodCrashLooping of the only revision restarts the pods", alert("KubePodCrashLooping", deployment, workload(3, 2), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", crashLoop)),
		"crash loop without a rollout", "restart_pod collect_diagnostics notify_only", `{}`},
	{"KubePodCrashLooping of a pod of the former revision is not laid to the rollout", alert("KubePodCrashLooping", deployment, workload(3, 2), fresh, pod("cart-old-a", "ReplicaSet/cart-old", crashLoop)),
		"crash loop without a rollout", "restart_pod collect_diagnostics notify_only", `{}`},
	{"KubePodCrashLooping soon after a finished rollout is rolled back to what ran for long", alert("KubePodCrashLooping", deployment, workload(3, 0), revisions(20*time.Minute, 0), pod("cart-new-a", "ReplicaSet/cart-new", crashLoop)),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"KubePodCrashLooping that began before the rollout is not laid to it", alert("KubePodCrashLooping", deployment, workload(3, 0), revisions(-5*time.Minute, 0), pod("cart-new-a", "ReplicaSet/cart-new", crashLoop)),
		"crash loop without a rollout", "restart_pod collect_diagnostics notify_only", `{}`},
	{"KubePodCrashLooping of a bare pod restarts nothing", alert("KubePodCrashLooping", target("Pod", "lonely"), pod("lonely", "", crashLoop)),
		"crash loop without a rollout", "collect_diagnostics notify_only", `{}`},
	{"KubePodCrashLooping of a container that has recovered disturbs nothing", alert("KubePodCrashLooping", deployment, workload(1, 1), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", healthy)),
		"crash loop without a rollout", "collect_diagnostics notify_only", `{}`},
	{"KubePodCrashLooping after an OOM kill raises memory, then raises it again", alert("KubePodCrashLooping", deployment, container("app"), workload(1, 0), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", oomLoop)),
		"out of memory", "increase_resources increase_resources notify_only", `{"container":"app","memory":"192Mi"}`},
	{"KubePodNotReady is diagnosed before pods are restarted", alert("KubePodNotReady", deployment, workload(2, 1), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", unready)),
		"pod is not ready", "collect_diagnostics restart_pod notify_only", `{}`},
	{"KubePodNotReady of a pod that finds no node restarts nothing", alert("KubePodNotReady", deployment, workload(2, 1), onlyRevision, pending("cart-new-a")),
		"pod is not ready", "collect_diagnostics notify_only", `{}`},
	{"KubeContainerWaiting for an image after a rollout is rolled back", alert("KubeContainerWaiting", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", noImage)),
		"image cannot be pulled after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"KubeContainerWaiting for its configuration after a rollout is rolled back", alert("KubeContainerWaiting", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", noConfig)),
		"configuration is missing after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"KubeContainerWaiting without a rollout is for a person", alert("KubeContainerWaiting", deployment, workload(1, 0), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", noImage)),
		"container waits", "notify_only", `{}`},
	{"KubeDeploymentReplicasMismatch of pods that never get ready is rolled back", alert("KubeDeploymentReplicasMismatch", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", unready)),
		"rollout does not progress", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"KubeDeploymentReplicasMismatch without a rollout is diagnosed, then restarted", alert("KubeDeploymentReplicasMismatch", deployment, workload(3, 2), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", unready)),
		"Deployment lacks replicas", "collect_diagnostics restart_pod notify_only", `{}`},
	{"KubeDeploymentReplicasMismatch for want of a node rolls nothing back", alert("KubeDeploymentReplicasMismatch", deployment, workload(3, 2), fresh, pending("cart-new-a")),
		"Deployment lacks replicas", "collect_diagnostics notify_only", `{}`},
	{"KubeDeploymentRolloutStuck on an image is rolled back", alert("KubeDeploymentRolloutStuck", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", noImage)),
		"image cannot be pulled after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"KubeStatefulSetReplicasMismatch restarts, then offers to scale to what is ready", alert("KubeStatefulSetReplicasMismatch", statefulSet, workload(3, 2), pod("db-2", "StatefulSet/db", unready)),
		"StatefulSet lacks replicas", "restart_pod scale_statefulset collect_diagnostics notify_only", `{}`},
	{"KubeStatefulSetReplicasMismatch of a member that is not the highest offers no scaling", alert("KubeStatefulSetReplicasMismatch", statefulSet, workload(3, 2), pod("db-1", "StatefulSet/db", unready)),
		"StatefulSet lacks replicas", "restart_pod collect_diagnostics notify_only", `{}`},
	{"KubeStatefulSetUpdateNotRolledOut with nothing ready offers no scaling", alert("KubeStatefulSetUpdateNotRolledOut", statefulSet, workload(3, 0), pod("db-0", "StatefulSet/db", unready)),
		"StatefulSet lacks replicas", "restart_pod collect_diagnostics notify_only", `{}`},
	{"KubeDaemonSetRolloutStuck restarts the pods that are not ready", alert("KubeDaemonSetRolloutStuck", daemonSet, workload(3, 2), pod("agent-x", "DaemonSet/agent", unready)),
		"DaemonSet rollout is stuck", "restart_pod collect_diagnostics notify_only", `{}`},
	{"KubeDaemonSetNotScheduled is for a person", alert("KubeDaemonSetNotScheduled", daemonSet, workload(3, 2)),
		"DaemonSet pods are not where they belong", "notify_only", `{}`},
	{"KubeHpaMaxedOut raises the maximum by half", alert("KubeHpaMaxedOut", autoScaler, hpa(5, 5, 5, "True")),
		"autoscaler at its maximum", "update_hpa collect_diagnostics notify_only", `{"maxReplicas":8}`},
	{"KubeHpaMaxedOut raises the maximum to the cap and not beyond", alert("KubeHpaMaxedOut", autoScaler, hpa(40, 40, 40, "True")),
		"autoscaler at its maximum", "update_hpa collect_diagnostics notify_only", `{"maxReplicas":50}`},
	{"KubeHpaMaxedOut at the cap raises nothing", alert("KubeHpaMaxedOut", autoScaler, hpa(50, 50, 50, "True")),
		"autoscaler at its maximum", "collect_diagnostics notify_only", `{}`},
	{"KubeHpaMaxedOut of an autoscaler that wants no more raises nothing", alert("KubeHpaMaxedOut", autoScaler, hpa(5, 5, 5, "False")),
		"autoscaler is not seen to want more", "collect_diagnostics notify_only", `{}`},
	{"KubeHpaReplicasMismatch is diagnosed", alert("KubeHpaReplicasMismatch", autoScaler, hpa(2, 5, 5, "False")),
		"autoscaler does not reach what it wants", "collect_diagnostics notify_only", `{}`},
	{"KubePdbNotEnoughHealthyPods adds a replica to the Deployment behind it", alert("KubePdbNotEnoughHealthyPods", target("PodDisruptionBudget", "cart"), workload(3, 2), owners(deployment)),
		"disruption budget lacks healthy pods", "scale_deployment collect_diagnostics notify_only", `{"replicas":4}`},
	{"KubePdbNotEnoughHealthyPods adds nothing to a Deployment at the cap", alert("KubePdbNotEnoughHealthyPods", target("PodDisruptionBudget", "cart"), workload(50, 49), owners(deployment)),
		"disruption budget lacks healthy pods", "collect_diagnostics notify_only", `{}`},
	{"KubePdbNotEnoughHealthyPods adds nothing to what an autoscaler owns", alert("KubePdbNotEnoughHealthyPods", target("PodDisruptionBudget", "cart"), workload(3, 2), owners(deployment), hpa(3, 3, 5, "False")),
		"disruption budget lacks healthy pods", "collect_diagnostics notify_only", `{}`},
	{"KubeJobFailed is not repeated", alert("KubeJobFailed", target("Job", "import"), pod("import-x", "Job/import", crashLoop)),
		"job did not succeed", "collect_diagnostics notify_only", `{}`},
	{"KubeJobNotCompleted is not repeated", alert("KubeJobNotCompleted", target("Job", "import")),
		"job did not succeed", "collect_diagnostics notify_only", `{}`},
	{"KubePersistentVolumeFillingUp deletes nothing", alert("KubePersistentVolumeFillingUp", target("PersistentVolumeClaim", "data")),
		"volume fills up", "collect_diagnostics notify_only", `{}`},
	{"KubeNodeNotReady cordons the node", alert("KubeNodeNotReady", target("Node", "node-a"), node(false, false, 2)),
		"node is not ready", "cordon_node notify_only", `{}`},
	{"KubeNodeUnreachable cordons the node", alert("KubeNodeUnreachable", target("Node", "node-a"), node(false, false, 2)),
		"node is not ready", "cordon_node notify_only", `{}`},
	{"KubeNodeNotReady of the last node that takes pods cordons nothing", alert("KubeNodeNotReady", target("Node", "node-a"), node(false, false, 0)),
		"node is not ready", "notify_only", `{}`},
	{"KubeNodeNotReady of a cordoned node does not cordon it again", alert("KubeNodeNotReady", target("Node", "node-a"), node(false, true, 2)),
		"node is not ready", "notify_only", `{}`},
	{"KubeNodeNotReady of a node that has recovered disturbs nothing", alert("KubeNodeNotReady", target("Node", "node-a"), node(true, false, 2)),
		"node has recovered, or cannot be cordoned", "collect_diagnostics notify_only", `{}`},
	{"KubeNodeReadinessFlapping cordons a node that is ready at the moment", alert("KubeNodeReadinessFlapping", target("Node", "node-a"), node(true, false, 2)),
		"node comes and goes", "cordon_node notify_only", `{}`},
	{"NodeFilesystemSpaceFillingUp keeps new pods off", alert("NodeFilesystemSpaceFillingUp", target("Node", "node-a"), node(true, false, 2)),
		"node runs out of disk", "cordon_node notify_only", `{}`},
	{"NodeFilesystemAlmostOutOfSpace keeps new pods off", alert("NodeFilesystemAlmostOutOfSpace", target("Node", "node-a"), node(true, false, 2)),
		"node runs out of disk", "cordon_node notify_only", `{}`},
	{"NodeMemoryHighUtilization is diagnosed", alert("NodeMemoryHighUtilization", target("Node", "node-a"), node(true, false, 2)),
		"node is busy", "collect_diagnostics notify_only", `{}`},
	{"NodeCPUHighUsage is diagnosed", alert("NodeCPUHighUsage", target("Node", "node-a"), node(true, false, 2)),
		"node is busy", "collect_diagnostics notify_only", `{}`},
	{"CPUThrottlingHigh raises the CPU limit", alert("CPUThrottlingHigh", deployment, container("app"), workload(1, 1), pod("cart-new-a", "ReplicaSet/cart-new", healthy)),
		"CPU is throttled", "increase_resources increase_resources notify_only", `{"container":"app","cpu":"300m"}`},
	{"CPUThrottlingHigh without a limit is diagnosed", alert("CPUThrottlingHigh", deployment, container("app"), limits(nil)),
		"no rule knows this alert", "collect_diagnostics notify_only", `{}`},
	{"KubePodOOMKilled raises memory", alert("KubePodOOMKilled", deployment, container("app"), workload(1, 0), pod("cart-new-a", "ReplicaSet/cart-new", oomLoop)),
		"out of memory", "increase_resources increase_resources notify_only", `{"container":"app","memory":"192Mi"}`},
	{"KubePodOOMKilled near the cap raises once and no further", alert("KubePodOOMKilled", deployment, workload(1, 0), limits(map[string]string{"memory": "5Gi"}), pod("cart-new-a", "ReplicaSet/cart-new", oomLoop)),
		"out of memory", "increase_resources notify_only", `{"container":"app","memory":"7680Mi"}`},
	{"KubePodOOMKilled of a container without a limit is for a person", alert("KubePodOOMKilled", deployment, limits(nil), pod("cart-new-a", "ReplicaSet/cart-new", oomLoop)),
		"out of memory", "notify_only", `{}`},
	{"KubePodOOMKilled of a kill that is not seen is diagnosed", alert("KubePodOOMKilled", deployment, workload(1, 1), pod("cart-new-a", "ReplicaSet/cart-new", healthy)),
		"out of memory, but not seen", "collect_diagnostics notify_only", `{}`},
	{"KubeQuotaAlmostFull is for a person", alert("KubeQuotaAlmostFull", target("Namespace", "shop")),
		"quota is almost full", "notify_only", `{}`},
	{"KubeClientCertificateExpiration is for a person", alert("KubeClientCertificateExpiration", target("Service", "kubernetes")),
		"certificate expires", "notify_only", `{}`},
	{"CertManagerCertExpirySoon is for a person", alert("CertManagerCertExpirySoon", target("Service", "cert-manager")),
		"certificate expires", "notify_only", `{}`},
	{"CoreDNSDown is diagnosed", alert("CoreDNSDown", target("Service", "kube-dns")),
		"cluster DNS is down", "collect_diagnostics notify_only", `{}`},
	{"etcdDatabaseHighFragmentationRatio is diagnosed", alert("etcdDatabaseHighFragmentationRatio", target("Pod", "etcd-0")),
		"etcd is fragmented", "collect_diagnostics notify_only", `{}`},
	{"KubeAPIDown is for a person", alert("KubeAPIDown", target("Service", "kubernetes")),
		"control plane is down", "notify_only", `{}`},
	{"KubernautHeartbeatLost is for a person", alert("KubernautHeartbeatLost", target("Namespace", "kubernaut-system"), ours),
		"heartbeat is lost", "notify_only", `{}`},
	{"KubernautHeartbeatLost is for a person, whatever is wrong with its target",
		alert("KubernautHeartbeatLost", statefulSet, ours, container("app"), workload(1, 0), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", oomLoop)),
		"heartbeat is lost", "notify_only", `{}`},
	{"KubernautHeartbeatLost is for a person, though its target cannot be seen",
		alert("KubernautHeartbeatLost", target("StatefulSet", "gone"), ours, lacking(partTarget)),
		"heartbeat is lost", "notify_only", `{}`},
	{"whoever else sends KubernautHeartbeatLost keeps nothing from being healed", alert("KubernautHeartbeatLost", deployment, workload(2, 2)),
		"no rule knows this alert", "collect_diagnostics notify_only", `{}`},
	{"KubeSchedulerDown is for a person", alert("KubeSchedulerDown", target("Service", "kube-scheduler")),
		"control plane is down", "notify_only", `{}`},
	{"Watchdog asks for nothing", alert("Watchdog", target("Service", "prometheus")),
		"heartbeat", "notify_only", `{}`},
	{"InfoInhibitor asks for nothing", alert("InfoInhibitor", target("Service", "prometheus")),
		"heartbeat", "notify_only", `{}`},
	{"an alert that no rule knows is diagnosed", alert("CartTooSlow", deployment, workload(2, 2)),
		"no rule knows this alert", "collect_diagnostics notify_only", `{}`},
	{"an alert that no rule knows is rolled back when a new revision crashes", alert("CartTooSlow", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", crashLoop)),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"a target that is gone is only reported", alert("KubePodNotReady", deployment, lacking(partTarget)),
		"pod is not ready", "collect_diagnostics notify_only", `{}`},
	{"a crash loop whose revisions cannot be read disturbs nothing", alert("KubePodCrashLooping", deployment, workload(3, 2), pod("cart-new-a", "ReplicaSet/cart-new", crashLoop), lacking(partRevisions)),
		"crash loop without a rollout", "collect_diagnostics notify_only", `{}`},
	{"a node that cannot be read is not cordoned", alert("KubeNodeNotReady", target("Node", "node-a"), lacking(partNode)),
		"node is not ready", "collect_diagnostics notify_only", `{}`},
	{"a GitOps-owned target is rolled back with a warning", alert("KubePodCrashLooping", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", crashLoop), gitOps),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
}

func TestLadders(t *testing.T) {
	for _, c := range slices.Concat(ladders, eventLadders, rolloutLadders) {
		t.Run(c.name, func(t *testing.T) {
			finding, err := offline(t).Analyze(t.Context(), c.of)
			require.NoError(t, err)
			p, err := propose(finding, 1)
			require.NoError(t, err)
			require.Equal(t, c.rule, p.Evidence[1].Detail)
			require.Equal(t, c.actions, actionsOf(p))
			parameters, err := json.Marshal(p.Parameters)
			require.NoError(t, err)
			require.JSONEq(t, c.parameters, string(parameters))
			require.Len(t, finding.Rungs, len(strings.Fields(c.actions)), "the catalogue refuses a rung of this rule")
			for _, r := range append(p.Next, p.Rung) {
				require.NotEmpty(t, r.Rationale)
			}
			golden(t, c.name, p)
		})
	}
}

func actionsOf(p event.Proposal) string {
	names := []string{p.Action}
	for _, r := range p.Next {
		names = append(names, r.Action)
	}
	return strings.Join(names, " ")
}

var notWord = regexp.MustCompile(`[^A-Za-z0-9]+`)

// golden compares with the proposal kept under the case's name.
func golden(t *testing.T, name string, p event.Proposal) {
	t.Helper()
	got, err := json.MarshalIndent(p, "", "  ")
	require.NoError(t, err)
	file := filepath.Join("testdata", "proposals", strings.ToLower(notWord.ReplaceAllString(name, "-"))+".json")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, append(got, '\n'), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run go test -update to write it")
	require.Equal(t, string(want), string(got)+"\n")
}

func TestEveryAlertOfTheContractHasItsCase(t *testing.T) {
	contract := []string{"KubePodCrashLooping", "KubePodNotReady", "KubeContainerWaiting", "KubeDeploymentReplicasMismatch",
		"KubeDeploymentRolloutStuck", "KubeStatefulSetReplicasMismatch", "KubeStatefulSetUpdateNotRolledOut", "KubeDaemonSetRolloutStuck",
		"KubeDaemonSetNotScheduled", "KubeHpaMaxedOut", "KubeHpaReplicasMismatch", "KubePdbNotEnoughHealthyPods", "KubeJobFailed",
		"KubeJobNotCompleted", "KubePersistentVolumeFillingUp", "KubeNodeNotReady", "KubeNodeUnreachable", "KubeNodeReadinessFlapping",
		"NodeFilesystemSpaceFillingUp", "NodeFilesystemAlmostOutOfSpace", "NodeMemoryHighUtilization", "NodeCPUHighUsage",
		"CPUThrottlingHigh", "KubePodOOMKilled", "KubeQuotaAlmostFull", "KubeClientCertificateExpiration", "CertManagerCertExpirySoon",
		"CoreDNSDown", "etcdDatabaseHighFragmentationRatio", "KubeAPIDown", "KubeSchedulerDown", "KubernautHeartbeatLost", "Watchdog", "InfoInhibitor"}
	tested := map[string]bool{}
	for _, c := range ladders {
		tested[c.of.Signal.Name] = true
	}
	named := map[string]bool{}
	for _, r := range ruleBase {
		for _, name := range r.alerts {
			named[name] = true
		}
	}
	for _, name := range contract {
		require.True(t, tested[name], name)
		require.True(t, named[name], "no rule is for %s", name)
	}
}

func TestConfidenceFollowsWhatIsSeen(t *testing.T) {
	crash := []option{workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", crashLoop)}
	cases := []struct {
		name string
		more []option
		want float64
	}{
		{"with the whole context it is the rule's", nil, 0.9},
		{"each part that could not be read takes a tenth", []option{lacking("events", "budgets")}, 0.7},
		{"a cluster without metrics-server takes nothing", []option{lacking("usage")}, 0.9},
		{"without a part that the rule needs little remains", []option{lacking(partRevisions)}, 0.4},
		{"it never falls to nothing", []option{lacking("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")}, 0.1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, err := offline(t).Analyze(t.Context(), alert("KubePodCrashLooping", deployment, append(crash, c.more...)...))
			require.NoError(t, err)
			require.InDelta(t, c.want, f.Confidence, 0.001)
		})
	}
}

func TestARolledBackRevisionIsNotRolledBackAgain(t *testing.T) {
	c := alert("KubePodCrashLooping", deployment, workload(3, 0), fresh, pod("cart-old-a", "ReplicaSet/cart-old", crashLoop))
	// A rollback gives the old ReplicaSet the highest number.
	c.Context.Revisions = []event.Revision{
		{Number: 3, Name: "cart-old", CreatedAt: ago(720 * time.Hour), Current: true},
		{Number: 2, Name: "cart-new", CreatedAt: ago(20 * time.Minute), Ready: 1}}
	f, err := offline(t).Analyze(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, "restart_pod", f.Rungs[0].Action)
}

func TestRevisionsOfTheSameSecondAreToldApartByWhatServes(t *testing.T) {
	c := alert("KubePodCrashLooping", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", crashLoop))
	c.Context.Revisions[1].CreatedAt = c.Context.Revisions[0].CreatedAt
	f, err := offline(t).Analyze(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, "rollback_deployment", f.Rungs[0].Action)
	c.Context.Revisions[1].Ready = 0
	f, err = offline(t).Analyze(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, "restart_pod", f.Rungs[0].Action, "it may be what a rollback has just left")
}

func TestAProposalIsBoundedWhateverTheClusterHolds(t *testing.T) {
	long := strings.Repeat("x", 5000)
	c := alert("KubePodCrashLooping", deployment, workload(3, 2), fresh, gitOps)
	c.Context.GitOps.Name = long
	for i := range 200 {
		pod(fmt.Sprintf("%s-%d", long, i), "ReplicaSet/cart-new", crashLoop)(&c)
		lacking(fmt.Sprintf("part-%d-%s", i, long))(&c)
	}
	f, err := offline(t).Analyze(t.Context(), c)
	require.NoError(t, err)
	p, err := propose(f, 1)
	require.NoError(t, err)
	body, err := json.Marshal(p)
	require.NoError(t, err)
	require.Less(t, len(body), 16<<10)
	require.LessOrEqual(t, len(p.Evidence), event.MaxEvidence)
	require.LessOrEqual(t, len(p.Rationale), event.MaxText)
}
