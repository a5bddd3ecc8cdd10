package simulation

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// step is where a container's life is.
type step int

const (
	stepPulling  step = iota // ContainerCreating
	stepNoImage              // ErrImagePull, then ImagePullBackOff
	stepRunning              // started; ready when its probe would say so
	stepBackoff              // ended, waiting for its restart
	stepFinished             // ended for good
)

// containerRuntime is what the kubelet knows of a container beyond what the API shows.
type containerRuntime struct {
	step     step
	started  time.Time
	due      time.Time // when the next step happens; zero when nothing will by itself
	ready    bool
	restarts int32
	retries  int // of the image pull
	backoff  time.Duration
	ended    *corev1.ContainerStateTerminated // of the last run
}

// podRuntime is what the kubelet knows of a pod.
type podRuntime struct {
	containers map[string]*containerRuntime
	started    metav1.Time
	stopAt     time.Time
}

// reconcilePod takes a pod through its life: scheduled, started, perhaps failing, stopped.
func (e *engine) reconcilePod(r ref) error {
	pod, ok := get[*corev1.Pod](e, r)
	if !ok {
		return nil
	}
	if pod.DeletionTimestamp != nil {
		return e.stopPod(r, pod)
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return nil
	}
	if pod.Spec.NodeName == "" {
		return e.schedule(r, pod)
	}
	if evicted, err := e.evictFromNode(r, pod); evicted || err != nil {
		return err
	}
	state := e.kubelet[pod.UID]
	if state == nil {
		state = e.admit(pod)
		e.kubelet[pod.UID] = state
	}
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		e.advance(pod, container, state.containers[container.Name])
	}
	for _, container := range state.containers {
		if container.due.After(e.now()) {
			e.at(container.due, r)
		}
	}
	next := pod.DeepCopy()
	e.fillPod(next, state)
	return e.setStatus(r, func(o runtime.Object) { o.(*corev1.Pod).Status = next.Status })
}

func (e *engine) admit(pod *corev1.Pod) *podRuntime {
	state := &podRuntime{containers: map[string]*containerRuntime{}, started: metav1.NewTime(e.now())}
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		state.containers[container.Name] = &containerRuntime{due: e.now().Add(e.simulated(pullTime))}
		e.podEvent(pod, container, "Pulling", fmt.Sprintf("Pulling image %q", container.Image), false)
	}
	return state
}

// stopPod ends a deleted pod: its process goes soon after the signal, the object then.
func (e *engine) stopPod(r ref, pod *corev1.Pod) error {
	state := e.kubelet[pod.UID]
	if state == nil {
		state = &podRuntime{containers: map[string]*containerRuntime{}}
		e.kubelet[pod.UID] = state
	}
	if state.stopAt.IsZero() {
		grace := stopTime
		if pod.DeletionGracePeriodSeconds != nil {
			grace = min(grace, time.Duration(*pod.DeletionGracePeriodSeconds)*time.Second)
		}
		state.stopAt = e.now().Add(e.simulated(grace))
		for i := range pod.Spec.Containers {
			container := &pod.Spec.Containers[i]
			e.podEvent(pod, container, "Killing", "Stopping container "+container.Name, false)
		}
	}
	if e.now().Before(state.stopAt) {
		e.at(state.stopAt, r)
		return e.setStatus(r, func(o runtime.Object) {
			stopping := o.(*corev1.Pod)
			e.setPodCondition(stopping, corev1.PodCondition{Type: corev1.ContainersReady, Status: corev1.ConditionFalse, Reason: "PodCompleted"})
			e.setPodCondition(stopping, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "PodCompleted"})
		})
	}
	if len(pod.Finalizers) > 0 {
		none := int64(0)
		return e.modify(r, func(o runtime.Object) { o.(*corev1.Pod).DeletionGracePeriodSeconds = &none })
	}
	delete(e.kubelet, pod.UID)
	now := int64(0)
	return e.remove(r, pod.UID, &now)
}

// advance takes a container as many steps as are due.
func (e *engine) advance(pod *corev1.Pod, container *corev1.Container, state *containerRuntime) {
	ill := ailmentOf(pod, container)
	if state.step == stepRunning && state.due.IsZero() && ill.exits {
		state.due = e.now().Add(e.simulated(crashTime)) // it fell ill while running
	}
	for !state.due.IsZero() && !state.due.After(e.now()) {
		e.advanceOnce(pod, container, state, ill)
	}
	if state.step == stepRunning && state.due.IsZero() {
		state.ready = !ill.unready
	}
}

func (e *engine) advanceOnce(pod *corev1.Pod, container *corev1.Container, state *containerRuntime, ill ailment) {
	switch state.step {
	case stepPulling, stepNoImage:
		if ill.imageMissing {
			e.failPull(pod, container, state)
			return
		}
		e.podEvent(pod, container, "Pulled", fmt.Sprintf("Successfully pulled image %q", container.Image), false)
		e.start(pod, container, state, ill)
	case stepRunning:
		e.runOn(pod, container, state, ill)
	case stepBackoff:
		state.restarts++
		e.start(pod, container, state, ill)
	default:
		state.due = time.Time{}
	}
}

