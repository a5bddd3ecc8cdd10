package system

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestASecondSystemInAFolderHarmsNothing starts one where another works: it is
// told who that is and what to do, and no file has changed.
func TestASecondSystemInAFolderHarmsNothing(t *testing.T) {
	dir := t.TempDir()
	first, err := Start(t.Context(), Options{Root: "../..", Dir: dir, LogLevel: "fatal"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, first.Close(t.Context())) })
	_, err = first.WriteSettings()
	require.NoError(t, err)
	read := func() map[string]string {
		files := map[string]string{}
		for _, name := range []string{SettingsFile, kubeconfigFile, lockFile, historyFile, filepath.Join(keysDir, publicFile), filepath.Join(keysDir, "gateway")} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			files[name] = string(text)
		}
		return files
	}
	before := read()

	_, err = Start(t.Context(), Options{Root: "../..", Dir: dir, LogLevel: "fatal"})
	require.ErrorIs(t, err, errTaken)
	require.ErrorContains(t, err, "at "+first.URL()+", in "+dir)
	require.ErrorContains(t, err, `make run ARGS="--dir `+filepath.Join(dir, "second")+` --listen 127.0.0.1:0"`)
	require.Equal(t, before, read())
	require.NoError(t, first.Ready(t.Context()))

	require.NoError(t, first.Close(t.Context()))
	again, err := Start(t.Context(), Options{Root: "../..", Dir: dir, LogLevel: "fatal"})
	require.NoError(t, err, "whoever comes afterwards finds it free")
	require.NoError(t, again.Close(t.Context()))
}
