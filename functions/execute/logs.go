package function

import (
	"context"
	"regexp"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/shared/event"
)

// logs keeps the end of the log of the pod's worst container: of its former
// run, if it had one, because that is the one that failed.
func (a collectDiagnostics) logs(ctx context.Context, pod *corev1.Pod, f *findings) {
	worst, previous := worstContainer(pod)
	if worst == "" {
		return
	}
	lines, size := int64(logLines), int64(logBytes)
	source := "log " + pod.Name + "/" + worst
	if previous {
		source += " (previous)"
	}
	body, err := a.kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: worst, Previous: previous, TailLines: &lines, LimitBytes: &size}).DoRaw(ctx)
	if err != nil {
		f.missing(source, err)
		return
	}
	f.addCut(source, tail(redact(string(body)), maxLog))
}

// worstContainer is the one that restarted most, or is not ready.
func worstContainer(pod *corev1.Pod) (name string, previous bool) {
	most := int32(-1)
	for _, c := range pod.Status.ContainerStatuses {
		if c.RestartCount > most || c.RestartCount == most && !c.Ready {
			name, most = c.Name, c.RestartCount
			previous = c.LastTerminationState.Terminated != nil
		}
	}
	return name, previous
}

// tail keeps the end of a text, from a line's start, and marks the cut.
func tail(text string, limit int) string {
	text = strings.TrimSpace(text)
	if len(text) <= limit {
		return text
	}
	const mark = "…\n"
	text = text[len(text)-limit+len(mark):]
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	return event.Cut(mark+strings.ToValidUTF8(text, ""), limit)
}

// longToken is what may be a key of any kind. In a log that is more likely than
// a name of such a length.
var longToken = regexp.MustCompile(`[A-Za-z0-9+/_-]{40,}={0,2}`)

// redact takes secrets and control characters out of a text.
func redact(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, "�"))
	return longToken.ReplaceAllString(event.Redact(text), event.Redacted)
}
