package layout

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

const ours = "kubernaut.ai/"

// file is a Go file of the project: its folder below the root, and imports.
type file struct {
	path, dir string
	test      bool
	imports   []string
}

func files(t *testing.T) []file {
	t.Helper()
	var out []file
	for _, top := range []string{"functions", "shared", "local", "test"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
				if d != nil && d.IsDir() && (d.Name() == ".func" || d.Name() == "testdata") {
					return filepath.SkipDir
				}
				return err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			f := file{path: rel, dir: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(path, "_test.go")}
			for _, i := range parsed.Imports {
				name, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					return err
				}
				f.imports = append(f.imports, name)
			}
			out = append(out, f)
			return err
		})
		require.NoError(t, err)
	}
	require.NotEmpty(t, out)
	return out
}

// firstTwo is the package of shared or the function that a folder belongs to.
func firstTwo(dir string) string { return strings.Join(strings.SplitN(dir, "/", 3)[:2], "/") }

func within(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

func TestOurPackagesImportOnlyWhatTheyMay(t *testing.T) {
	// What each package may import of ours, outside its tests.
	shared := map[string][]string{
		"shared/event":    {},
		"shared/signal":   {},
		"shared/action":   {},
		"shared/policy":   {},
		"shared/ledger":   {},
		"shared/history":  {"shared/event"},
		"shared/cluster":  {"shared/event", "shared/signal"},
		"shared/stage":    {"shared/event", "shared/ledger"},
		"shared/redrive":  {"shared/event", "shared/ledger", "shared/stage"},
		"shared/timeline": {"shared/event", "shared/history", "shared/stage"},
	}
	for _, f := range files(t) {
		for _, name := range f.imports {
			if !strings.HasPrefix(name, ours) {
				continue
			}
			target := strings.TrimPrefix(name, ours)
			switch {
			case within(f.dir, "test"):
			case within(f.dir, "local"):
				require.False(t, within(target, "test"), "%s imports %s", f.path, name)
			case within(f.dir, "functions"):
				home := firstTwo(f.dir)
				own := f.test && target == f.dir || target != home && within(target, home)
				require.True(t, own || within(target, "shared"), "%s: a function imports its own packages and shared ones only, not %s", f.path, name)
			case f.test || strings.HasSuffix(f.dir, "test"):
				require.True(t, within(target, "shared"), "%s imports %s", f.path, name)
			default:
				home := firstTwo(f.dir)
				allowed, known := shared[home]
				require.True(t, known, "%s: which packages may %s import? Say so in this test", f.path, home)
				ok := within(target, home) || slices.ContainsFunc(allowed, func(a string) bool { return within(target, a) })
				require.True(t, ok, "%s may not import %s", f.path, name)
			}
		}
	}
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	rules := []struct {
		name   string
		module string
		homes  []string
	}{
		{"Redis is spoken in the ledger only", "github.com/redis/go-redis", []string{"shared/ledger"}},
		{"PostgreSQL is spoken in its history store only", "github.com/jackc/pgx", []string{"shared/history/postgres", "test"}},
		{"OPA is known to the policy package only", "github.com/open-policy-agent/opa", []string{"shared/policy"}},
		{"the API server is reached by clusters' readers and execute", "k8s.io/client-go", []string{"shared/cluster", "functions/execute",
			"functions/enrich", "functions/gateway", "functions/assess", "functions/approve", "local", "test"}},
		{"CloudEvents stay at the edges", "github.com/cloudevents/sdk-go", []string{"shared/event", "shared/stage", "shared/redrive", "functions", "local", "test"}},
		{"func-go is the local system's", "knative.dev/func-go", []string{"local", "test"}},
		{"Knative Eventing's types are the embedded Broker's", "knative.dev/eventing", []string{"local", "test"}},
	}
	all := files(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, f := range all {
				if f.test {
					continue
				}
				for _, name := range f.imports {
					if within(name, r.module) || strings.HasPrefix(name, r.module+"/") {
						require.True(t, slices.ContainsFunc(r.homes, func(h string) bool { return within(f.dir, h) }), "%s imports %s", f.path, name)
					}
				}
			}
		})
	}
}

func TestMainsAreShort(t *testing.T) {
	for _, f := range files(t) {
		if filepath.Base(f.path) == "main.go" {
			text, err := os.ReadFile(filepath.Join(root, f.path))
			require.NoError(t, err)
			require.LessOrEqual(t, strings.Count(string(text), "\n"), 60, f.path)
		}
	}
}

func TestNoFunctionKeepsAnInformer(t *testing.T) {
	for _, f := range files(t) {
		if !within(f.dir, "functions") && !within(f.dir, "shared") {
			continue
		}
		for _, name := range f.imports {
			require.False(t, within(name, "k8s.io/client-go/informers") || within(name, "k8s.io/client-go/tools/cache"),
				"%s imports %s: functions read directly", f.path, name)
		}
	}
}
