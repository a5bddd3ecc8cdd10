package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Bounds of one Delete, so that appends never wait for long.
const (
	deleteRemediations = 100
	deleteStrays       = 2000
)

// ended selects the remediations that may go: those that ended, and those of
// which only late events about them are left.
const ended = `SELECT id FROM remediations WHERE (ended > 0 OR last_event = '')
	AND max(ended, last_at) < ? ORDER BY last_at LIMIT ?`

func (s *store) Delete(ctx context.Context, before time.Time) (int, error) {
	var removed int64
	err := s.write.alone(ctx, func(ctx context.Context, tx *sql.Tx) error {
		removed = 0
		for _, statement := range []struct {
			sql   string
			limit int
		}{
			{`DELETE FROM events WHERE remediation IN (` + ended + `)`, deleteRemediations},
			{`DELETE FROM remediations WHERE id IN (` + ended + `)`, deleteRemediations},
			{`DELETE FROM events WHERE seq IN (SELECT seq FROM events
				WHERE remediation = '' AND time < ? ORDER BY time LIMIT ?)`, deleteStrays},
		} {
			result, err := tx.ExecContext(ctx, statement.sql, nanos(before), statement.limit)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			removed += n
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("delete old history: %w", err)
	}
	return int(removed), nil
}

// alone runs a transaction in the writer's turn.
func (w *writer) alone(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case w.turn <- struct{}{}:
	}
	defer func() { <-w.turn }()
	return w.transact(ctx, func(tx *sql.Tx) error { return do(ctx, tx) })
}
