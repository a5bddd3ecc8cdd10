package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/history/internal/tables"
)

// Bounds of one transaction, so that appends never wait for long.
const (
	pruneRemediations = 100
	pruneStrays       = 2000
)

// gone are the remediations that may go: those that ended, and those of which
// only late events about them are left.
const gone = `(` + tables.Over + `) AND greatest(ended, last_at) < $1`

const (
	// onlyOne lets a second one that prunes go away at once.
	onlyOne = `SELECT pg_try_advisory_xact_lock($1, 0)`

	candidates = `SELECT id FROM kubernaut_remediations WHERE ` + gone + ` ORDER BY greatest(ended, last_at), id LIMIT $2`

	// pruneSummaries looks again: since the candidates were chosen, a late event
	// may have moved one of them.
	pruneSummaries = `DELETE FROM kubernaut_remediations WHERE id = ANY($2) AND ` + gone + ` RETURNING id`

	deleteEvents = `DELETE FROM kubernaut_events WHERE remediation = ANY($1)`

	pruneLoners = `DELETE FROM kubernaut_events WHERE id IN (SELECT id FROM kubernaut_events
		WHERE remediation = '' AND time < $1 ORDER BY time LIMIT $2)`
)

// Prune leaves at once while another program is at it.
func (s *store) Prune(ctx context.Context, olderThan time.Time) (int, error) {
	return history.Batches(ctx, func(ctx context.Context) (removed int, err error) {
		err = s.within(ctx, "prune history", func(ctx context.Context) error {
			return s.transact(ctx, func(tx pgx.Tx) error {
				removed, err = pruneBatch(ctx, tx, tables.Nanos(olderThan))
				return err
			})
		})
		if err != nil {
			return 0, err
		}
		return removed, nil
	})
}

func pruneBatch(ctx context.Context, tx pgx.Tx, olderThan int64) (int, error) {
	var mine bool
	if err := tx.QueryRow(ctx, onlyOne, lockPrune).Scan(&mine); err != nil || !mine {
		return 0, err
	}
	ids, err := idsOf(tx.Query(ctx, candidates, olderThan, pruneRemediations))
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, takeTurns, lockRemediation, turns(ids)); err != nil {
		return 0, err
	}
	ids, err = idsOf(tx.Query(ctx, pruneSummaries, olderThan, ids))
	if err != nil {
		return 0, err
	}
	events, err := tx.Exec(ctx, deleteEvents, ids)
	if err != nil {
		return 0, err
	}
	strays, err := tx.Exec(ctx, pruneLoners, olderThan, pruneStrays)
	return len(ids) + int(events.RowsAffected()+strays.RowsAffected()), err
}

func idsOf(rows pgx.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (s *store) Forget(ctx context.Context, remediation string) (removed int, err error) {
	err = s.within(ctx, fmt.Sprintf("forget remediation %s", remediation), func(ctx context.Context) error {
		return s.transact(ctx, func(tx pgx.Tx) error {
			removed, err = forgetOne(ctx, tx, remediation)
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

func forgetOne(ctx context.Context, tx pgx.Tx, remediation string) (int, error) {
	if _, err := tx.Exec(ctx, takeTurns, lockRemediation, turns([]string{remediation})); err != nil {
		return 0, err
	}
	var live bool
	err := tx.QueryRow(ctx, `SELECT `+tables.Live+` FROM kubernaut_remediations WHERE id = $1 AND `+tables.Known, remediation).Scan(&live)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, history.ErrNotFound
	case err != nil:
		return 0, err
	case live:
		return 0, history.ErrNotEnded
	}
	if _, err := tx.Exec(ctx, `UPDATE kubernaut_remediations SET `+tables.Forget+` WHERE id = $1`, remediation); err != nil {
		return 0, err
	}
	events, err := tx.Exec(ctx, deleteEvents, []string{remediation})
	return 1 + int(events.RowsAffected()), err
}
