package simulation

import (
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
)

// Annotations of the fault model; doc.go says what each does.
const (
	AnnotationDomain            = "simulation.kubernaut.ai/"
	AnnotationMemoryNeed        = AnnotationDomain + "memory-need"
	AnnotationCrash             = AnnotationDomain + "crash"
	AnnotationCrashUntilRestart = AnnotationDomain + "crash-until-restart"
	AnnotationCured             = AnnotationDomain + "cured"
	AnnotationUnready           = AnnotationDomain + "unready"
	AnnotationContainer         = AnnotationDomain + "container"
	AnnotationLoad              = AnnotationDomain + "load"
	AnnotationReady             = AnnotationDomain + "ready"
	AnnotationRecoversAfter     = AnnotationDomain + "recovers-after"
	AnnotationCPUUsage          = AnnotationDomain + "cpu-usage"
	AnnotationMemoryUsage       = AnnotationDomain + "memory-usage"
)

const (
	missingTagPrefix = "missing"
	brokenTagPrefix  = "broken"
	annotationTrue   = "true"
	annotationFalse  = "false"
)

// Exit codes and reasons as a kubelet reports them.
const (
	exitCrash               = 1
	exitOOM                 = 137
	reasonOOMKilled         = "OOMKilled"
	reasonError             = "Error"
	reasonCompleted         = "Completed"
	reasonContainerCreating = "ContainerCreating"
	reasonErrImagePull      = "ErrImagePull"
	reasonImagePullBackOff  = "ImagePullBackOff"
	reasonCrashLoopBackOff  = "CrashLoopBackOff"
)

// ailment is what is wrong with a container, decided from its pod alone.
type ailment struct {
	imageMissing bool
	exits        bool
	exitCode     int32
	reason       string
	unready      bool
}

func ailmentOf(pod *corev1.Pod, container *corev1.Container) ailment {
	tag := imageTag(container.Image)
	switch {
	case strings.HasPrefix(tag, missingTagPrefix):
		return ailment{imageMissing: true}
	case strings.HasPrefix(tag, brokenTagPrefix):
		return ailment{exits: true, exitCode: exitCrash, reason: reasonError}
	}
	if !aimedAt(pod, container) {
		return ailment{}
	}
	notes := pod.Annotations
	if outgrown(notes[AnnotationMemoryNeed], container) {
		return ailment{exits: true, exitCode: exitOOM, reason: reasonOOMKilled}
	}
	if raw := notes[AnnotationCrash]; raw != "" {
		code, err := strconv.ParseInt(raw, 10, 32)
		if err != nil || code == 0 {
			code = exitCrash
		}
		return ailment{exits: true, exitCode: int32(code), reason: reasonError}
	}
	if notes[AnnotationCrashUntilRestart] == annotationTrue && notes[AnnotationCured] != annotationTrue {
		return ailment{exits: true, exitCode: exitCrash, reason: reasonError}
	}
	return ailment{unready: notes[AnnotationUnready] == annotationTrue}
}

// aimedAt says whether the pod's fault annotations concern a container: the named one, else the first.
func aimedAt(pod *corev1.Pod, container *corev1.Container) bool {
	if name := pod.Annotations[AnnotationContainer]; name != "" {
		return name == container.Name
	}
	return len(pod.Spec.Containers) > 0 && pod.Spec.Containers[0].Name == container.Name
}

// outgrown says whether the container needs more memory than its limit; without a limit nothing kills it.
func outgrown(need string, container *corev1.Container) bool {
	if need == "" {
		return false
	}
	needed, err := apiresource.ParseQuantity(need)
	limit, limited := container.Resources.Limits[corev1.ResourceMemory]
	return err == nil && limited && limit.Cmp(needed) < 0
}

// simulated durations of a kubelet and a control plane; each is divided by Options.Speed.
const (
	pullTime         = time.Second
	readyTime        = time.Second
	crashTime        = time.Second
	stopTime         = time.Second
	imageRetryTime   = 10 * time.Second
	backoffInitial   = 10 * time.Second
	backoffMax       = 5 * time.Minute
	jobTime          = 2 * time.Second
	nodeGrace        = 5 * time.Second // from a node's NotReady until its pods count as not ready
	disruptionExpiry = 2 * time.Minute // how long a budget waits for an evicted pod to go
)
