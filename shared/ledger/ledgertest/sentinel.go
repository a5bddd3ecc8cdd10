package ledgertest

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// RedisSentinel starts a server and one sentinel that watches it, and returns
// the URL that finds the server through the sentinel.
func RedisSentinel(t testing.TB) string {
	t.Helper()
	const name = "main"
	master, err := url.Parse(RedisServer(t))
	require.NoError(t, err)
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	line := fmt.Sprintf("sentinel monitor %s %s %s 1\n", name, master.Hostname(), master.Port())
	require.NoError(t, os.WriteFile(config, []byte(line), 0o600))
	return RedisServer(t, config, "--sentinel") + "?master_name=" + name
}
