package function

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

// says is what the event says.
func says(message string) option {
	return func(c *Case) { c.Signal.Annotations = map[string]string{"message": message} }
}

var (
	kustomization = target("Kustomization.kustomize.toolkit.fluxcd.io", "shop")
	nodeA         = target("Node", "node-a")
)

// eventLadders are for Kubernetes' events, whose reason is the alert's name, and
// for what Flux says.
var eventLadders = []ladderCase{
	{"BackOff of a new revision is rolled back", alert("BackOff", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", crashLoop), says("Back-off restarting failed container app")),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"BackOff long after the rollout restarts the pods", alert("BackOff", deployment, workload(3, 2), revisions(96*time.Hour, 0), pod("cart-new-a", "ReplicaSet/cart-new", crashLoop)),
		"crash loop without a rollout", "restart_pod collect_diagnostics notify_only", `{}`},
	{"BackOff after an OOM kill raises memory", alert("BackOff", deployment, container("app"), workload(1, 0), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", oomLoop)),
		"out of memory", "increase_resources increase_resources notify_only", `{"container":"app","memory":"192Mi"}`},
	{"BackOff of an image after a rollout is rolled back", alert("BackOff", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", noImage), says("Back-off pulling image shop/cart:2")),
		"image cannot be pulled after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"BackOff of an image without a rollout is diagnosed", alert("BackOff", deployment, workload(1, 0), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", noImage), says("Back-off pulling image shop/cart:2")),
		"image cannot be pulled", "collect_diagnostics notify_only", `{}`},
	{"BackOff of a container between two crashes is laid to the rollout", alert("BackOff", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", betweenCrashes)),
		"crash loop after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"CrashLoopBackOff restarts the pods", alert("CrashLoopBackOff", deployment, workload(3, 2), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", crashLoop)),
		"crash loop without a rollout", "restart_pod collect_diagnostics notify_only", `{}`},
	{"OOMKilled raises memory", alert("OOMKilled", deployment, container("app"), workload(1, 0), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", oomLoop)),
		"out of memory", "increase_resources increase_resources notify_only", `{"container":"app","memory":"192Mi"}`},
	{"OOMKilling that is not seen is diagnosed", alert("OOMKilling", deployment, workload(1, 1), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", healthy)),
		"out of memory, but not seen", "collect_diagnostics notify_only", `{}`},
	{"OOMKilling on a node does not cordon it", alert("OOMKilling", nodeA, node(true, false, 2), says("Memory cgroup out of memory: Killed process 4711 (java)")),
		"node kills for memory", "collect_diagnostics notify_only", `{}`},
	{"ImagePullBackOff after a rollout is rolled back", alert("ImagePullBackOff", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", noImage)),
		"image cannot be pulled after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"ErrImagePull without a rollout is diagnosed", alert("ErrImagePull", deployment, workload(1, 0), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", noImage)),
		"image cannot be pulled", "collect_diagnostics notify_only", `{}`},
	{"ErrImagePull of an image that came after all is diagnosed", alert("ErrImagePull", deployment, workload(1, 1), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", healthy)),
		"container was not started", "collect_diagnostics notify_only", `{}`},
	{"Failed for an image after a rollout is rolled back", alert("Failed", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", noImage), says("Error: ErrImagePull")),
		"image cannot be pulled after a rollout", "rollback_deployment collect_diagnostics notify_only", `{"revision":1}`},
	{"Failed for its configuration without a rollout is diagnosed", alert("Failed", deployment, workload(1, 0), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", noConfig), says(`Error: configmap "cart" not found`)),
		"container cannot be created", "collect_diagnostics notify_only", `{}`},
	{"FailedScheduling restarts and rolls back nothing", alert("FailedScheduling", deployment, workload(3, 2), fresh, pending("cart-new-a"), says("0/3 nodes are available: 3 Insufficient memory.")),
		"pods find no node", "collect_diagnostics notify_only", `{}`},
	{"Unhealthy is diagnosed before pods are restarted", alert("Unhealthy", deployment, workload(2, 1), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", unready), says("Readiness probe failed: HTTP probe failed with statuscode: 503")),
		"probe fails", "collect_diagnostics restart_pod notify_only", `{}`},
	{"Unhealthy of pods that are ready restarts nothing", alert("Unhealthy", deployment, workload(2, 2), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", healthy)),
		"probe fails", "collect_diagnostics notify_only", `{}`},
	{"Unhealthy in a rollout is not rolled back before it was looked at", alert("Unhealthy", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", unready)),
		"new revision is not ready yet", "collect_diagnostics rollback_deployment notify_only", `{}`},
	{"FailedMount is diagnosed, then tried on another node", alert("FailedMount", statefulSet, workload(3, 2), pod("db-2", "StatefulSet/db", unready), says(`MountVolume.SetUp failed for volume "data" : rpc error`)),
		"volume cannot be mounted", "collect_diagnostics restart_pod notify_only", `{}`},
	{"FailedMount in a rollout is not rolled back before it was looked at", alert("FailedMount", deployment, workload(3, 2), fresh, pod("cart-new-a", "ReplicaSet/cart-new", unready), says(`secret "cart" not found`)),
		"new revision is not ready yet", "collect_diagnostics rollback_deployment notify_only", `{}`},
	{"FailedAttachVolume is diagnosed, then tried on another node", alert("FailedAttachVolume", statefulSet, workload(3, 2), pod("db-2", "StatefulSet/db", unready), says("Multi-Attach error for volume pvc-1")),
		"volume cannot be mounted", "collect_diagnostics restart_pod notify_only", `{}`},
	{"FailedCreatePodSandBox is diagnosed, then tried on another node", alert("FailedCreatePodSandBox", deployment, workload(3, 2), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", unready)),
		"sandbox cannot be made", "collect_diagnostics restart_pod notify_only", `{}`},
	{"ProvisioningFailed is for a person after a look", alert("ProvisioningFailed", target("PersistentVolumeClaim", "data"), says("storageclass fast not found")),
		"volume cannot be provided", "collect_diagnostics notify_only", `{}`},
	{"Evicted restarts nothing", alert("Evicted", deployment, workload(3, 3), onlyRevision, node(true, false, 2), pod("cart-new-a", "ReplicaSet/cart-new", healthy), says("The node was low on resource: memory.")),
		"pod was evicted", "collect_diagnostics notify_only", `{}`},
	{"FailedCreate is for a person after a look", alert("FailedCreate", deployment, workload(3, 2), fresh, says("pods are forbidden: exceeded quota: team")),
		"pods are refused", "collect_diagnostics notify_only", `{}`},
	{"NodeNotReady of a node cordons it", alert("NodeNotReady", nodeA, node(false, false, 2)),
		"node is not ready", "cordon_node notify_only", `{}`},
	{"NodeNotReady of a node that has recovered is diagnosed", alert("NodeNotReady", nodeA, node(true, false, 2)),
		"node has recovered, or cannot be cordoned", "collect_diagnostics notify_only", `{}`},
	{"NodeNotReady of a pod leaves its workload alone", alert("NodeNotReady", deployment, workload(3, 2), onlyRevision, node(false, false, 2), pod("cart-new-a", "ReplicaSet/cart-new", unready)),
		"pods are on a node that is not ready", "collect_diagnostics notify_only", `{}`},
	{"a Kustomization that Flux cannot apply is diagnosed", alert("FluxKustomizationReconciliationfailed", kustomization, says("kustomize build failed")),
		"Flux cannot apply it", "collect_diagnostics notify_only", `{}`},
	{"a HelmRelease that Flux cannot upgrade is diagnosed", alert("FluxHelmReleaseUpgradefailed", target("HelmRelease.helm.toolkit.fluxcd.io", "shop")),
		"Flux cannot apply it", "collect_diagnostics notify_only", `{}`},
	{"a repository that Flux cannot fetch is diagnosed", alert("FluxGitRepositoryGitoperationfailed", target("GitRepository.source.toolkit.fluxcd.io", "shop"), lacking(partTarget)),
		"Flux cannot apply it", "collect_diagnostics notify_only", `{}`},
	{"an alert that is only called like one of Flux is not one", alert("FluxDeploymentSlow", deployment, workload(1, 1)),
		"no rule knows this alert", "collect_diagnostics notify_only", `{}`},
}

func TestAnEventsMessageIsEvidence(t *testing.T) {
	f, err := offline(t).Analyze(t.Context(), alert("Failed", deployment, workload(1, 0), onlyRevision, pod("cart-new-a", "ReplicaSet/cart-new", noImage),
		says("Failed to pull image: registry.example/cart")))
	require.NoError(t, err)
	require.Equal(t, event.Evidence{Source: "event", Detail: "Failed to pull image: registry.example/cart"}, f.Evidence[2])
}
