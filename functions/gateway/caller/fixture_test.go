package caller

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
)

// secret is in every credential of these tests, and may be in no answer.
const planted = "s3cr3t-material"

const path = "/api/v1/signals/prometheus"

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// credentials is a folder of files.
func credentials(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

func put(t testing.TB, file, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
}

func newGuard(t testing.TB, o Options) *Guard {
	t.Helper()
	if o.Now == nil {
		o.Now = newClock().now
	}
	g, err := New(o)
	require.NoError(t, err)
	return g
}

// post is a request with headers: name, value, ...
func post(t testing.TB, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("{}"))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// originalHost is the header from which queue-proxy takes the request's host.
const originalHost = "K-Original-Host"

// proxied is the request as Knative's queue-proxy hands it on.
func proxied(r *http.Request) *http.Request {
	if host := r.Header.Get(originalHost); host != "" {
		r.Host = host
		r.Header.Del(originalHost)
	}
	return r
}

// unpublished is of a gateway that only the cluster's network reaches.
func unpublished(context.Context) error { return nil }

func bearer_(token string) []string { return []string{"Authorization", "Bearer " + token} }

// outcome is what a guard decided: the caller's name, or status and reason.
type outcome struct {
	name   string
	status int
	reason string
}

func decided(t testing.TB, c Caller, err error) outcome {
	t.Helper()
	if err == nil {
		return outcome{name: c.Name}
	}
	var no *Refusal
	require.ErrorAs(t, err, &no)
	require.NotContains(t, err.Error(), planted, "what the log is told repeats no secret")
	p := no.Problem()
	require.NotContains(t, p.Detail, planted, "what the caller is told repeats no secret")
	require.Equal(t, no.Status, p.Status)
	require.Equal(t, no.Status == http.StatusUnauthorized, len(no.Challenges) > 0, "a 401 says what would do")
	return outcome{status: no.Status, reason: no.Reason}
}

func head(t testing.TB, g *Guard, r *http.Request) outcome {
	t.Helper()
	c, err := g.Head(r)
	return decided(t, c, err)
}

var (
	errDown = errors.New("connection refused")
	// yesterday is before any change that a test makes.
	yesterday = -24 * time.Hour
)

// reviewers answer for the cluster.
type reviewers struct {
	mu     sync.Mutex
	asked  int
	person cluster.Person
	who    error
	may    error
	access cluster.Access
}

func (r *reviewers) WhoIs(context.Context, string) (cluster.Person, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	return r.person, r.who
}

func (r *reviewers) May(_ context.Context, _ cluster.Person, a cluster.Access) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.access = a
	return r.may
}

func inbox(t testing.TB) *ledger.Ledger { return ledgertest.Miniredis(t).Ledger(t) }
