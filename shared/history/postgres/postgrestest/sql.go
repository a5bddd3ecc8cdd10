package postgrestest

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// Database makes an empty database and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	s.Exec(t, "postgres", "CREATE DATABASE "+name)
	return s.URL(name)
}

// Schema makes an empty schema in a database that others use as well, and
// returns its URL: sooner done than Database.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	const shared = "postgres"
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	s.Exec(t, shared, "CREATE SCHEMA "+name)
	return s.URL(shared) + "&search_path=" + name
}

// Exec runs SQL as the superuser, in a session of its own.
func (s *Server) Exec(t testing.TB, database, sql string) {
	t.Helper()
	s.session(t, database, func(ctx context.Context, conn *pgconn.PgConn) {
		_, err := conn.Exec(ctx, sql).ReadAll()
		require.NoError(t, err)
	})
}

// Query answers the one value that the SQL selects.
func (s *Server) Query(t testing.TB, database, sql string) (value string) {
	t.Helper()
	s.session(t, database, func(ctx context.Context, conn *pgconn.PgConn) {
		results, err := conn.Exec(ctx, sql).ReadAll()
		require.NoError(t, err)
		require.Len(t, results, 1)
		require.Len(t, results[0].Rows, 1)
		value = string(results[0].Rows[0][0])
	})
	return value
}

// Hold runs SQL in a transaction that stays open until release is called, for
// the locks that it takes.
func (s *Server) Hold(t testing.TB, database, sql string) (release func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	conn, err := s.connect(ctx, database)
	require.NoError(t, err)
	release = func() {
		// Closing alone would let go some time later. The second call finds the
		// connection closed.
		_, _ = conn.Exec(ctx, "ROLLBACK").ReadAll()
		_ = conn.Close(ctx)
		cancel()
	}
	t.Cleanup(release)
	_, err = conn.Exec(ctx, "BEGIN; "+sql).ReadAll()
	require.NoError(t, err)
	return release
}

func (s *Server) connect(ctx context.Context, database string) (*pgconn.PgConn, error) {
	return pgconn.Connect(ctx, s.address(user, password, database))
}

func (s *Server) session(t testing.TB, database string, do func(context.Context, *pgconn.PgConn)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	conn, err := s.connect(ctx, database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	do(ctx, conn)
}
