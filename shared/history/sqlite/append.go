package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"time"

	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/history/internal/tables"
)

// insertEvent leaves an event that is stored already as it is.
var insertEvent = `INSERT INTO events (` + tables.EventColumns + `, body)
	VALUES (?` + strings.Repeat(", ?", tables.EventValues-1) + `) ON CONFLICT (id) DO NOTHING`

// dropLate removes what came about a forgotten remediation and moves nothing on.
const dropLate = `DELETE FROM events WHERE remediation = ?1 AND NOT progress
	AND EXISTS (SELECT 1 FROM remediations WHERE id = ?1 AND ` + tables.Forgotten + `)`

var replaceRemediation = `INSERT OR REPLACE INTO remediations (` + tables.SummaryColumns + `)
	VALUES (?` + strings.Repeat(", ?", tables.SummaryValues-1) + `)`

const (
	// maxCommit bounds the entries of one shared commit.
	maxCommit = 512
	// commitTimeout bounds one commit, the wait for the file's lock included.
	commitTimeout = 10 * time.Second
)

// writer commits appends, those that wait together in one transaction.
type writer struct {
	db *sql.DB
	// turn holds one token: whoever has it commits for all who wait.
	turn chan struct{}

	mu    sync.Mutex
	queue []*request
}

type request struct {
	entries []history.Entry
	done    chan error
}

func newWriter(db *sql.DB) *writer { return &writer{db: db, turn: make(chan struct{}, 1)} }

func (s *store) Append(ctx context.Context, entries ...history.Entry) error {
	for _, e := range entries {
		if err := e.Validate(); err != nil {
			return fmt.Errorf("append to history: %w", err)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := s.write.append(ctx, entries); err != nil {
		return fmt.Errorf("append to history: %w", err)
	}
	return nil
}

// append waits until somebody has committed the entries, itself if nobody
// else is at it. Giving up leaves them in the queue: being stored after all
// does no harm.
func (w *writer) append(ctx context.Context, entries []history.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{entries: entries, done: make(chan error, 1)}
	w.mu.Lock()
	w.queue = append(w.queue, r)
	w.mu.Unlock()
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case w.turn <- struct{}{}:
	}
	defer func() { <-w.turn }()
	for {
		select {
		case err := <-r.done:
			return err
		default:
			w.commitQueued(ctx)
		}
	}
}

// commitQueued commits the head of the queue and tells each who waits. One
// caller's end must not take the others' entries with it.
func (w *writer) commitQueued(ctx context.Context) {
	batch := w.take()
	var entries []history.Entry
	for _, r := range batch {
		entries = append(entries, r.entries...)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	err := w.transact(ctx, func(tx *sql.Tx) error { return insert(ctx, tx, entries) })
	for _, r := range batch {
		r.done <- err
	}
}

func (w *writer) take() []*request {
	w.mu.Lock()
	defer w.mu.Unlock()
	size, n := 0, 0
	for n < len(w.queue) && (n == 0 || size+len(w.queue[n].entries) <= maxCommit) {
		size += len(w.queue[n].entries)
		n++
	}
	batch := w.queue[:n:n]
	w.queue = w.queue[n:]
	return batch
}

func (w *writer) transact(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return unavailable(err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := do(tx); err != nil {
		return unavailable(err)
	}
	return unavailable(tx.Commit())
}

// insert stores what is new and sums up again each remediation that it is
// about.
func insert(ctx context.Context, tx *sql.Tx, entries []history.Entry) error {
	add, err := tx.PrepareContext(ctx, insertEvent)
	if err != nil {
		return err
	}
	defer func() { _ = add.Close() }()
	moved := map[string]bool{}
	for _, e := range entries {
		values, err := tables.Event(e)
		if err != nil {
			return err
		}
		res, err := add.ExecContext(ctx, values...)
		if err != nil {
			return fmt.Errorf("insert entry %s: %w", e.ID, err)
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n > 0 && e.Remediation != "" {
			moved[e.Remediation] = true
		}
	}
	for id := range moved {
		if err := summarise(ctx, tx, id); err != nil {
			return fmt.Errorf("sum up remediation %s: %w", id, err)
		}
	}
	return nil
}

func summarise(ctx context.Context, tx *sql.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, dropLate, id); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+tables.EventColumns+" FROM events WHERE remediation = ?", id)
	if err != nil {
		return err
	}
	entries, err := collect(rows, tables.ScanFacts)
	if err != nil || len(entries) == 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, replaceRemediation, tables.Summary(history.Summarise(entries))...)
	return err
}
