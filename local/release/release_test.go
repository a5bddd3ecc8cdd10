package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkout is a clone of this repository, so that nothing here is tagged.
func checkout(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "project")
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	if out, err := exec.CommandContext(t.Context(), "git", "clone", "--quiet", "--no-hardlinks", root, to).CombinedOutput(); err != nil {
		t.Skipf("not a git checkout: %s", out)
	}
	return to
}

func command(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

func call(args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	code = run(args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestAFunctionBuildsWithAReleasedVersionAndNothingBesideIt(t *testing.T) {
	root := checkout(t)
	// A version of its own for each commit: the module cache remembers it.
	version := "v0.1.0-test." + "c" + command(t, root, nil, "git", "rev-parse", "--short=12", "HEAD")
	code, out, errs := call("--root", root, "--version", version)
	require.Zero(t, code, errs)
	require.Contains(t, out, "git push origin shared/"+version)
	require.Equal(t, "shared/"+version, command(t, root, nil, "git", "tag", "--points-at", "HEAD"))

	// Away from the repository: only the function's own folder is there.
	folder := filepath.Join(t.TempDir(), "deadletter")
	require.NoError(t, os.CopyFS(folder, os.DirFS(filepath.Join(root, ".local", "release", "functions", "deadletter"))))
	require.NoError(t, os.Rename(filepath.Join(root, "shared"), filepath.Join(root, "gone")))
	env := []string{"GOWORK=off", "GOFLAGS=-mod=readonly", "GONOSUMDB=" + module,
		"GOPROXY=file://" + filepath.Join(root, ".local", "release", "proxy") + ",off"}
	used := command(t, folder, env, "go", "list", "-m", "-f", "{{.Path}} {{.Version}} {{.Replace}}", module)
	require.Equal(t, module+" "+version+" <nil>", used)
	// With the race detector, since all that it needs of others is compiled so already.
	command(t, folder, env, "go", "build", "-race", "./...")
}

func TestAVersionIsReleasedOnce(t *testing.T) {
	root := checkout(t)
	code, _, errs := call("--root", root, "--version", "v1.0.0")
	require.Zero(t, code, errs)
	code, _, errs = call("--root", root, "--version", "v1.0.0")
	require.Zero(t, code, "the same again is the same: "+errs)

	mine := []string{"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com"}
	command(t, root, mine, "git", "commit", "--quiet", "--allow-empty", "-m", "later")
	code, _, errs = call("--root", root, "--version", "v1.0.0")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "a version never changes")

	code, _, errs = call("--root", root, "--version", "v1.0.1")
	require.Zero(t, code, errs)
	list, err := os.ReadFile(filepath.Join(root, ".local", "release", "proxy", "kubernaut.ai", "shared", "@v", "list"))
	require.NoError(t, err)
	require.Equal(t, "v1.0.0\nv1.0.1\n", string(list))
}

func TestWhatIsNotCommittedIsNotReleased(t *testing.T) {
	root := checkout(t)
	require.NoError(t, os.WriteFile(filepath.Join(root, "shared", "more.go"), []byte("package shared\n"), 0o644))
	code, _, errs := call("--root", root, "--version", "v1.0.0")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "shared/more.go")
	require.Empty(t, command(t, root, nil, "git", "tag", "--list", "shared/v1.0.0"), "nothing was tagged")
}

func TestVersionsThatCannotBeRequiredAreRefused(t *testing.T) {
	for version, says := range map[string]string{
		"": "is not like v1.2.3", "1.2.3": "is not like v1.2.3", "v1.2": "is not like v1.2.3", "v1.2.3+build": "is not like v1.2.3",
		"v2.0.0": "from v2 on", "v0.0.0": "stands for the module beside",
	} {
		code, _, errs := call("--version", version)
		require.Equal(t, 1, code, version)
		require.Contains(t, errs, says)
	}
}
