package toolchain_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/test/e2e/toolchain"
)

func TestTheSourceOfAModuleIsFound(t *testing.T) {
	dir, err := toolchain.Source(t.Context(), "golang.org/x/mod@v0.39.0")
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(content), "module golang.org/x/mod")
}

func TestTheSourceOfACommandsModuleIsThatOfItsVersion(t *testing.T) {
	dir, err := toolchain.Pinned().Source(t.Context(), "registry", "golang.org/x/mod")
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "go.mod"))
	_, err = toolchain.Pinned().Source(t.Context(), "unknown", "golang.org/x/mod")
	require.ErrorIs(t, err, toolchain.ErrUnknown)
}

func TestASourceThatCannotBeHadSaysWhich(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	_, err := toolchain.Source(t.Context(), "golang.org/x/mod@v0.0.1")
	require.ErrorContains(t, err, "golang.org/x/mod@v0.0.1")
	require.ErrorContains(t, err, "GOPROXY")
	_, err = toolchain.Source(t.Context(), "golang.org/x/mod")
	require.ErrorContains(t, err, "module@version")
}
