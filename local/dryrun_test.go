package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestADryRunOfTheStoriesEndsWellAndSaysWhatTheAPIServerSaw tells one that would
// act, one that would act once a person has answered, and one that never would.
func TestADryRunOfTheStoriesEndsWellAndSaysWhatTheAPIServerSaw(t *testing.T) {
	samples := t.TempDir()
	for _, name := range []string{"2-oom-kill", "7-unmanaged-namespace", "9-gitops-owned"} {
		require.NoError(t, os.CopyFS(filepath.Join(samples, name), os.DirFS(filepath.Join("samples", name))))
	}
	o, err := parse([]string{"--dry-run", "--once", "--root", "..", "--samples", samples, "--dir", t.TempDir(), "--listen", "127.0.0.1:0"}, environment(nil), io.Discard)
	require.NoError(t, err)
	o.out, err = os.CreateTemp(t.TempDir(), "out")
	require.NoError(t, err)
	defer func() { _ = o.out.Close() }()
	code, err := o.do(t.Context())
	require.NoError(t, err)
	said, err := os.ReadFile(o.out.Name())
	require.NoError(t, err)
	require.Zero(t, code, string(said))
	require.Contains(t, string(said), "3 of 3 stories ended as they should.")
	require.Regexp(t, `(?m)^Nothing was changed: the API server was asked [1-9]\d* times what would come of a write, and made none\.$`, string(said))
	require.Regexp(t, `(?m)^  DRY RUN in .*: nothing was changed$`, string(said))
	require.NotContains(t, string(said), "undo:")
}
