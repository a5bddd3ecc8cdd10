package postgres

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kubernaut.ai/shared/history"
)

// Bounds. A turn of record has 25 s: an answer that the store is away comes
// well before that, and the Broker tries again.
const (
	// connectTimeout bounds one attempt to connect, TLS and password included.
	connectTimeout = 5 * time.Second
	// operationTimeout bounds each call of the store, the wait for a free
	// connection included.
	operationTimeout = 10 * time.Second
	// idleTimeout closes connections that nobody needs: idle pods go anyway.
	idleTimeout = time.Minute
	// maxConnections bounds one pod's connections.
	maxConnections = 4
	// application is how the server lists our connections.
	application = "kubernaut"
)

// The parameters of the URL that our defaults give way to.
const (
	parameterPool   = "pool_max_conns"
	parameterIdle   = "pool_max_conn_idle_time"
	parameterMode   = "default_query_exec_mode"
	parameterName   = "application_name"
	parameterWithin = "connect_timeout"
	// parameterCall is ours: pgx must not see it.
	parameterCall = "operation_timeout"
)

func init() {
	history.Register("postgres", Open)
	history.Register("postgresql", Open)
	history.RegisterReader("postgres", OpenReader)
	history.RegisterReader("postgresql", OpenReader)
}

// store is a history.Store on a PostgreSQL database.
type store struct {
	pool   *pgxpool.Pool
	schema *schema
	// timeout bounds each call.
	timeout time.Duration
}

// Open prepares a pool for the database that a postgres:// URL names. It does
// no I/O: a database that is away shows at the first call.
func Open(rawURL string) (history.Store, error) { return openAs(rawURL, (*schema).ensure) }

// OpenReader prepares a pool for somebody who only reads. It makes no tables,
// and finds none until a writer has made them.
func OpenReader(rawURL string) (history.Reader, error) { return openAs(rawURL, (*schema).expect) }

// openAs prepares a pool whose connections are first looked at by prepare.
func openAs(rawURL string, prepare func(*schema, context.Context, *pgx.Conn) error) (history.Store, error) {
	config, timeout, err := configure(rawURL)
	if err != nil {
		return nil, err
	}
	s := &store{schema: &schema{}, timeout: timeout}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return prepare(s.schema, ctx, conn) }
	// The context is for the pool's first connections, of which there are none.
	if s.pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return s, nil
}

// configure never repeats the parser's own words: they may quote the password.
func configure(rawURL string) (*pgxpool.Config, time.Duration, error) {
	raw, given, err := parameters(rawURL)
	if err != nil {
		return nil, 0, errURL
	}
	timeout := operationTimeout
	if text := given.Get(parameterCall); text != "" {
		if timeout, err = time.ParseDuration(text); err != nil || timeout <= 0 {
			return nil, 0, errURL
		}
	}
	config, err := pgxpool.ParseConfig(raw)
	if err != nil {
		return nil, 0, errURL
	}
	if !given.Has(parameterPool) {
		config.MaxConns = maxConnections
	}
	if !given.Has(parameterIdle) {
		config.MaxConnIdleTime = idleTimeout
	}
	if !given.Has(parameterMode) {
		// One round trip a statement from the first on, and nothing that a
		// pooler in between would have to remember.
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	if !given.Has(parameterName) {
		config.ConnConfig.RuntimeParams["application_name"] = application
	}
	if !given.Has(parameterWithin) {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	return config, timeout, nil
}

// parameters takes ours out of the URL.
func parameters(rawURL string) (raw string, given url.Values, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", nil, err
	}
	if given, err = url.ParseQuery(u.RawQuery); err != nil {
		return "", nil, err
	}
	rest := maps.Clone(given)
	delete(rest, parameterCall)
	u.RawQuery = rest.Encode()
	return u.String(), given, nil
}

var errURL = fmt.Errorf("%w: malformed PostgreSQL URL; write postgres://user:password@host:5432/database?sslmode=verify-full", history.ErrInvalid)

func (s *store) Ping(ctx context.Context) error {
	return s.within(ctx, "ping database", func(ctx context.Context) error { return s.pool.Ping(ctx) })
}

func (s *store) Close() error {
	s.pool.Close()
	return nil
}

// within bounds one call, names it, and marks what can pass.
func (s *store) within(ctx context.Context, op string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := do(ctx)
	if err == nil {
		return nil
	}
	if outdated(err) {
		// Old connections would go on failing: to a primary that is one no more,
		// or to tables that are gone.
		s.schema.forget()
		s.pool.Reset()
	}
	return fmt.Errorf("%s: %w", op, unavailable(err))
}
