package contract

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

var (
	makeTarget    = regexp.MustCompile("make ([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")
	deployPath    = regexp.MustCompile(`deploy/overlays/([a-z]+)`)
	makefileEntry = regexp.MustCompile(`(?m)^([a-z0-9-]+):.* ## `)
	// kustomization is the fenced block that begins with the name of its file.
	kustomization = regexp.MustCompile("(?s)```yaml\n# deploy/overlays/ours/kustomization.yaml\n(.*?)```")
)

func readmes(t *testing.T) string {
	t.Helper()
	var all string
	for _, path := range []string{"README.md", "deploy/README.md"} {
		text, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		all += string(text)
	}
	return all
}

func TestWhatTheReadmesTellToTypeIsThere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	var targets []string
	for _, m := range makefileEntry.FindAllStringSubmatch(string(text), -1) {
		targets = append(targets, m[1])
	}
	typed := regexp.MustCompile("(?:`|\n|\\| |\\(|\\$\\()"+makeTarget.String()).FindAllStringSubmatch(readmes(t), -1)
	require.NotEmpty(t, typed)
	for _, m := range typed {
		require.Contains(t, targets, m[1])
	}
	for _, m := range deployPath.FindAllStringSubmatch(readmes(t), -1) {
		if m[1] != "ours" {
			require.DirExists(t, filepath.Join(root, m[0]))
		}
	}
}

func TestTheOverlayInTheReadmeBuilds(t *testing.T) {
	m := kustomization.FindStringSubmatch(readmes(t))
	require.NotNil(t, m)
	tree := t.TempDir()
	for _, folder := range []string{"deploy", "brokers", "triggers"} {
		require.NoError(t, os.CopyFS(filepath.Join(tree, folder), os.DirFS(filepath.Join(root, folder))))
	}
	ours := filepath.Join(tree, "deploy", "overlays", "ours")
	require.NoError(t, os.MkdirAll(ours, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(ours, "kustomization.yaml"), []byte(m[1]), 0o644))
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), ours)
	require.NoError(t, err)
	text, err := resources.AsYaml()
	require.NoError(t, err)
	require.Contains(t, string(text), "CLUSTER_NAME: west-1\n")
	require.Contains(t, string(text), "production_below: 0.95")
}
