package function

import (
	"context"
	"io"
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
	lines := int64(logLines)
	source := "log " + pod.Name + "/" + worst
	if previous {
		source += " (previous)"
	}
	// Without LimitBytes: a kubelet counts those from the first of the lines, and long
	// lines would keep it from ever sending the last.
	stream, err := a.kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: worst, Previous: previous, TailLines: &lines}).Stream(ctx)
	if err != nil {
		f.missing(source, err)
		return
	}
	defer func() { _ = stream.Close() }()
	var end ending
	n, err := io.Copy(&end, io.LimitReader(stream, maxLogRead))
	if err != nil && n == 0 {
		f.missing(source, err)
		return
	}
	if err != nil || n == maxLogRead {
		source += " (not to its end)"
	}
	f.addCut(source, tail(redact(end.text()), maxLog))
}

// ending keeps the last logBytes of what is written to it, and no more in memory
// than that and a few writes.
type ending struct {
	kept []byte
	cut  bool
}

func (e *ending) Write(p []byte) (int, error) {
	e.kept = append(e.kept, p...)
	if over := len(e.kept) - logBytes; over > 0 {
		e.kept, e.cut = append(e.kept[:0], e.kept[over:]...), true
	}
	return len(p), nil
}

// text has no half setting at its beginning: that would not be recognised as a
// secret.
func (e *ending) text() string {
	if e.cut {
		return afterBreak(string(e.kept))
	}
	return string(e.kept)
}

// afterBreak is a text that has lost its beginning, from where a line begins or,
// where that would cost half of the text, a word.
func afterBreak(text string) string {
	for _, breaks := range []string{"\n", " ,"} {
		if i := strings.IndexAny(text, breaks); i >= 0 && i < len(text)/2 {
			return text[i+1:]
		}
	}
	return text
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

// tail keeps the end of a text and marks the cut.
func tail(text string, limit int) string {
	text = strings.TrimSpace(text)
	if len(text) <= limit {
		return text
	}
	const mark = "…\n"
	text = afterBreak(text[len(text)-limit+len(mark):])
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
