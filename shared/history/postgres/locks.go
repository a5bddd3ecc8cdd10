package postgres

import (
	"context"
	"hash/fnv"
	"slices"

	"github.com/jackc/pgx/v5"
)

// The first halves of our advisory locks' names: "kbn" and a number, so that
// others in the same database are not met by chance.
const (
	lockMigration   int32 = 0x6b626e01
	lockPrune       int32 = 0x6b626e02
	lockRemediation int32 = 0x6b626e03
)

// begin bounds in the server what a writer that vanished can hold up. It is
// part of the transaction, so it needs no session of its own.
const begin = `BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '8s';
	SET LOCAL idle_in_transaction_session_timeout = '10s'`

// transact runs one transaction on a connection of the pool.
func (s *store) transact(ctx context.Context, do func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{BeginQuery: begin}, do)
}

// takeTurns waits for the locks of these remediations, held until the
// transaction ends. Unnest keeps the order, and everybody's order is the same,
// so that no two wait for each other.
const takeTurns = `SELECT pg_advisory_xact_lock($1, turn) FROM unnest($2::int[]) AS turn`

// turns are the second halves of the locks' names. Two remediations that share
// one by chance take turns without need.
func turns(remediations []string) []int32 {
	out := make([]int32, 0, len(remediations))
	for _, id := range remediations {
		h := fnv.New32a()
		_, _ = h.Write([]byte(id))
		out = append(out, int32(h.Sum32()))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
