package postgres_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/history/historytest"
	_ "kubernaut.ai/shared/history/postgres"
	"kubernaut.ai/shared/history/postgres/postgrestest"
)

func open(t testing.TB, url string) history.Store {
	t.Helper()
	s, err := history.Open(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func entry(n int, remediation string) history.Entry {
	return history.Entry{ID: fmt.Sprint("event-", n), Type: event.SignalReceived, Remediation: remediation, Alerts: 1,
		Time: historytest.Start.Add(time.Duration(n) * time.Second), Progress: true, Event: []byte(strings.Repeat("{}", 400))}
}

func TestOnARealServer(t *testing.T) {
	server := postgrestest.Start(t)
	t.Run("conformance", func(t *testing.T) {
		historytest.Run(t, func(t *testing.T) history.Store { return open(t, server.Schema(t)) })
	})
	for name, test := range map[string]func(*testing.T, *postgrestest.Server){
		"many may start on an empty database at once":                    startTogether,
		"writers of one remediation in several processes lose nothing":   writeTogether,
		"batches that cross one another do not wait for each other":      crossing,
		"the tables of a newer program are refused":                      newerSchema,
		"a database that cannot hold every text is refused":              wrongEncoding,
		"a role that may only read reads":                                reader,
		"a role that may only read does not create":                      readerFirst,
		"a reader makes no tables, and finds them once they are made":    onlyReads,
		"tables that vanish are made again":                              vanished,
		"a lock that somebody holds is waited for, but not for ever":     locked,
		"what prunes already is left alone":                              prunesAlready,
		"calls one after the other share one connection, under our name": economical,
		"parameters of the URL win":                                      parameters,
		"a large batch about many remediations is one unit":              large,
		"a server that dies and comes back keeps what it accepted":       diesAndComesBack,
	} {
		t.Run(name, func(t *testing.T) { test(t, server) })
	}
}

func startTogether(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	var wg sync.WaitGroup
	stores := make([]history.Store, 8)
	for i := range stores {
		stores[i] = open(t, url)
		wg.Go(func() {
			if err := stores[i].Append(context.Background(), entry(i, fmt.Sprint("r-", i))); err != nil {
				t.Errorf("append: %v", err)
			}
		})
	}
	wg.Wait()
	list, err := stores[0].Remediations(t.Context(), history.Filter{})
	require.NoError(t, err)
	require.Len(t, list, len(stores))
}

func writeTogether(t *testing.T, server *postgrestest.Server) {
	const processes, each = 4, 25
	url := server.Database(t)
	var wg sync.WaitGroup
	for p := range processes {
		s := open(t, url)
		for w := range 2 {
			wg.Go(func() {
				for n := range each {
					// Both goroutines of a process store the same events.
					if err := s.Append(context.Background(), entry(p*each+n, "r-1")); err != nil {
						t.Errorf("append by %d.%d: %v", p, w, err)
					}
				}
			})
		}
	}
	wg.Wait()
	s := open(t, url)
	entries, err := s.Timeline(t.Context(), "r-1")
	require.NoError(t, err)
	require.Len(t, entries, processes*each)
	got, err := s.Remediation(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, history.Summarise(entries), got, "the summary is of all of them")
}

func crossing(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	var forth []history.Entry
	for n := range 40 {
		forth = append(forth, entry(n, fmt.Sprint("r-", n%20)), entry(1000+n, ""))
	}
	back := slices.Clone(forth)
	slices.Reverse(back)
	var wg sync.WaitGroup
	for _, batch := range [][]history.Entry{forth, back, forth, back} {
		s := open(t, url)
		wg.Go(func() {
			if err := s.Append(context.Background(), batch...); err != nil {
				t.Errorf("append: %v", err)
			}
		})
	}
	wg.Wait()
	strays, err := open(t, url).Timeline(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, strays, 40)
}

// databaseOf is the name in a URL that the server made.
func databaseOf(t *testing.T, raw string) string {
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return strings.TrimPrefix(u.Path, "/")
}

func newerSchema(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	require.NoError(t, open(t, url).Ping(t.Context()))
	server.Exec(t, databaseOf(t, url), "INSERT INTO kubernaut_schema (version) VALUES (99)")
	err := open(t, url).Append(t.Context(), entry(1, "r-1"))
	require.ErrorIs(t, err, history.ErrInvalid)
	require.ErrorContains(t, err, "99")
}

func wrongEncoding(t *testing.T, server *postgrestest.Server) {
	server.Exec(t, "postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")
	err := open(t, server.URL("latin")).Ping(t.Context())
	require.ErrorIs(t, err, history.ErrInvalid)
	require.ErrorContains(t, err, "UTF8")
}

func reader(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	require.NoError(t, open(t, url).Append(t.Context(), entry(1, "r-1")))
	server.Exec(t, databaseOf(t, url), "SET password_encryption = 'scram-sha-256'; CREATE ROLE sees LOGIN PASSWORD 'little'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO sees")
	s := open(t, server.As("sees", "little", databaseOf(t, url)))
	_, err := s.Last(t.Context(), "r-1")
	require.NoError(t, err)
	err = s.Append(t.Context(), entry(2, "r-1"))
	require.ErrorContains(t, err, "permission denied")
	require.NotErrorIs(t, err, history.ErrUnavailable, "that does not pass by itself")
}

func readerFirst(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	server.Exec(t, databaseOf(t, url), "CREATE ROLE early LOGIN PASSWORD 'little'")
	_, err := open(t, server.As("early", "little", databaseOf(t, url))).Last(t.Context(), "r-1")
	require.ErrorContains(t, err, "permission denied")
	require.ErrorContains(t, err, "prepare tables")
}

func onlyReads(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	s, err := history.OpenReader(url) // as a role that could make them
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = s.Namespaces(t.Context(), 1)
	require.ErrorIs(t, err, history.ErrUnavailable, "somebody else will make them")
	require.ErrorContains(t, err, "record")
	require.NoError(t, open(t, url).Append(t.Context(), entry(1, "r-1")))
	_, err = s.Remediation(t.Context(), "r-1")
	require.NoError(t, err)
	server.Exec(t, databaseOf(t, url), "INSERT INTO kubernaut_schema (version) VALUES (99)")
	again, err := history.OpenReader(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, again.Close()) })
	require.ErrorIs(t, again.Ping(t.Context()), history.ErrInvalid)
}

