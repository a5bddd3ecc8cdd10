package function

import (
	"fmt"
	"regexp"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// signal is the alert as events carry it: its texts without what looks like a
// credential, cut to its bounds. Labels stay as they are, because they identify;
// rules, and kubelets whose message is passed on, may write anything else.
func (w *work) signal() event.Signal {
	a := w.alert
	annotations, left := redacted(a.Annotations)
	s := event.Signal{
		Name: a.Name(), Source: w.source,
		Severity: signal.Severity(a.Labels[signal.LabelSeverity]), SenderSeverity: a.Labels[signal.LabelSeverity],
		Target: w.target, Resource: w.resource, Container: a.Label(signal.LabelContainer),
		Labels: a.Labels, Annotations: annotations,
		StartsAt: a.StartsAt, ReceivedAt: w.received, GeneratorURL: anonymous(a.GeneratorURL),
		AlertID: a.ID, Receiver: a.Receiver, Group: a.Group,
	}.Bound()
	if left > 0 {
		s.Cut = append(s.Cut, fmt.Sprintf("annotations: %d left out", left))
	}
	return s
}

// maxRedacted bounds how much of an annotation is looked through, which takes
// far longer than reading it. It is more than an event carries, so that the cut
// leaves no half of a credential that would not be known for one.
const maxRedacted = 4 * event.MaxAnnotation

// redacted is as many annotations as an event carries, without what looks like
// a credential, and how many were left out.
func redacted(annotations map[string]string) (kept map[string]string, left int) {
	if len(annotations) == 0 {
		return annotations, 0
	}
	kept, left, _ = event.CutMap(annotations, event.MaxAnnotations, maxRedacted)
	for name, value := range kept {
		kept[name] = event.Redact(value)
	}
	return kept, left
}

// userinfo is who asks, in an address.
var userinfo = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s@]+@`)

// anonymous is an address without a user's name and password. The expression
// behind it stays whole: what an alert foretells is read from it.
func anonymous(address string) string {
	return userinfo.ReplaceAllString(address, "${1}"+event.Redacted+"@")
}
