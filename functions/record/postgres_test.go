package function

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history/postgres/postgrestest"
)

func TestOnPostgreSQL(t *testing.T) {
	server := postgrestest.Start(t)
	t.Run("a database that is away answers try again, until it is back", func(t *testing.T) { comesBack(t, server) })
	t.Run("a role that may not enter fails the start", func(t *testing.T) { mayNotEnter(t, server) })
}

func comesBack(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	server.Stop(t)

	f := start(t, url)
	first, second := sealed(t, event.SignalReceived, 0), sealed(t, event.RemediationClosed, 1)
	begun := time.Now()
	_, err := f.Take(t.Context(), first)
	require.Equal(t, http.StatusServiceUnavailable, statusOf(t, err), "it starts without its database")
	require.Less(t, time.Since(begun), 15*time.Second, "well within a turn")

	server.Restart(t)
	_, err = f.Take(t.Context(), first)
	require.NoError(t, err, "the first attempt when it is back")

	server.Stop(t)
	_, err = f.Take(t.Context(), second)
	require.Equal(t, http.StatusServiceUnavailable, statusOf(t, err))
	server.Restart(t)
	_, err = f.Take(t.Context(), second)
	require.NoError(t, err, "connections from before do not stand in the way")
	_, err = f.Take(t.Context(), second)
	require.NoError(t, err, "redelivery")

	entries, err := read(t, url).Timeline(t.Context(), "r1-1")
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

func mayNotEnter(t *testing.T, server *postgrestest.Server) {
	for name, c := range map[string]struct{ url, want string }{
		"no such database": {server.URL("nowhere"), "nowhere"},
		"a wrong password": {server.As("kubernaut", "hunter2", "postgres"), "password"},
	} {
		err := New().Start(t.Context(), settings(t, c.url))
		require.ErrorContains(t, err, c.want, name)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
