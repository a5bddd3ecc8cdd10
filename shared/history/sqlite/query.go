package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/history/internal/tables"
)

func (s *store) Timeline(ctx context.Context, remediation string, types ...string) ([]history.Entry, error) {
	where, args := of(remediation, types)
	entries, err := s.entries(ctx, where+` ORDER BY `+tables.KeptFirst+` LIMIT `+strconv.Itoa(history.MaxTimeline), args...)
	if err == nil {
		entries, err = tables.Timeline(entries, func() (int, error) {
			n, err := tables.ScanCount(s.read.QueryRowContext(ctx, `SELECT count(*) FROM events `+where, args...))
			return n, unavailable(err)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	return entries, nil
}

func (s *store) Last(ctx context.Context, remediation string, types ...string) (history.Entry, error) {
	where, args := `WHERE id = (SELECT last_event FROM remediations WHERE id = ?)`, []any{remediation}
	if len(types) > 0 {
		where, args = of(remediation, types)
		where += ` ORDER BY time DESC, step DESC, id DESC LIMIT 1`
	}
	entries, err := s.entries(ctx, where, args...)
	if err == nil && len(entries) == 0 {
		err = history.ErrNotFound
	}
	if err != nil {
		return history.Entry{}, fmt.Errorf("read last event: %w", err)
	}
	return entries[0], nil
}

// of is the condition for a remediation's events of these types, or for all.
func of(remediation string, types []string) (where string, args []any) {
	where, args = `WHERE remediation = ?`, []any{remediation}
	if len(types) == 0 {
		return where, args
	}
	for _, t := range types {
		args = append(args, t)
	}
	return where + ` AND type IN (?` + strings.Repeat(", ?", len(types)-1) + `)`, args
}

func (s *store) entries(ctx context.Context, where string, args ...any) ([]history.Entry, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT "+tables.EventColumns+", body FROM events "+where, args...)
	if err != nil {
		return nil, unavailable(err)
	}
	entries, err := collect(rows, tables.ScanEntry)
	return entries, unavailable(err)
}

func (s *store) Remediation(ctx context.Context, id string) (history.Remediation, error) {
	list, err := s.remediations(ctx, `WHERE id = ? AND `+tables.Known, id)
	if err == nil && len(list) == 0 {
		err = history.ErrNotFound
	}
	if err != nil {
		return history.Remediation{}, fmt.Errorf("read remediation: %w", err)
	}
	return list[0], nil
}

func (s *store) Remediations(ctx context.Context, f history.Filter) ([]history.Remediation, error) {
	c := conditions()
	c.Filter(f)
	list, err := s.remediations(ctx, c.Where()+" ORDER BY opened DESC, id DESC LIMIT "+c.Arg(history.Page(f.Limit)), c.Args...)
	if err != nil {
		return nil, fmt.Errorf("list remediations: %w", err)
	}
	return list, nil
}

func (s *store) remediations(ctx context.Context, where string, args ...any) ([]history.Remediation, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT "+tables.RemediationColumns+" FROM remediations "+where, args...)
	if err != nil {
		return nil, unavailable(err)
	}
	list, err := collect(rows, tables.ScanRemediation)
	return list, unavailable(err)
}

func (s *store) Namespaces(ctx context.Context, limit int) ([]string, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT DISTINCT namespace FROM remediations
		WHERE namespace <> '' ORDER BY namespace LIMIT ?`, history.Page(limit))
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", unavailable(err))
	}
	names, err := collect(rows, tables.ScanText)
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", unavailable(err))
	}
	return names, nil
}

func (s *store) Events(ctx context.Context, ids ...string) ([]history.Entry, error) {
	c := conditions()
	c.IDs(ids[:min(len(ids), history.MaxPage)])
	entries, err := s.entries(ctx, c.Where(), c.Args...)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return entries, nil
}

func (s *store) Live(ctx context.Context, olderThan time.Time, limit int) ([]history.Entry, error) {
	entries, err := s.entries(ctx, `WHERE id IN (SELECT last_event FROM remediations
		WHERE `+tables.Live+` AND last_at < ? ORDER BY last_at LIMIT ?)`,
		tables.Nanos(olderThan), history.Page(limit))
	if err != nil {
		return nil, fmt.Errorf("list live remediations: %w", err)
	}
	slices.SortFunc(entries, history.Chronological)
	return entries, nil
}

// verdicts are the last verdict on each step of each remediation: with max(),
// SQLite takes the other columns from the row that has the maximum. The type
// is written out so that the partial index of verdicts applies.
const verdicts = `SELECT outcome, max(time) AS time FROM events
	WHERE type = '` + event.EffectivenessAssessed + `'`

func (s *store) Effectiveness(ctx context.Context, of history.Case) (history.Effectiveness, error) {
	c := conditions()
	c.Case(of)
	rows, err := s.read.QueryContext(ctx, `SELECT outcome, count(*), max(time) FROM (`+
		verdicts+c.And()+` GROUP BY remediation, step) GROUP BY outcome`, c.Args...)
	if err != nil {
		return history.Effectiveness{}, fmt.Errorf("count verdicts: %w", unavailable(err))
	}
	counts, err := collect(rows, tables.ScanVerdicts)
	if err != nil {
		return history.Effectiveness{}, fmt.Errorf("count verdicts: %w", unavailable(err))
	}
	var sum history.Effectiveness
	for _, n := range counts {
		sum.Add(n)
	}
	return sum, nil
}

// conditions are SQLite's.
func conditions() *tables.Conditions {
	return &tables.Conditions{Placeholder: func(int) string { return "?" }}
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(tables.Row) (T, error)) ([]T, error) {
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
