package product

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kubernaut.ai/test/e2e/platform/manifest"
)

func TestTheOverlayIsTheExternalOneInAHurry(t *testing.T) {
	ours, err := Render(Root(), Overlay)
	require.NoError(t, err)
	usual, err := Render(Root(), "deploy/overlays/"+settingsOf)
	require.NoError(t, err)
	require.Len(t, ours, len(usual), "a cluster that is tried has what a user has")
	changed := map[string]bool{}
	for i, object := range ours {
		require.Equal(t, manifest.Name(usual[i]), manifest.Name(object))
		if !equal(usual[i], object) {
			changed[manifest.Name(object)] = true
		}
	}
	require.Equal(t, map[string]bool{"ConfigMap " + Namespace + "/kubernaut-settings": true,
		"PingSource " + Namespace + "/assess": true, "PingSource " + Namespace + "/gateway": true}, changed)
}

func equal(a, b *unstructured.Unstructured) bool {
	x, errX := a.MarshalJSON()
	y, errY := b.MarshalJSON()
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	whole := Options{Kubeconfig: "k", Registry: "r", Func: "f", Kubectl: "c", Redis: "redis://r", Postgres: "postgres://p"}
	for _, test := range []struct {
		name   string
		change func(*Options)
		says   string
	}{
		{"nothing at all", func(o *Options) { *o = Options{} }, "[Func Kubeconfig Kubectl Postgres Redis Registry] must be set"},
		{"a registry", func(o *Options) { o.Registry = "" }, "[Registry] must be set"},
		{"a project", func(o *Options) { o.Root = os.TempDir() }, "is not the project's folder"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := whole
			test.change(&o)
			require.ErrorContains(t, Install(t.Context(), o), test.says)
		})
	}
	o, err := whole.validate()
	require.NoError(t, err)
	require.Equal(t, Root(), o.Root)
}

// project is a folder with a Makefile of one target.
func project(t *testing.T, recipe string) *installation {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "Makefile"), []byte("try:\n\t@"+recipe+"\n"), 0o600))
	return &installation{Options: Options{Root: root, Log: io.Discard, Redis: "redis://here", Kubeconfig: "there"}, began: time.Now()}
}

func TestACommandIsToldWhereTheStoresAre(t *testing.T) {
	said, err := project(t, `echo "$$REDIS_URL $$KUBECONFIG $$FUNC_REGISTRY_INSECURE"`).make(t.Context(), io.Discard, "try")
	require.NoError(t, err)
	require.Equal(t, "redis://here there false\n", string(said))
}

func TestACommandThatFailsIsQuoted(t *testing.T) {
	_, err := project(t, "echo no such cluster >&2; exit 3").make(t.Context(), io.Discard, "try")
	require.ErrorContains(t, err, "run make try")
	require.ErrorContains(t, err, "no such cluster")
}
