package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

func (s *store) Timeline(ctx context.Context, remediation string) ([]history.Entry, error) {
	entries, err := s.entries(ctx, `WHERE remediation = ? ORDER BY time, step, id LIMIT ?`,
		remediation, history.MaxTimeline)
	if err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	return entries, nil
}

func (s *store) Last(ctx context.Context, remediation string, types ...string) (history.Entry, error) {
	where, args := `WHERE id = (SELECT last_event FROM remediations WHERE id = ?)`, []any{remediation}
	if len(types) > 0 {
		where = `WHERE remediation = ? AND type IN (?` + strings.Repeat(", ?", len(types)-1) + `)
			ORDER BY time DESC, step DESC, id DESC LIMIT 1`
		for _, t := range types {
			args = append(args, t)
		}
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

func (s *store) entries(ctx context.Context, where string, args ...any) ([]history.Entry, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT "+factColumns+", body FROM events "+where, args...)
	if err != nil {
		return nil, unavailable(err)
	}
	entries, err := collect(rows, scanEntry)
	return entries, unavailable(err)
}

func (s *store) Remediation(ctx context.Context, id string) (history.Remediation, error) {
	list, err := s.remediations(ctx, `WHERE id = ?`, id)
	if err == nil && len(list) == 0 {
		err = history.ErrNotFound
	}
	if err != nil {
		return history.Remediation{}, fmt.Errorf("read remediation: %w", err)
	}
	return list[0], nil
}

func (s *store) Remediations(ctx context.Context, f history.Filter) ([]history.Remediation, error) {
	var c conditions
	c.equal("namespace", f.Namespace)
	c.equal("kind", f.Kind)
	c.equal("name", f.Name)
	c.equal("alert", f.Alert)
	c.equal("action", f.Action)
	c.equal("phase", f.Phase)
	c.equal("outcome", f.Outcome)
	if f.Unended {
		c.add("ended = 0")
	}
	if f.After.ID != "" {
		c.add("(opened, id) < (?, ?)", nanos(f.After.OpenedAt), f.After.ID)
	}
	list, err := s.remediations(ctx, c.where()+" ORDER BY opened DESC, id DESC LIMIT ?",
		append(c.args, history.Page(f.Limit))...)
	if err != nil {
		return nil, fmt.Errorf("list remediations: %w", err)
	}
	return list, nil
}

func (s *store) remediations(ctx context.Context, where string, args ...any) ([]history.Remediation, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT "+remediationColumns+" FROM remediations "+where, args...)
	if err != nil {
		return nil, unavailable(err)
	}
	list, err := collect(rows, scanRemediation)
	return list, unavailable(err)
}

func (s *store) Live(ctx context.Context, olderThan time.Time, limit int) ([]history.Entry, error) {
	entries, err := s.entries(ctx, `WHERE id IN (SELECT last_event FROM remediations
		WHERE ended = 0 AND last_event <> '' AND last_at < ? ORDER BY last_at LIMIT ?)`,
		nanos(olderThan), history.Page(limit))
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
	var c conditions
	c.equal("alert", of.Alert)
	c.equal("kind", of.Kind)
	c.equal("action", of.Action)
	rows, err := s.read.QueryContext(ctx, `SELECT outcome, count(*), max(time) FROM (`+
		verdicts+c.and()+` GROUP BY remediation, step) GROUP BY outcome`, c.args...)
	if err != nil {
		return history.Effectiveness{}, fmt.Errorf("count verdicts: %w", unavailable(err))
	}
	counts, err := collect(rows, scanCount)
	if err != nil {
		return history.Effectiveness{}, fmt.Errorf("count verdicts: %w", unavailable(err))
	}
	var sum history.Effectiveness
	for _, n := range counts {
		sum.Add(n)
	}
	return sum, nil
}

func scanCount(rows *sql.Rows) (history.Effectiveness, error) {
	var verdict string
	var n history.Effectiveness
	if err := rows.Scan(&verdict, &n.Tried, instant{&n.Last}); err != nil {
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

// conditions gathers the terms of a WHERE clause with their arguments.
type conditions struct {
	terms []string
	args  []any
}

func (c *conditions) add(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

// equal adds a term for a value that is not empty. The column is a constant
// of this package, never what a caller sent.
func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

func (c *conditions) where() string {
	if len(c.terms) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(c.terms, " AND ")
}

func (c *conditions) and() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " AND " + strings.Join(c.terms, " AND ")
}
