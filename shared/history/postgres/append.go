package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/history/internal/tables"
)

// insertEvent leaves an event that is stored already as it is.
var insertEvent = `INSERT INTO kubernaut_events (` + tables.EventColumns + `, body)
	VALUES (` + placeholders(tables.EventValues) + `) ON CONFLICT (id) DO NOTHING`

// replaceSummary writes a remediation's row anew.
var replaceSummary = `INSERT INTO kubernaut_remediations (` + tables.SummaryColumns + `)
	VALUES (` + placeholders(tables.SummaryValues) + `) ON CONFLICT (id) DO UPDATE SET ` + excluded(tables.SummaryColumns)

// dropLate removes what came about forgotten remediations and moves nothing on.
const dropLate = `DELETE FROM kubernaut_events AS e USING kubernaut_remediations AS r
	WHERE r.id = ANY($1) AND r.` + tables.Forgotten + ` AND e.remediation = r.id AND NOT e.progress`

const factsOf = `SELECT ` + tables.EventColumns + ` FROM kubernaut_events WHERE remediation = ANY($1)`

func (s *store) Append(ctx context.Context, entries ...history.Entry) error {
	const op = "append to history"
	for _, e := range entries {
		if err := e.Validate(); err != nil {
			return s.within(ctx, op, func(context.Context) error { return err })
		}
	}
	if len(entries) == 0 {
		return nil
	}
	return s.within(ctx, op, func(ctx context.Context) error {
		return s.transact(ctx, func(tx pgx.Tx) error { return insert(ctx, tx, entries) })
	})
}

// insert stores what is new, and sums up again each remediation that this
// changed: its writers take turns, so all its events are there to be read.
func insert(ctx context.Context, tx pgx.Tx, entries []history.Entry) error {
	// One order for all who insert, so that no two wait for each other.
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b history.Entry) int { return cmp.Compare(a.ID, b.ID) })
	request, err := requestOf(entries)
	if err != nil {
		return err
	}
	answer := tx.SendBatch(ctx, request)
	changed, err := read(answer, entries)
	if err = errors.Join(err, answer.Close()); err != nil || len(changed) == 0 {
		return err
	}
	var summaries pgx.Batch
	for _, of := range changed {
		summaries.Queue(replaceSummary, tables.Summary(history.Summarise(of))...)
	}
	return tx.SendBatch(ctx, &summaries).Close()
}

// requestOf takes turns, inserts, and asks for all facts about what is touched:
// one round trip.
func requestOf(entries []history.Entry) (*pgx.Batch, error) {
	var touched []string
	for _, e := range entries {
		if e.Remediation != "" {
			touched = append(touched, e.Remediation)
		}
	}
	var b pgx.Batch
	b.Queue(takeTurns, lockRemediation, turns(touched))
	for _, e := range entries {
		values, err := tables.Event(e)
		if err != nil {
			return nil, err
		}
		b.Queue(insertEvent, values...)
	}
	b.Queue(dropLate, touched)
	b.Queue(factsOf, touched)
	return &b, nil
}

// read reads the answers to requestOf: the facts of those remediations about
// which something was new.
func read(answer pgx.BatchResults, entries []history.Entry) (map[string][]history.Entry, error) {
	if _, err := answer.Exec(); err != nil {
		return nil, fmt.Errorf("lock remediations: %w", err)
	}
	isNew := map[string]bool{}
	for _, e := range entries {
		tag, err := answer.Exec()
		if err != nil {
			return nil, fmt.Errorf("insert entry %s: %w", e.ID, err)
		}
		if tag.RowsAffected() > 0 && e.Remediation != "" {
			isNew[e.Remediation] = true
		}
	}
	if _, err := answer.Exec(); err != nil {
		return nil, fmt.Errorf("drop late entries: %w", err)
	}
	rows, err := answer.Query()
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	facts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (history.Entry, error) { return tables.ScanFacts(row) })
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	changed := map[string][]history.Entry{}
	for _, e := range facts {
		if isNew[e.Remediation] {
			changed[e.Remediation] = append(changed[e.Remediation], e)
		}
	}
	return changed, nil
}

// placeholders are those of the first n arguments.
func placeholders(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = placeholder(i + 1)
	}
	return strings.Join(list, ", ")
}

func placeholder(n int) string { return "$" + strconv.Itoa(n) }

// excluded sets each column to what the insert wanted.
func excluded(columns string) string {
	var list []string
	for column := range strings.SplitSeq(columns, ",") {
		column = strings.TrimSpace(column)
		list = append(list, column+" = excluded."+column)
	}
	return strings.Join(list, ", ")
}
