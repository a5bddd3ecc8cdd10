package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	// The driver that database/sql knows as "sqlite".
	_ "modernc.org/sqlite"

	"kubernaut.ai/shared/history"
)

const (
	scheme = "sqlite"
	// busyTimeout is how long a statement waits for another process' lock.
	busyTimeout = 5 * time.Second
	// openTimeout bounds the creation of the schema, waits for others included.
	openTimeout = 15 * time.Second
	// openRetry is the pause between attempts to create the schema: SQLite
	// does not wait for the lock while another process turns WAL on.
	openRetry = 20 * time.Millisecond
	// readers bounds concurrent queries; each has a page cache of its own.
	readers = 4
	// cacheKiB is one connection's page cache.
	cacheKiB = 2048
	// schemaVersion is the version of schema.sql.
	schemaVersion = 1
)

//go:embed schema.sql
var schema string

func init() { history.Register(scheme, Open) }

// store is a history.Store on one SQLite file.
type store struct {
	read  *sql.DB
	write *writer
}

// Open opens the file that a URL such as sqlite:///path/to/file or
// sqlite:relative/file names, and creates it where it is missing.
func Open(rawURL string) (history.Store, error) {
	path, err := pathOf(rawURL)
	if err != nil {
		return nil, err
	}
	if err := touch(path); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	write, err := connect(ctx, path, true)
	if err != nil {
		return nil, err
	}
	read, err := connect(ctx, path, false)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return &store{read: read, write: newWriter(write)}, nil
}

func pathOf(rawURL string) (string, error) {
	path, ok := strings.CutPrefix(rawURL, scheme+":")
	if !ok {
		return "", fmt.Errorf("%w: the URL's scheme is not %s", history.ErrInvalid, scheme)
	}
	if rest, ok := strings.CutPrefix(path, "//"); ok {
		if !strings.HasPrefix(rest, "/") {
			return "", fmt.Errorf("%w: write sqlite:///absolute/file or sqlite:relative/file", history.ErrInvalid)
		}
		path = rest
	}
	if path == "" || strings.ContainsAny(path, "?#\x00") {
		return "", fmt.Errorf("%w: the URL names no file, or has parameters", history.ErrInvalid)
	}
	return filepath.Abs(path)
}

// touch creates the file before SQLite does: what happened in a cluster is
// for its owner's eyes, and SQLite would let everybody read it.
func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create history folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("create history file: %w", err)
	}
	return f.Close()
}

func connect(ctx context.Context, path string, writes bool) (*sql.DB, error) {
	query := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(OFF)",
		fmt.Sprintf("cache_size(-%d)", cacheKiB),
	}}
	if writes {
		// Take the write lock at BEGIN: a transaction that finds out later
		// that it must wait would fail instead.
		query.Set("_txlock", "immediate")
	} else {
		query.Add("_pragma", "query_only(1)")
	}
	dsn := (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open history file: %w", err)
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	prepare := db.PingContext
	if writes {
		db.SetMaxOpenConns(1)
		prepare = func(ctx context.Context) error { return migrate(ctx, db) }
	}
	if err := patiently(ctx, prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("open history file: %w", err), db.Close())
	}
	return db, nil
}

// patiently repeats while another process holds the file.
func patiently(ctx context.Context, do func(context.Context) error) error {
	for {
		err := do(ctx)
		if err == nil || !busy(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(unavailable(err), ctx.Err())
		case <-time.After(openRetry):
		}
	}
}

func migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("%w: the file has schema %d, this program knows %d", history.ErrInvalid, version, schemaVersion)
	}
	if version == schemaVersion {
		return nil
	}
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *store) Ping(ctx context.Context) error {
	var one int
	return unavailable(s.read.QueryRowContext(ctx, "SELECT 1 FROM sqlite_master LIMIT 1").Scan(&one))
}

func (s *store) Close() error {
	return errors.Join(s.read.Close(), s.write.db.Close())
}
