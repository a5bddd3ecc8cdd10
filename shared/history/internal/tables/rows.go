package tables

import (
	"strings"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// EventColumns are an entry's columns but for its body.
const EventColumns = `id, type, stage, remediation, fingerprint, causation, subject, time, opened,
	alert, kind, severity, action, outcome, reason, step, alerts, progress, terminal`

// EventValues counts the columns of a stored event, the body included.
const EventValues = 20

// RemediationColumns are those that a query reads.
const RemediationColumns = `id, fingerprint, subject, alert, kind, severity, action, phase,
	outcome, reason, alerts, opened, last_at, ended, last_event`

// SummaryColumns are those that a summary writes.
const SummaryColumns = `id, fingerprint, subject, namespace, name, alert, kind, severity, action, phase,
	outcome, reason, alerts, opened, last_at, ended, last_event`

// SummaryValues counts SummaryColumns.
const SummaryValues = 17

// Row is what can be scanned: one row of either driver.
type Row interface{ Scan(targets ...any) error }

// Event are the values of EventColumns and of the body.
func Event(e history.Entry) ([]any, error) {
	body, err := PackBody(e.Event)
	return []any{e.ID, e.Type, e.Stage, e.Remediation, e.Fingerprint, e.Causation, e.Subject,
		Nanos(e.Time), Nanos(e.OpenedAt), e.Alert, e.Kind, e.Severity, e.Action, e.Outcome, e.Reason,
		int64(e.Step), e.Alerts, e.Progress, e.Terminal, body}, err
}

func targets(e *history.Entry) []any {
	return []any{&e.ID, &e.Type, &e.Stage, &e.Remediation, &e.Fingerprint, &e.Causation, &e.Subject,
		instant{&e.Time}, instant{&e.OpenedAt}, &e.Alert, &e.Kind, &e.Severity, &e.Action, &e.Outcome, &e.Reason,
		&e.Step, &e.Alerts, &e.Progress, &e.Terminal}
}

// ScanFacts reads EventColumns.
func ScanFacts(row Row) (e history.Entry, err error) { return e, row.Scan(targets(&e)...) }

// ScanEntry reads EventColumns and the body.
func ScanEntry(row Row) (e history.Entry, err error) {
	var body []byte
	if err := row.Scan(append(targets(&e), &body)...); err != nil {
		return e, err
	}
	e.Event, err = UnpackBody(body)
	return e, err
}

// Summary are the values of SummaryColumns.
func Summary(r history.Remediation) []any {
	namespace, name := namesOf(r.Subject)
	return []any{r.ID, r.Fingerprint, r.Subject, namespace, name, r.Alert, r.Kind, r.Severity, r.Action, r.Phase,
		r.Outcome, r.Reason, r.Alerts, Nanos(r.OpenedAt), Nanos(r.LastAt), Nanos(r.EndedAt), r.Last}
}

// ScanRemediation reads RemediationColumns.
func ScanRemediation(row Row) (r history.Remediation, err error) {
	return r, row.Scan(&r.ID, &r.Fingerprint, &r.Subject, &r.Alert, &r.Kind, &r.Severity, &r.Action, &r.Phase,
		&r.Outcome, &r.Reason, &r.Alerts, instant{&r.OpenedAt}, instant{&r.LastAt}, instant{&r.EndedAt}, &r.Last)
}

// ScanVerdicts reads a verdict, how often it was given, and when last.
func ScanVerdicts(row Row) (history.Effectiveness, error) {
	var verdict string
	var n history.Effectiveness
	if err := row.Scan(&verdict, &n.Tried, instant{&n.Last}); err != nil {
		return n, err
	}
	switch verdict {
	case event.VerdictEffective:
		n.Effective = n.Tried
	case event.VerdictIneffective:
		n.Ineffective = n.Tried
	default:
		n.Unknown = n.Tried
	}
	return n, nil
}

// namesOf takes a subject, namespace/Kind/name, apart.
func namesOf(subject string) (namespace, name string) {
	parts := strings.SplitN(subject, "/", 3)
	if len(parts) != 3 {
		return "", ""
	}
	return parts[0], parts[2]
}

// ScanText reads one column of text.
func ScanText(row Row) (text string, err error) { return text, row.Scan(&text) }

// Nanos is a time as the tables keep it: nanoseconds since 1970, 0 is none.
func Nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// instant scans what Nanos wrote.
type instant struct{ t *time.Time }

// Scan implements sql.Scanner.
func (i instant) Scan(value any) error {
	*i.t = time.Time{}
	if n, ok := value.(int64); ok && n != 0 {
		*i.t = time.Unix(0, n).UTC()
	}
	return nil
}
