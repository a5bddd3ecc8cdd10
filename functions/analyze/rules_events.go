package function

import (
	"slices"
	"strings"

	"kubernaut.ai/shared/event"
)

// Rules for alerts that are Kubernetes' own events, by the reason that the event
// gives, and Flux's notices. An event tells of one moment, and many of them come
// in the course of any rollout: what disturbs comes after a look, and only if that
// did not help. At once only an observed state rolls back.
var eventRules = []rule{
	{
		name: "image cannot be pulled", alerts: append([]string{"BackOff", "Failed"}, imageEvents...), needs: []string{partPods},
		when: told(waiting(imageMissing)), because: "An image cannot be pulled, and no rollout explains it",
		ladder: []rung{diagnose, notify}, confidence: 0.7,
	},
	{
		name: "container cannot be created", alerts: append([]string{"BackOff", "Failed"}, containerEvents...), needs: []string{partPods},
		when: told(waiting(misconfigured)), because: "A container cannot be created, and no rollout explains it",
		ladder: []rung{diagnose, notify}, confidence: 0.7,
	},
	{
		name: "container was not started", alerts: slices.Concat([]string{"Failed"}, imageEvents, containerEvents), needs: []string{partPods},
		when: told(podsSeen), because: "The kubelet could not start a container, and none is seen that still waits for its image",
		ladder: []rung{diagnose, notify}, confidence: 0.6,
	},
	{
		name: "new revision is not ready yet", alerts: []string{"Unhealthy", "FailedMount"}, kinds: []string{"Deployment"},
		needs: []string{partPods, partRevisions, partWorkload},
		when:  told(stuckRollout), because: "No pod of the new revision is ready, and the revision before works",
		ladder: []rung{diagnose, rollback, notify}, confidence: 0.6,
	},
	{
		name: "pods find no node", alerts: []string{"FailedScheduling"}, needs: []string{partPods},
		when: told(podsSeen), because: "No node takes the pods: neither a restart nor a former revision makes room",
		ladder: []rung{diagnose, notify}, confidence: 0.7,
	},
	{
		name: "probe fails", alerts: []string{"Unhealthy"}, needs: []string{partPods},
		when: told(podsSeen), because: "A probe fails, and neither a rollout nor memory explains it",
		ladder: []rung{diagnose, restart, notify}, confidence: 0.6,
	},
	{
		name: "volume cannot be mounted", alerts: []string{"FailedMount", "FailedMapVolume", "FailedAttachVolume"}, needs: []string{partPods},
		when: told(podsSeen), because: "A pod waits for a volume; on another node it may get it",
		ladder: []rung{diagnose, restart, notify}, confidence: 0.6,
	},
	{
		name: "volume cannot be provided", alerts: []string{"ProvisioningFailed", "VolumeResizeFailed", "FileSystemResizeFailed"},
		when: told(podsSeen), because: "The storage does not give the volume, or not its size: its class, a quota or the storage itself has to be mended",
		ladder: []rung{diagnose, notify}, confidence: 0.7,
	},
	{
		name: "sandbox cannot be made", alerts: []string{"FailedCreatePodSandBox"}, needs: []string{partPods},
		when: told(podsSeen), because: "A node cannot give the pod its network; another one may",
		ladder: []rung{diagnose, restart, notify}, confidence: 0.6,
	},
	{
		name: "pod was evicted", alerts: []string{"Evicted"},
		when: told(podAndNode), because: "A node that ran short evicted the pod; its owner replaces it, and the node is what is ill",
		ladder: []rung{diagnose, notify}, confidence: 0.6,
	},
	{
		name: "pods are refused", alerts: []string{"FailedCreate"},
		when: told(workloadSeen), because: "The API server refuses the pods: a quota, an admission webhook or a missing ServiceAccount, which a person must mend",
		ladder: []rung{diagnose, notify}, confidence: 0.7,
	},
	{
		name: "pods are on a node that is not ready", alerts: []string{"NodeNotReady"},
		when: told(offNode), because: "The node of the pods is not ready; they are moved when it stays so, and the node has an alert of its own",
		ladder: []rung{diagnose, notify}, confidence: 0.6,
	},
	{
		name: "node kills for memory", alerts: []string{"OOMKilled", "OOMKilling", "SystemOOM"}, kinds: []string{"Node"},
		when: told(nodeSeen), because: "The kernel of the node killed a process for its memory; whose it was, the event tells at best",
		ladder: []rung{diagnose, notify}, confidence: 0.6,
	},
	{
		name: "Flux cannot apply it", when: told(fluxSays),
		because: "Flux could not bring the object to what its source says: the source, or what it needs, has to be mended",
		ladder:  []rung{diagnose, notify}, confidence: 0.7,
	},
}

// imageEvents are what kubelets say of images, and containerEvents of containers
// that they could not make or start.
var (
	imageEvents = []string{"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError", "InspectFailed",
		"RegistryUnavailable", "SignatureValidationFailed"}
	containerEvents = []string{"CreateContainerError", "FailedPostStartHook", "FailedCreatePodContainer"}
)

// told adds to what a rule sees what the event itself said. Strangers wrote it; the
// gateway has taken credentials out.
func told(when func(facts) (observation, bool)) func(facts) (observation, bool) {
	return func(f facts) (observation, bool) {
		seen, ok := when(f)
		if message := f.Signal.Annotations["message"]; ok && message != "" {
			said := event.Evidence{Source: "event", Detail: event.Cut(message, event.MaxText)}
			seen.evidence = append([]event.Evidence{said}, seen.evidence...)
		}
		return seen, ok
	}
}

// waiting holds where containers are seen that wait for it.
func waiting(is func(event.ContainerState) bool) func(facts) (observation, bool) {
	return func(f facts) (observation, bool) {
		faults := f.faults(is)
		if len(faults) == 0 {
			return observation{}, false
		}
		return observation{evidence: say(faults), container: faults[0].state.Name}, true
	}
}

// podAndNode sees the pods and the node that the event's pod was on.
func podAndNode(f facts) (observation, bool) {
	seen, _ := podsSeen(f)
	on, _ := nodeSeen(f)
	seen.evidence = append(on.evidence, seen.evidence...)
	return seen, true
}

// offNode holds for what is not a node itself.
func offNode(f facts) (observation, bool) {
	if f.Signal.Target.Kind == "Node" {
		return observation{}, false
	}
	return podAndNode(f)
}

// fluxSays holds for alerts named as Flux names them, Flux<Kind><Reason>, on an
// object of that kind.
func fluxSays(f facts) (observation, bool) {
	kind, group, _ := strings.Cut(f.Signal.Target.Kind, ".")
	ok := strings.HasSuffix(group, "toolkit.fluxcd.io") && strings.HasPrefix(f.Signal.Name, "Flux"+kind)
	return observation{}, ok
}
