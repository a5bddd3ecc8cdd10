package sqlite

import (
	"database/sql"
	"time"

	"kubernaut.ai/shared/history"
)

// factColumns are an entry's columns but for its body.
const factColumns = `id, type, stage, remediation, fingerprint, causation, subject, time, opened,
	alert, kind, severity, action, outcome, reason, step, alerts, progress, terminal`

const insertEvent = `INSERT INTO events (` + factColumns + `, body)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO NOTHING`

const remediationColumns = `id, fingerprint, subject, alert, kind, severity, action, phase,
	outcome, reason, alerts, opened, last_at, ended, last_event`

const replaceRemediation = `INSERT OR REPLACE INTO remediations (id, fingerprint, subject, namespace, name,
	alert, kind, severity, action, phase, outcome, reason, alerts, opened, last_at, ended, last_event)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// facts are the values of factColumns.
func facts(e history.Entry) []any {
	return []any{e.ID, e.Type, e.Stage, e.Remediation, e.Fingerprint, e.Causation, e.Subject,
		nanos(e.Time), nanos(e.OpenedAt), e.Alert, e.Kind, e.Severity, e.Action, e.Outcome, e.Reason,
		e.Step, e.Alerts, e.Progress, e.Terminal}
}

// factTargets are where to scan factColumns.
func factTargets(e *history.Entry) []any {
	return []any{&e.ID, &e.Type, &e.Stage, &e.Remediation, &e.Fingerprint, &e.Causation, &e.Subject,
		instant{&e.Time}, instant{&e.OpenedAt}, &e.Alert, &e.Kind, &e.Severity, &e.Action, &e.Outcome, &e.Reason,
		&e.Step, &e.Alerts, &e.Progress, &e.Terminal}
}

func scanEntry(rows *sql.Rows) (e history.Entry, err error) {
	var body []byte
	if err := rows.Scan(append(factTargets(&e), &body)...); err != nil {
		return e, err
	}
	e.Event, err = unpackBody(body)
	return e, err
}

func scanRemediation(rows *sql.Rows) (r history.Remediation, err error) {
	return r, rows.Scan(&r.ID, &r.Fingerprint, &r.Subject, &r.Alert, &r.Kind, &r.Severity, &r.Action, &r.Phase,
		&r.Outcome, &r.Reason, &r.Alerts, instant{&r.OpenedAt}, instant{&r.LastAt}, instant{&r.EndedAt}, &r.Last)
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) ([]T, error) {
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, rows.Err()
}

// nanos is a time as the file keeps it.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// instant scans what nanos wrote.
type instant struct{ t *time.Time }

func (i instant) Scan(value any) error {
	*i.t = time.Time{}
	if n, ok := value.(int64); ok && n != 0 {
		*i.t = time.Unix(0, n).UTC()
	}
	return nil
}
