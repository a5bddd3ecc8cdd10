package postgres

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/history/internal/tables"
)

// query is a statement, its arguments, and how to call what it does.
type query struct {
	op   string
	sql  string
	args []any
}

// all reads every row of a query.
func all[T any](ctx context.Context, s *store, q query, scan func(tables.Row) (T, error)) (list []T, err error) {
	err = s.within(ctx, q.op, func(ctx context.Context) error {
		rows, err := s.pool.Query(ctx, q.sql, q.args...)
		if err != nil {
			return err
		}
		list, err = pgx.AppendRows(list[:0], rows, func(row pgx.CollectableRow) (T, error) { return scan(row) })
		return err
	})
	return list, err
}

// one reads the only row of a query, or history.ErrNotFound.
func one[T any](ctx context.Context, s *store, q query, scan func(tables.Row) (T, error)) (T, error) {
	var none T
	list, err := all(ctx, s, q, scan)
	if err != nil {
		return none, err
	}
	if len(list) == 0 {
		return none, s.within(ctx, q.op, func(context.Context) error { return history.ErrNotFound })
	}
	return list[0], nil
}

const selectEvents = "SELECT " + tables.EventColumns + ", body FROM kubernaut_events "

func (s *store) Timeline(ctx context.Context, remediation string, types ...string) ([]history.Entry, error) {
	const op = "read timeline"
	where, args := `WHERE remediation = $1`, []any{remediation}
	if len(types) > 0 {
		where, args = where+` AND type = ANY($2)`, append(args, types)
	}
	entries, err := all(ctx, s, query{op, selectEvents + where + ` ORDER BY ` + tables.KeptFirst +
		` LIMIT ` + strconv.Itoa(history.MaxTimeline), args}, tables.ScanEntry)
	if err != nil {
		return nil, err
	}
	return tables.Timeline(entries, func() (int, error) {
		return one(ctx, s, query{op, `SELECT count(*) FROM kubernaut_events ` + where, args}, tables.ScanCount)
	})
}

func (s *store) Last(ctx context.Context, remediation string, types ...string) (history.Entry, error) {
	q := query{"read last event", selectEvents + `WHERE id = (SELECT last_event FROM kubernaut_remediations WHERE id = $1)`,
		[]any{remediation}}
	if len(types) > 0 {
		q.sql = selectEvents + `WHERE remediation = $1 AND type = ANY($2) ORDER BY time DESC, step DESC, id DESC LIMIT 1`
		q.args = append(q.args, types)
	}
	return one(ctx, s, q, tables.ScanEntry)
}

const selectRemediations = "SELECT " + tables.RemediationColumns + " FROM kubernaut_remediations "

func (s *store) Remediation(ctx context.Context, id string) (history.Remediation, error) {
	return one(ctx, s, query{"read remediation", selectRemediations + `WHERE id = $1 AND ` + tables.Known, []any{id}}, tables.ScanRemediation)
}

func (s *store) Remediations(ctx context.Context, f history.Filter) ([]history.Remediation, error) {
	c := conditions()
	c.Filter(f)
	sql := selectRemediations + c.Where() + " ORDER BY opened DESC, id DESC LIMIT " + c.Arg(history.Page(f.Limit))
	return all(ctx, s, query{"list remediations", sql, c.Args}, tables.ScanRemediation)
}

func (s *store) Namespaces(ctx context.Context, limit int) ([]string, error) {
	return all(ctx, s, query{"list namespaces", `SELECT DISTINCT namespace FROM kubernaut_remediations
		WHERE namespace <> '' ORDER BY namespace LIMIT $1`, []any{history.Page(limit)}}, tables.ScanText)
}

func (s *store) Events(ctx context.Context, ids ...string) ([]history.Entry, error) {
	c := conditions()
	c.IDs(ids[:min(len(ids), history.MaxPage)])
	return all(ctx, s, query{"read events", selectEvents + c.Where(), c.Args}, tables.ScanEntry)
}

func (s *store) Live(ctx context.Context, olderThan time.Time, limit int) ([]history.Entry, error) {
	entries, err := all(ctx, s, query{"list live remediations", selectEvents + `WHERE id IN (
		SELECT last_event FROM kubernaut_remediations
		WHERE ` + tables.Live + ` AND last_at < $1 ORDER BY last_at LIMIT $2)`,
		[]any{tables.Nanos(olderThan), history.Page(limit)}}, tables.ScanEntry)
	slices.SortFunc(entries, history.Chronological)
	return entries, err
}

// verdicts are the last verdict on each step of each remediation. The type is
// written out so that the partial index of verdicts applies.
const verdicts = `SELECT DISTINCT ON (remediation, step) outcome, time FROM kubernaut_events
	WHERE type = '` + event.EffectivenessAssessed + `'`

func (s *store) Effectiveness(ctx context.Context, of history.Case) (history.Effectiveness, error) {
	c := conditions()
	c.Case(of)
	counts, err := all(ctx, s, query{"count verdicts", `SELECT outcome, count(*), max(time) FROM (` + verdicts + c.And() +
		` ORDER BY remediation, step, time DESC, id DESC) AS verdicts GROUP BY outcome`, c.Args}, tables.ScanVerdicts)
	var sum history.Effectiveness
	for _, n := range counts {
		sum.Add(n)
	}
	return sum, err
}

// conditions are PostgreSQL's.
func conditions() *tables.Conditions { return &tables.Conditions{Placeholder: placeholder} }
