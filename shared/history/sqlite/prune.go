package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/history/internal/tables"
)

// Bounds of one transaction, so that appends never wait for long.
const (
	pruneRemediations = 100
	pruneStrays       = 2000
)

// pruning are the statements of one batch, each of a time and a bound. The
// remediations that may go are those that ended, and those of which only late
// events about them are left. The events go first, found by the rows that go
// after them: the order is total, so both find the same.
var pruning = func() []deletion {
	const gone = `SELECT id FROM remediations WHERE (` + tables.Over + `)
		AND max(ended, last_at) < ? ORDER BY last_at, id LIMIT ?`
	return []deletion{
		{`DELETE FROM events WHERE remediation IN (` + gone + `)`, pruneRemediations},
		{`DELETE FROM remediations WHERE id IN (` + gone + `)`, pruneRemediations},
		{`DELETE FROM events WHERE seq IN (SELECT seq FROM events
			WHERE remediation = '' AND time < ? ORDER BY time LIMIT ?)`, pruneStrays},
	}
}()

type deletion struct {
	sql   string
	limit int
}

func (s *store) Prune(ctx context.Context, olderThan time.Time) (int, error) {
	removed, err := history.Batches(ctx, func(ctx context.Context) (int, error) {
		return s.write.remove(ctx, func(ctx context.Context, tx *sql.Tx) (removed int, err error) {
			for _, d := range pruning {
				n, err := rows(tx.ExecContext(ctx, d.sql, tables.Nanos(olderThan), d.limit))
				if err != nil {
					return removed, err
				}
				removed += n
			}
			return removed, nil
		})
	})
	if err != nil {
		return removed, fmt.Errorf("prune history: %w", err)
	}
	return removed, nil
}

func (s *store) Forget(ctx context.Context, remediation string) (int, error) {
	removed, err := s.write.remove(ctx, func(ctx context.Context, tx *sql.Tx) (removed int, err error) {
		var live bool
		err = tx.QueryRowContext(ctx, `SELECT `+tables.Live+` FROM remediations WHERE id = ? AND `+tables.Known, remediation).Scan(&live)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return 0, history.ErrNotFound
		case err != nil:
			return 0, err
		case live:
			return 0, history.ErrNotEnded
		}
		for _, statement := range []string{`DELETE FROM events WHERE remediation = ?`, `UPDATE remediations SET ` + tables.Forget + ` WHERE id = ?`} {
			n, err := rows(tx.ExecContext(ctx, statement, remediation))
			if err != nil {
				return 0, err
			}
			removed += n
		}
		return removed, nil
	})
	if err != nil {
		return 0, fmt.Errorf("forget remediation %s: %w", remediation, err)
	}
	return removed, nil
}

// rows counts what a statement changed.
func rows(result sql.Result, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// remove runs a transaction in the writer's turn, and answers how many rows it
// removed for good.
func (w *writer) remove(ctx context.Context, do func(context.Context, *sql.Tx) (int, error)) (removed int, err error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case w.turn <- struct{}{}:
	}
	defer func() { <-w.turn }()
	err = w.transact(ctx, func(tx *sql.Tx) error {
		removed, err = do(ctx, tx)
		return err
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}
