package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"kubernaut.ai/shared/history"
)

//go:embed migrations/*.sql
var files embed.FS

// migrateTimeout bounds one check or migration, the wait for other programs
// that migrate included.
const migrateTimeout = 30 * time.Second

// encoding is what the database has to store text in.
const encoding = "UTF8"

// errNoTables is what a reader meets before any writer was there.
var errNoTables = fmt.Errorf("%w: its tables are made when record starts for the first time, or after an upgrade", history.ErrUnavailable)

// schema brings the tables up to date, once in this process.
type schema struct {
	mu    sync.Mutex
	ready bool
}

// ensure is called for each new connection; the first one does the work, and
// those that are made meanwhile wait for it.
func (s *schema) ensure(ctx context.Context, conn *pgx.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	if err := migrate(ctx, conn); err != nil {
		return fmt.Errorf("prepare tables: %w", err)
	}
	s.ready = true
	return nil
}

// expect is ensure for somebody who only reads: it makes nothing.
func (s *schema) expect(ctx context.Context, conn *pgx.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready {
		return nil
	}
	version, known, err := versions(ctx, conn)
	if err == nil && version < len(known) {
		err = errNoTables
	}
	if err != nil {
		return fmt.Errorf("find tables: %w", err)
	}
	s.ready = true
	return nil
}

// forget makes the next connection look again.
func (s *schema) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = false
}

// migrate applies the migrations that the database lacks. Tables that are up
// to date are only looked at: that much any role may do.
func migrate(ctx context.Context, conn *pgx.Conn) error {
	version, names, err := versions(ctx, conn)
	if err != nil || version == len(names) {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, 0)", lockMigration); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, createVersions); err != nil {
			return err
		}
		// Somebody else may have done it in the meantime.
		version, err := appliedOf(ctx, tx)
		if err != nil || version >= len(names) {
			return err
		}
		return apply(ctx, tx, names[version:], version)
	})
}

// versions are the database's, and the migrations that this program knows, of
// which there are no fewer.
func versions(ctx context.Context, conn *pgx.Conn) (version int, names []string, err error) {
	if names, err = fs.Glob(files, "migrations/*.sql"); err != nil {
		return 0, nil, fmt.Errorf("list migrations: %w", err)
	}
	if version, err = versionOf(ctx, conn); err != nil {
		return 0, nil, err
	}
	if version > len(names) {
		return 0, nil, fmt.Errorf("%w: the database has schema %d, this program knows %d: run a newer one", history.ErrInvalid, version, len(names))
	}
	return version, names, nil
}

const createVersions = `CREATE TABLE IF NOT EXISTS kubernaut_schema
	(version int PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())`

// apply runs the scripts that come after a version. Each is one number.
func apply(ctx context.Context, tx pgx.Tx, names []string, version int) error {
	for i, name := range names {
		script, err := files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read migration: %w", err)
		}
		if _, err := tx.Exec(ctx, string(script)); err != nil {
			return fmt.Errorf("apply %s: %w", name, err)
		}
		if _, err := tx.Exec(ctx, "INSERT INTO kubernaut_schema (version) VALUES ($1)", version+i+1); err != nil {
			return err
		}
	}
	return nil
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// versionOf is the number of the last migration, 0 for an empty database.
func versionOf(ctx context.Context, q querier) (version int, err error) {
	var stored string
	var exists bool
	err = q.QueryRow(ctx, "SELECT current_setting('server_encoding'), to_regclass('kubernaut_schema') IS NOT NULL").Scan(&stored, &exists)
	if err != nil {
		return 0, err
	}
	if stored != encoding {
		return 0, fmt.Errorf("%w: the database stores text as %s: create one with ENCODING '%s'", history.ErrInvalid, stored, encoding)
	}
	if !exists {
		return 0, nil
	}
	return appliedOf(ctx, q)
}

// appliedOf reads the table itself. After a wait for others, only that is sure
// to see what they did: to_regclass may answer from what its session knows.
func appliedOf(ctx context.Context, q querier) (version int, err error) {
	err = q.QueryRow(ctx, "SELECT version FROM kubernaut_schema ORDER BY version DESC LIMIT 1").Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return version, err
}
