package stores

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/history/historytest"
	_ "kubernaut.ai/shared/history/postgres" // the store of clusters
	"kubernaut.ai/shared/history/postgres/postgrestest"
)

// TestTheReaderThatTheManualMakesReadsAndNothingElse types deploy/README.md's
// SQL, before record has made its tables and after.
func TestTheReaderThatTheManualMakesReadsAndNothingElse(t *testing.T) {
	server := postgrestest.Start(t)
	manual, err := os.ReadFile(filepath.Join(root, "deploy", "README.md"))
	require.NoError(t, err)
	_, sql, found := strings.Cut(string(manual), "```sql\n")
	require.True(t, found)
	sql, _, _ = strings.Cut(sql, "```")
	for name, recordFirst := range map[string]bool{"before record was there": false, "afterwards": true} {
		t.Run(name, func(t *testing.T) {
			url := server.Database(t)
			database := url[strings.LastIndex(url, "/")+1:]
			database, _, _ = strings.Cut(database, "?")
			writer, err := history.Open(url)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, writer.Close()) })
			entry := history.Entry{ID: "e-1", Type: event.SignalReceived, Remediation: "r-1", Time: historytest.Start, Progress: true, Event: []byte("{}")}
			if recordFirst {
				require.NoError(t, writer.Append(t.Context(), entry))
			}
			server.Exec(t, database, sql)
			t.Cleanup(func() { server.Exec(t, database, "DROP OWNED BY kubernaut_reader; DROP ROLE kubernaut_reader") })
			require.NoError(t, writer.Append(t.Context(), entry))

			as := server.As("kubernaut_reader", "something long", database)
			reader, err := history.OpenReader(as)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, reader.Close()) })
			entries, err := reader.Timeline(t.Context(), "r-1")
			require.NoError(t, err)
			require.Len(t, entries, 1)
			forger, err := history.Open(as)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, forger.Close()) })
			entry.ID = "e-2"
			require.ErrorContains(t, forger.Append(t.Context(), entry), "permission denied")
		})
	}
}
