package toolchain_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"

	"kubernaut.ai/test/e2e/toolchain"
)

// goMod parses the go.mod of a recipe.
func goMod(t *testing.T, recipe string) *modfile.File {
	t.Helper()
	file := filepath.Join(toolchain.Pinned().Dir, recipe, "go.mod")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	parsed, err := modfile.Parse(file, content, nil)
	require.NoError(t, err)
	return parsed
}

// versions returns the version that a recipe is built with of each module that
// its go.mod names.
func versions(t *testing.T, recipe string) map[string]string {
	t.Helper()
	pinned := map[string]string{}
	file := goMod(t, recipe)
	for _, require := range file.Require {
		pinned[require.Mod.Path] = require.Mod.Version
	}
	for _, replace := range file.Replace {
		if _, named := pinned[replace.Old.Path]; named && replace.New.Path == replace.Old.Path {
			pinned[replace.Old.Path] = replace.New.Version
		}
	}
	return pinned
}

func TestNamesAreUniqueAndTheirBinariesToo(t *testing.T) {
	names := map[string]bool{}
	for _, recipe := range toolchain.Pinned().Recipes {
		binaries := map[string]bool{}
		for _, command := range recipe.Commands {
			require.False(t, names[command.Name], command.Name)
			require.False(t, binaries[path.Base(command.Name)], "%s in one folder", command.Name)
			names[command.Name], binaries[path.Base(command.Name)] = true, true
		}
	}
	require.Len(t, toolchain.Pinned().Names(), len(names))
}

func TestGoModNamesTheCommandsOfItsRecipe(t *testing.T) {
	for _, recipe := range toolchain.Pinned().Recipes {
		if recipe.Dir != "" {
			continue
		}
		t.Run(recipe.Name, func(t *testing.T) {
			file := goMod(t, recipe.Name)
			known := map[string]bool{file.Module.Mod.Path: true}
			for _, tool := range file.Tool {
				known[tool.Path] = true
			}
			for _, command := range recipe.Commands {
				require.True(t, known[command.Package], "%s is a tool of its go.mod", command.Package)
			}
		})
	}
}

func TestKubernetesBinariesKnowTheirVersion(t *testing.T) {
	version := versions(t, "kubernetes")["k8s.io/kubernetes"]
	for _, recipe := range toolchain.Pinned().Recipes {
		if recipe.Name == "kubernetes" {
			require.Contains(t, recipe.Variables, "k8s.io/component-base/version.gitVersion="+version)
		}
	}
}

func TestFuncKnowsItsVersion(t *testing.T) {
	version := versions(t, "func")["knative.dev/func"]
	for _, recipe := range toolchain.Pinned().Recipes {
		if recipe.Name == "func" {
			require.Contains(t, recipe.Variables, "knative.dev/func/pkg/version.Vers="+version)
		}
	}
}

// What Kubernetes' own libraries are made from must be the same everywhere, or
// they are compiled once more, for minutes.
func TestRecipesShareTheVersionsOfKubernetesLibraries(t *testing.T) {
	cases := []struct {
		with    string
		recipes []string
	}{
		{"kubernetes", []string{"coredns", "kwok"}},
		{"func", []string{"serving", "eventing", "traefik"}},
	}
	shared := []string{
		"k8s.io/", "sigs.k8s.io/", "knative.dev/pkg", "knative.dev/networking", "golang.org/x/net", "golang.org/x/sys",
		"golang.org/x/text", "golang.org/x/term", "golang.org/x/time", "golang.org/x/oauth2", "google.golang.org/protobuf",
		"google.golang.org/grpc", "google.golang.org/genproto", "github.com/go-logr/logr", "github.com/fxamacker/cbor",
		"github.com/google/gnostic-models", "github.com/json-iterator/go", "github.com/go-openapi/", "github.com/spf13/pflag",
		"go.yaml.in/", "go.opentelemetry.io/otel",
	}
	for _, c := range cases {
		reference := versions(t, c.with)
		for _, recipe := range c.recipes {
			t.Run(recipe+" with "+c.with, func(t *testing.T) {
				for module, version := range versions(t, recipe) {
					for _, prefix := range shared {
						if want, both := reference[module]; both && strings.HasPrefix(module, prefix) {
							require.Equal(t, want, version, module)
						}
					}
				}
			})
		}
	}
}

func TestKnativeImagesAreFoundByTheirImportPath(t *testing.T) {
	name, found := toolchain.Pinned().ByPackage("knative.dev/eventing/cmd/broker/ingress")
	require.True(t, found)
	require.Equal(t, "eventing/ingress", name)
	_, found = toolchain.Pinned().ByPackage("knative.dev/eventing/cmd/heartbeats")
	require.False(t, found)
}