func vanished(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	s := open(t, url)
	require.NoError(t, s.Append(t.Context(), entry(1, "r-1")))
	server.Exec(t, databaseOf(t, url), "DROP TABLE kubernaut_events, kubernaut_remediations, kubernaut_schema")
	require.ErrorIs(t, s.Append(t.Context(), entry(1, "r-1")), history.ErrUnavailable)
	require.NoError(t, s.Append(t.Context(), entry(1, "r-1")), "the next attempt finds them")
}

func locked(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	s := open(t, url)
	require.NoError(t, s.Append(t.Context(), entry(1, "r-1")))
	release := server.Hold(t, databaseOf(t, url), "LOCK TABLE kubernaut_events")
	begun := time.Now()
	require.ErrorIs(t, s.Append(t.Context(), entry(2, "r-1")), history.ErrUnavailable)
	require.Less(t, time.Since(begun), 12*time.Second, "two of them fit into one turn")
	release()
	require.NoError(t, s.Append(t.Context(), entry(2, "r-1")))
}

func prunesAlready(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	s := open(t, url)
	ended := entry(1, "r-1")
	ended.Terminal = true
	require.NoError(t, s.Append(t.Context(), ended))
	const lockPrune = 0x6b626e02
	release := server.Hold(t, databaseOf(t, url), fmt.Sprintf("SELECT pg_advisory_xact_lock(%d, 0)", lockPrune))
	n, err := s.Prune(t.Context(), ended.Time.Add(time.Hour))
	require.NoError(t, err)
	require.Zero(t, n)
	release()
	n, err = s.Prune(t.Context(), ended.Time.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

func economical(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	s := open(t, url)
	for n := range 5 {
		require.NoError(t, s.Append(t.Context(), entry(n, "r-1")))
		_, err := s.Timeline(t.Context(), "r-1")
		require.NoError(t, err)
	}
	require.Equal(t, "1", server.Query(t, databaseOf(t, url), `SELECT count(*) FROM pg_stat_activity
		WHERE application_name = 'kubernaut' AND datname = current_database()`))
}

func parameters(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	server.Exec(t, databaseOf(t, url), "CREATE SCHEMA elsewhere")
	s := open(t, url+"&application_name=mine&pool_max_conns=1&search_path=elsewhere&default_query_exec_mode=cache_statement")
	require.NoError(t, s.Append(t.Context(), entry(1, "r-1")))
	require.Equal(t, "1", server.Query(t, databaseOf(t, url), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mine'"))
	require.Equal(t, "1", server.Query(t, databaseOf(t, url), "SELECT count(*) FROM elsewhere.kubernaut_events"))
}

func large(t *testing.T, server *postgrestest.Server) {
	s := open(t, server.Database(t))
	batch := make([]history.Entry, 800)
	for i := range batch {
		batch[i] = entry(i, fmt.Sprint("r-", i%200))
	}
	require.NoError(t, s.Append(t.Context(), batch...))
	r, err := s.Remediation(t.Context(), "r-199")
	require.NoError(t, err)
	require.EqualValues(t, 4, r.Alerts)
}

func TestURLsThatAreWrongAreRefusedWithoutTellingThePassword(t *testing.T) {
	for name, url := range map[string]string{
		"a time that is none":   "postgres://kubernaut:hunter2@127.0.0.1/x?operation_timeout=-1s",
		"a port that is none":   "postgres://kubernaut:hunter2@127.0.0.1:port/x",
		"a mode that is none":   "postgres://kubernaut:hunter2@127.0.0.1/x?sslmode=maybe",
		"a pool that is none":   "postgresql://kubernaut:hunter2@127.0.0.1/x?pool_max_conns=many",
		"a control character":   "postgres://kubernaut:hunter2\x7f@127.0.0.1/x",
		"a mode of no sense":    "postgres://kubernaut:hunter2@127.0.0.1/x?default_query_exec_mode=fast",
		"a key that is missing": "postgres://kubernaut:hunter2@127.0.0.1/x?sslmode=verify-full&sslkey=/nowhere&sslcert=/nowhere",
	} {
		_, err := history.Open(url)
		require.ErrorIs(t, err, history.ErrInvalid, name)
		require.NotContains(t, err.Error(), "hunter2", name)
	}
}

func TestOpenTouchesNoNetwork(t *testing.T) {
	for _, url := range []string{"postgres://kubernaut:hunter2@127.0.0.1:1/x", "postgresql:///x?host=/nowhere",
		"postgres://a:5432,b:5432/x?target_session_attrs=read-write"} {
		s, err := history.Open(url)
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
}

func TestAServerThatIsAwayIsUnavailable(t *testing.T) {
	// It accepts, and says nothing.
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = mute.Close() })
	for name, address := range map[string]string{"refused": "127.0.0.1:1", "mute": mute.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, "postgres://kubernaut:hunter2@"+address+"/x?sslmode=disable")
			begun := time.Now()
			err := s.Append(t.Context(), entry(1, "r-1"))
			require.ErrorIs(t, err, history.ErrUnavailable)
			require.NotContains(t, err.Error(), "hunter2")
			require.Less(t, time.Since(begun), 12*time.Second, "two of them fit into one turn")
		})
	}
}

func diesAndComesBack(t *testing.T, server *postgrestest.Server) {
	s := open(t, server.Database(t))
	require.NoError(t, s.Append(t.Context(), entry(1, "r-1")))
	server.Stop(t)
	require.ErrorIs(t, s.Append(t.Context(), entry(2, "r-1")), history.ErrUnavailable)
	server.Restart(t)
	require.NoError(t, s.Append(t.Context(), entry(2, "r-1")))
	entries, err := s.Timeline(t.Context(), "r-1")
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	s, err := history.Open("postgres://127.0.0.1:1/x")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Append(t.Context(), entry(1, "r-1")), history.ErrUnavailable)
	require.ErrorIs(t, s.Ping(t.Context()), history.ErrUnavailable)
}
