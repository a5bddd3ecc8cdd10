package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

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

func TestConformance(t *testing.T) {
	server := postgrestest.Start(t)
	historytest.Run(t, func(t *testing.T) history.Store { return open(t, server.Database(t)) })
}
