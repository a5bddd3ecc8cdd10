package simulation

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// logs serves pods/<name>/log: lines that fit the container's state and fault. follow is not honoured: what there is is sent.
func (h *handler) logs(w http.ResponseWriter, c *call) error {
	found := h.cluster.store.get(pods, c.key())
	if found == nil {
		return apierrors.NewNotFound(pods.groupResource(), c.Name)
	}
	pod := found.object.(*corev1.Pod)
	container, err := logContainer(pod, c.query.Get("container"))
	if err != nil {
		return err
	}
	previous := c.query.Get("previous") == "true"
	lines, err := logLines(pod, container, previous)
	if err != nil {
		return err
	}
	lines, err = tail(lines, c.query.Get("tailLines"))
	if err != nil {
		return err
	}
	text := strings.Join(lines, "\n")
	if text != "" {
		text += "\n"
	}
	if raw := c.query.Get("limitBytes"); raw != "" {
		limit, err := strconv.ParseInt(raw, 10, 64)
		if err != nil || limit < 1 {
			return apierrors.NewBadRequest("limitBytes must be greater than 0")
		}
		text = text[:min(int64(len(text)), limit)]
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte(text))
	return nil
}

func logContainer(pod *corev1.Pod, name string) (*corev1.Container, error) {
	if name == "" && len(pod.Spec.Containers) > 1 {
		return nil, apierrors.NewBadRequest("a container name must be specified for pod " + pod.Name)
	}
	for i := range pod.Spec.Containers {
		if name == "" || pod.Spec.Containers[i].Name == name {
			return &pod.Spec.Containers[i], nil
		}
	}
	return nil, apierrors.NewBadRequest(fmt.Sprintf("container %s is not valid for pod %s", name, pod.Name))
}

func tail(lines []string, raw string) ([]string, error) {
	if raw == "" {
		return lines, nil
	}
	count, err := strconv.Atoi(raw)
	if err != nil || count < 0 {
		return nil, apierrors.NewBadRequest("tailLines must be greater than or equal to 0")
	}
	return lines[max(0, len(lines)-count):], nil
}

// logLines returns what the container's present or previous run has written.
func logLines(pod *corev1.Pod, container *corev1.Container, previous bool) ([]string, error) {
	var status *corev1.ContainerStatus
	for i := range pod.Status.ContainerStatuses {
		if pod.Status.ContainerStatuses[i].Name == container.Name {
			status = &pod.Status.ContainerStatuses[i]
		}
	}
	if status == nil || status.State.Waiting != nil && status.RestartCount == 0 && status.LastTerminationState.Terminated == nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("container %q in pod %q is waiting to start: %s", container.Name, pod.Name, waitingReason(status)))
	}
	ended := status.State.Terminated
	if previous || status.State.Waiting != nil {
		ended = status.LastTerminationState.Terminated
	}
	if previous && ended == nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("previous terminated container %q in pod %q not found", container.Name, pod.Name))
	}
	if ended != nil {
		return endedLines(container, ended), nil
	}
	return runningLines(pod, container, status), nil
}

func waitingReason(status *corev1.ContainerStatus) string {
	if status == nil || status.State.Waiting == nil {
		return reasonContainerCreating
	}
	return status.State.Waiting.Reason
}

func logLine(at time.Time, level, text string) string {
	return at.UTC().Format(time.RFC3339) + " " + level + " " + text
}

func endedLines(container *corev1.Container, ended *corev1.ContainerStateTerminated) []string {
	lines := []string{
		logLine(ended.StartedAt.Time, "INFO", "starting "+container.Name+" from "+container.Image),
		logLine(ended.StartedAt.Time, "INFO", "configuration loaded"),
	}
	switch {
	case ended.Reason == reasonOOMKilled:
		limit := container.Resources.Limits.Memory()
		return append(lines, logLine(ended.FinishedAt.Time, "WARN", "memory in use is close to the limit of "+limit.String()))
	case ended.ExitCode != 0:
		return append(lines, logLine(ended.FinishedAt.Time, "FATAL", fmt.Sprintf("initialisation failed, exiting with code %d", ended.ExitCode)))
	}
	return append(lines, logLine(ended.FinishedAt.Time, "INFO", "finished"))
}

func runningLines(pod *corev1.Pod, container *corev1.Container, status *corev1.ContainerStatus) []string {
	var at time.Time
	if status.State.Running != nil {
		at = status.State.Running.StartedAt.Time
	}
	lines := []string{
		logLine(at, "INFO", "starting "+container.Name+" from "+container.Image),
		logLine(at, "INFO", "configuration loaded"),
	}
	if pod.Annotations[AnnotationUnready] == "true" {
		return append(lines, logLine(at, "ERROR", "dependency not reachable, health check answers 503"))
	}
	return append(lines, logLine(at, "INFO", "listening, ready to serve"))
}
