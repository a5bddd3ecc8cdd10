package newstage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"kubernaut.ai/local/broker"
)

const (
	root = "../.."
	name = "tally"
	on   = "remediation.closed"
	// commandWithin bounds one run of the go tool, cold caches included.
	commandWithin = 5 * time.Minute
)

// grown are the files of the project as a whole that a new stage is entered
// in. None belongs to another stage.
var grown = []string{"go.work", "go.work.sum", "local/go.mod", "local/go.sum", "local/system/stages.go", "test/go.mod", "test/go.sum",
	"triggers/Kustomization", "deploy/base/stages/kustomization.yaml"}

func TestAStageIsAddedByOneCommand(t *testing.T) {
	tree := t.TempDir()
	files := copyTree(t, tree)
	before := digests(t, tree)
	out := command(t, tree, nil, "go", "run", "./local/newstage", "--root", ".", "--name", name, "--on", on)
	require.Contains(t, out, "functions/"+name+"/function.go")

	t.Run("no file of another stage changes", func(t *testing.T) {
		after := digests(t, tree)
		for _, path := range files {
			if !slices.Contains(grown, path) {
				require.Equal(t, before[path], after[path], "%s has changed", path)
			}
		}
		var added []string
		for path := range after {
			if _, there := before[path]; !there {
				added = append(added, path)
			}
		}
		slices.Sort(added)
		require.Equal(t, []string{"deploy/base/stages/tally.yaml", "functions/tally/.gitignore", "functions/tally/doc.go", "functions/tally/func.yaml", "functions/tally/function.go",
			"functions/tally/function_test.go", "functions/tally/go.mod", "functions/tally/go.sum", "functions/tally/tally.go",
			"triggers/tally-remediation-closed.yaml"}, added)
	})
	t.Run("its own tests pass in its own module", func(t *testing.T) {
		command(t, filepath.Join(tree, "functions", name), []string{"GOWORK=off"}, "go", "test", "./...")
	})
	t.Run("the local system with it still compiles", func(t *testing.T) {
		command(t, tree, nil, "go", "build", "./local/system")
	})
	t.Run("its Trigger loads in the Broker, and hands it what it asked for", func(t *testing.T) { subscribed(t, tree) })
	t.Run("it is deployed with the others", func(t *testing.T) {
		for _, folder := range []string{"triggers", "deploy/base/stages"} {
			resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(tree, folder))
			require.NoError(t, err)
			text, err := resources.AsYaml()
			require.NoError(t, err)
			require.Contains(t, string(text), "app.kubernetes.io/component: "+name+"\n")
		}
	})
	t.Run("a name that is taken is refused, and nothing is written", func(t *testing.T) {
		there := digests(t, tree)
		cmd := exec.CommandContext(t.Context(), "go", "run", "./local/newstage", "--root", ".", "--name", name, "--on", on)
		cmd.Dir = tree
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "there already")
		require.Equal(t, there, digests(t, tree))
	})
}

func subscribed(t *testing.T, tree string) {
	t.Helper()
	var asked []string
	b, err := broker.New(t.Context(), broker.Options{
		Manifests: []string{filepath.Join(tree, "brokers", "broker-inmemory.yaml"), filepath.Join(tree, "triggers")},
		Resolve: func(ref duckv1.KReference) (string, bool) {
			asked = append(asked, ref.Name)
			return "http://127.0.0.1:9/" + ref.Name, true
		}})
	require.NoError(t, err)
	require.NoError(t, b.Stop(context.WithoutCancel(t.Context())))
	require.Contains(t, asked, name)
}

// copyTree copies what git knows of, so that nobody's build leftovers come
// along; outside a git checkout there is nothing to compare with.
func copyTree(t *testing.T, to string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Skip("not a git checkout: ", err)
	}
	var files []string
	for path := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, path))
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		require.NoError(t, err)
		target := filepath.Join(to, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
		require.NoError(t, os.WriteFile(target, text, 0o644))
		files = append(files, path)
	}
	require.NotEmpty(t, files)
	return files
}

func digests(t *testing.T, tree string) map[string][sha256.Size]byte {
	t.Helper()
	sums := map[string][sha256.Size]byte{}
	require.NoError(t, filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(tree, path)
		sums[filepath.ToSlash(rel)] = sha256.Sum256(text)
		return err
	}))
	return sums
}

// command runs the go tool with what this test run has compiled: all of it
// carries the race detector.
func command(t *testing.T, dir string, env []string, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "GOFLAGS=-race"), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Run(), out.String())
	return out.String()
}
