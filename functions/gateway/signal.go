package function

import (
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// signal is the alert as events carry it, cut to its bounds.
func (w *work) signal() event.Signal {
	a := w.alert
	return event.Signal{
		Name: a.Name(), Source: w.source,
		Severity: signal.Severity(a.Labels[signal.LabelSeverity]), SenderSeverity: a.Labels[signal.LabelSeverity],
		Target: w.target, Resource: w.resource, Container: a.Label(signal.LabelContainer),
		Labels: a.Labels, Annotations: a.Annotations,
		StartsAt: a.StartsAt, ReceivedAt: w.received, GeneratorURL: a.GeneratorURL,
		AlertID: a.ID, Receiver: a.Receiver, Group: a.Group,
	}.Bound()
}
