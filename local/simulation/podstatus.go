package simulation

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// fillPod writes a pod's status from what the kubelet knows.
func (e *engine) fillPod(pod *corev1.Pod, state *podRuntime) {
	pod.Status.HostIP = addressOf(e.nodeUID(pod.Spec.NodeName))
	pod.Status.PodIP = addressOf(pod.UID)
	pod.Status.PodIPs = []corev1.PodIP{{IP: pod.Status.PodIP}}
	pod.Status.QOSClass = qosOf(pod)
	started := state.started
	pod.Status.StartTime = &started
	statuses := make([]corev1.ContainerStatus, 0, len(pod.Spec.Containers))
	for i := range pod.Spec.Containers {
		statuses = append(statuses, containerStatus(pod, &pod.Spec.Containers[i], state.containers[pod.Spec.Containers[i].Name]))
	}
	pod.Status.ContainerStatuses = statuses
	pod.Status.InitContainerStatuses = initStatuses(pod, started)
	pod.Status.Phase = phaseOf(pod, state)
	e.fillConditions(pod)
}

func containerStatus(pod *corev1.Pod, container *corev1.Container, state *containerRuntime) corev1.ContainerStatus {
	started := state.step == stepRunning
	out := corev1.ContainerStatus{
		Name: container.Name, Image: container.Image, Ready: state.ready, RestartCount: state.restarts, Started: &started,
	}
	if state.step != stepPulling && state.step != stepNoImage {
		out.ImageID = fmt.Sprintf("sha256:%08x", hash32(container.Image))
		out.ContainerID = fmt.Sprintf("containerd://%08x%02d", hash32(string(pod.UID)+container.Name), state.restarts)
	}
	switch state.step {
	case stepPulling:
		out.State.Waiting = &corev1.ContainerStateWaiting{Reason: reasonContainerCreating}
	case stepNoImage:
		out.State.Waiting = &corev1.ContainerStateWaiting{Reason: reasonErrImagePull, Message: fmt.Sprintf("failed to pull image %q: not found", container.Image)}
		if state.retries%2 == 0 {
			out.State.Waiting = &corev1.ContainerStateWaiting{Reason: reasonImagePullBackOff, Message: fmt.Sprintf("Back-off pulling image %q", container.Image)}
		}
	case stepRunning:
		out.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(state.started)}
		out.LastTerminationState.Terminated = state.ended
	case stepBackoff:
		out.State.Waiting = &corev1.ContainerStateWaiting{
			Reason:  reasonCrashLoopBackOff,
			Message: fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)", state.backoff, container.Name, pod.Name, pod.Namespace, pod.UID),
		}
		out.LastTerminationState.Terminated = state.ended
	case stepFinished:
		out.State.Terminated = state.ended
	}
	return out
}

func initStatuses(pod *corev1.Pod, at metav1.Time) []corev1.ContainerStatus {
	var out []corev1.ContainerStatus
	for i := range pod.Spec.InitContainers {
		container := &pod.Spec.InitContainers[i]
		out = append(out, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, Ready: true,
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reasonCompleted, StartedAt: at, FinishedAt: at}},
		})
	}
	return out
}

func phaseOf(pod *corev1.Pod, state *podRuntime) corev1.PodPhase {
	finished, failed, waiting := 0, false, false
	for _, container := range state.containers {
		switch container.step {
		case stepFinished:
			finished++
			failed = failed || container.ended.ExitCode != 0
		case stepPulling, stepNoImage:
			waiting = true
		}
	}
	switch {
	case waiting:
		return corev1.PodPending
	case finished < len(pod.Spec.Containers):
		return corev1.PodRunning
	case failed:
		return corev1.PodFailed
	}
	return corev1.PodSucceeded
}

func (e *engine) fillConditions(pod *corev1.Pod) {
	var unready []string
	for _, status := range pod.Status.ContainerStatuses {
		if !status.Ready {
			unready = append(unready, status.Name)
		}
	}
	e.setPodCondition(pod, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue})
	e.setPodCondition(pod, corev1.PodCondition{Type: corev1.PodInitialized, Status: corev1.ConditionTrue})
	ready := corev1.PodCondition{Status: corev1.ConditionTrue}
	switch {
	case pod.Status.Phase == corev1.PodSucceeded:
		ready = corev1.PodCondition{Status: corev1.ConditionFalse, Reason: "PodCompleted"}
	case len(unready) > 0:
		ready = corev1.PodCondition{Status: corev1.ConditionFalse, Reason: "ContainersNotReady", Message: fmt.Sprintf("containers with unready status: %v", unready)}
	}
	ready.Type = corev1.ContainersReady
	e.setPodCondition(pod, ready)
	if ready.Status == corev1.ConditionTrue && e.cutOff(pod) {
		ready = corev1.PodCondition{Status: corev1.ConditionFalse, Reason: "NodeNotReady"}
	}
	ready.Type = corev1.PodReady
	e.setPodCondition(pod, ready)
}

func podCondition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

// setPodCondition replaces a condition; its transition time changes only when its status does.
func (e *engine) setPodCondition(pod *corev1.Pod, next corev1.PodCondition) {
	next.LastTransitionTime = metav1.NewTime(e.now())
	old := podCondition(pod, next.Type)
	if old == nil {
		pod.Status.Conditions = append(pod.Status.Conditions, next)
		return
	}
	if old.Status == next.Status {
		next.LastTransitionTime = old.LastTransitionTime
	}
	*old = next
}

func (e *engine) nodeUID(name string) types.UID {
	if node, ok := get[*corev1.Node](e, nodeRef(name)); ok {
		return node.UID
	}
	return ""
}

func qosOf(pod *corev1.Pod) corev1.PodQOSClass {
	guaranteed, any := true, false
	for i := range pod.Spec.Containers {
		r := pod.Spec.Containers[i].Resources
		any = any || len(r.Requests) > 0 || len(r.Limits) > 0
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			limit, limited := r.Limits[name]
			request, requested := r.Requests[name]
			guaranteed = guaranteed && limited && requested && limit.Cmp(request) == 0
		}
	}
	switch {
	case !any:
		return corev1.PodQOSBestEffort
	case guaranteed:
		return corev1.PodQOSGuaranteed
	}
	return corev1.PodQOSBurstable
}