func (e *engine) failPull(pod *corev1.Pod, container *corev1.Container, state *containerRuntime) {
	state.step = stepNoImage
	if state.retries%2 == 0 {
		e.podEvent(pod, container, "Failed", fmt.Sprintf("Failed to pull image %q: not found", container.Image), true)
		e.podEvent(pod, container, "Failed", "Error: "+reasonErrImagePull, true)
		state.due = e.now().Add(e.simulated(pullTime))
	} else {
		e.podEvent(pod, container, "BackOff", fmt.Sprintf("Back-off pulling image %q", container.Image), false)
		e.podEvent(pod, container, "Failed", "Error: "+reasonImagePullBackOff, true)
		state.backoff = nextBackoff(state.backoff, imageRetryTime)
		state.due = e.now().Add(e.simulated(state.backoff))
	}
	state.retries++
}

func nextBackoff(current, first time.Duration) time.Duration {
	if current == 0 {
		return first
	}
	return min(2*current, backoffMax)
}

func (e *engine) start(pod *corev1.Pod, container *corev1.Container, state *containerRuntime, ill ailment) {
	state.step, state.started, state.ready = stepRunning, e.now(), false
	e.podEvent(pod, container, "Created", "Created container: "+container.Name, false)
	e.podEvent(pod, container, "Started", "Started container "+container.Name, false)
	wait := readyTime
	switch {
	case ill.exits:
		wait = crashTime
	case pod.Spec.RestartPolicy != corev1.RestartPolicyAlways:
		wait = jobTime
	}
	state.due = e.now().Add(e.simulated(wait))
}

// runOn ends a run that crashes or is finished; else the container has become ready, or its probe fails.
func (e *engine) runOn(pod *corev1.Pod, container *corev1.Container, state *containerRuntime, ill ailment) {
	switch {
	case ill.exits:
		e.exit(pod, container, state, ill)
	case pod.Spec.RestartPolicy != corev1.RestartPolicyAlways:
		state.ended = e.terminated(state, 0, reasonCompleted)
		state.step, state.due, state.ready = stepFinished, time.Time{}, false
	case ill.unready:
		state.due = time.Time{}
		e.podEvent(pod, container, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", true)
	default:
		state.due, state.ready = time.Time{}, true
	}
}

func (e *engine) exit(pod *corev1.Pod, container *corev1.Container, state *containerRuntime, ill ailment) {
	state.ended = e.terminated(state, ill.exitCode, ill.reason)
	state.ready = false
	if ill.reason == reasonOOMKilled {
		e.podEvent(pod, container, "OOMKilling", fmt.Sprintf("Memory cgroup out of memory: Killed process of container %s", container.Name), true)
	}
	if pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
		state.step, state.due = stepFinished, time.Time{}
		return
	}
	state.step = stepBackoff
	if state.restarts == 0 {
		state.due = e.now() // the first restart is immediate
		return
	}
	state.backoff = nextBackoff(state.backoff, backoffInitial)
	state.due = e.now().Add(e.simulated(state.backoff))
	e.podEvent(pod, container, "BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s_%s(%s)", container.Name, pod.Name, pod.Namespace, pod.UID), true)
}

func (e *engine) terminated(state *containerRuntime, code int32, reason string) *corev1.ContainerStateTerminated {
	return &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: reason, StartedAt: metav1.NewTime(state.started), FinishedAt: metav1.NewTime(e.now()),
	}
}

func (e *engine) podEvent(pod *corev1.Pod, container *corev1.Container, reason, message string, warning bool) {
	e.event(report{
		resource: pods, object: pod, component: componentKubelet, reason: reason, message: message, warning: warning,
		path: "spec.containers{" + container.Name + "}",
	})
}

// evictFromNode removes a pod from a node that is gone, or that has been not ready for longer than the pod tolerates.
func (e *engine) evictFromNode(r ref, pod *corev1.Pod) (bool, error) {
	node, ok := get[*corev1.Node](e, nodeRef(pod.Spec.NodeName))
	if !ok {
		none := int64(0)
		return true, e.remove(r, pod.UID, &none)
	}
	state := e.nodes[node.UID]
	if nodeIsReady(node) || state == nil {
		return false, nil
	}
	for _, toleration := range pod.Spec.Tolerations {
		if toleration.Key != "" && toleration.Key != corev1.TaintNodeNotReady || toleration.Effect != "" && toleration.Effect != corev1.TaintEffectNoExecute {
			continue
		}
		if toleration.TolerationSeconds == nil {
			return false, nil
		}
		due := state.notReadySince.Add(e.simulated(time.Duration(*toleration.TolerationSeconds) * time.Second))
		if e.now().Before(due) {
			e.at(due, r)
			return false, nil
		}
	}
	e.event(report{resource: pods, object: pod, component: componentTaint, reason: "TaintManagerEviction", message: fmt.Sprintf("Marking for deletion Pod %s/%s", pod.Namespace, pod.Name)})
	return true, e.remove(r, pod.UID, nil)
}

// cutOff says whether the pod's node has been not ready for so long that the pod counts as not ready too.
func (e *engine) cutOff(pod *corev1.Pod) bool {
	node, ok := get[*corev1.Node](e, nodeRef(pod.Spec.NodeName))
	if !ok || nodeIsReady(node) {
		return !ok
	}
	state := e.nodes[node.UID]
	if state == nil {
		return false
	}
	due := state.notReadySince.Add(e.simulated(nodeGrace))
	if e.now().Before(due) {
		e.at(due, ref{pods, types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}})
		return false
	}
	return true
}
