package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/system"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

func TestForgetRemovesOneRemediationFromHistory(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "h.db")
	store, err := history.Open(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	entry := func(id string, terminal bool) history.Entry {
		return history.Entry{ID: id + "/event", Type: event.RemediationClosed, Remediation: id, Time: time.Now(),
			Progress: true, Terminal: terminal, Event: []byte("{}")}
	}
	require.NoError(t, store.Append(t.Context(), entry("r-1", true), entry("r-2", true), entry("r-live", false)))

	run := func(args ...string) (string, error) {
		out, err := os.CreateTemp(t.TempDir(), "out")
		require.NoError(t, err)
		defer func() { _ = out.Close() }()
		o, err := parse(args, environment(nil), io.Discard)
		require.NoError(t, err)
		o.out = out
		_, err = o.do(t.Context())
		said, readErr := os.ReadFile(out.Name())
		require.NoError(t, readErr)
		return string(said), err
	}
	said, err := run("--forget", "r-1", "--history", url)
	require.NoError(t, err)
	require.Contains(t, said, "r-1 is forgotten: 2 rows")
	_, err = store.Remediation(t.Context(), "r-1")
	require.ErrorIs(t, err, history.ErrNotFound)

	_, err = run("--forget", "r-1", "--history", url)
	require.ErrorIs(t, err, history.ErrNotFound)
	_, err = run("--forget", "r-live", "--history", url)
	require.ErrorIs(t, err, history.ErrNotEnded)
	require.ErrorContains(t, err, "wait for its end")

	dir := t.TempDir()
	_, err = run("--forget", "r-2", "--dir", dir)
	require.ErrorContains(t, err, "HISTORY_URL")
	require.NoError(t, os.WriteFile(filepath.Join(dir, system.SettingsFile), []byte("HISTORY_URL="+url+"\n"), 0o600))
	_, err = run("--forget", "r-2", "--dir", dir)
	require.NoError(t, err, "the system that runs in the folder says where")
	_, err = store.Remediation(t.Context(), "r-live")
	require.NoError(t, err)
}
