package toolchain_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/test/e2e/toolchain"
)

// xmodSum is go.sum's hash of the module that a test's recipe changes.
const xmodSum = "h1:UF5zwQdCRRUpHfyPwr7d4UrGiVeldIsogtzWVnczL74="

// recipes returns a catalogue of small recipes, in a folder of the test's own.
func recipes(t *testing.T, list ...toolchain.Recipe) toolchain.Catalogue {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "recipes"))))
	return toolchain.Catalogue{Dir: dir, Recipes: list}
}

// hello is a recipe of two commands.
func hello() toolchain.Recipe {
	return toolchain.Recipe{
		Name:      "hello",
		Commands:  []toolchain.Command{{Name: "greet/hello", Package: "example.com/hello"}, {Name: "bye", Package: "example.com/hello/bye"}},
		Variables: []string{"main.greeting=linked"},
	}
}

// changed is a recipe that changes a module.
func changed() toolchain.Recipe {
	return toolchain.Recipe{
		Name:     "changed",
		Commands: []toolchain.Command{{Name: "changed", Package: "example.com/changed"}},
		Copies:   []toolchain.Copy{{Module: "golang.org/x/mod", Version: "v0.39.0", Sum: xmodSum, Into: "xmod"}},
	}
}

// single is a recipe of one command at the root of its module.
func single(name string) toolchain.Recipe {
	return toolchain.Recipe{Name: name, Commands: []toolchain.Command{{Name: name, Package: "example.com/" + name}}}
}

// built returns the path of one command.
func built(t *testing.T, options toolchain.Options, name string) string {
	t.Helper()
	paths, err := toolchain.Ensure(t.Context(), options, name)
	require.NoError(t, err)
	require.True(t, filepath.IsAbs(paths[name]), paths[name])
	return paths[name]
}

// says runs a binary and returns what it prints.
func says(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), file).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func TestABinaryIsBuiltOnceAndThenTaken(t *testing.T) {
	var log bytes.Buffer
	options := toolchain.Options{Cache: t.TempDir(), Catalogue: recipes(t, hello()), Log: &log}
	file := built(t, options, "greet/hello")
	require.Equal(t, "linked", says(t, file), "the recipe's variables are set")
	require.Contains(t, log.String(), "hello: 1 built in", "only what is asked for is built")

	log.Reset()
	require.Equal(t, file, built(t, options, "greet/hello"))
	require.Empty(t, log.String(), "nothing is left to do")

	paths, err := toolchain.Ensure(t.Context(), options)
	require.NoError(t, err)
	require.Len(t, paths, 2, "no names mean all")
	require.Equal(t, "bye", says(t, paths["bye"]))
	require.Equal(t, filepath.Dir(file), filepath.Dir(paths["bye"]))
}

func TestAChangedRecipeIsBuiltAnewBesideTheOldOne(t *testing.T) {
	options := toolchain.Options{Cache: t.TempDir(), Catalogue: recipes(t, hello())}
	before := built(t, options, "bye")

	options.Catalogue.Recipes[0].Variables = []string{"main.greeting=other"}
	variable := built(t, options, "bye")
	require.NotEqual(t, before, variable, "another variable")

	source := filepath.Join(options.Catalogue.Dir, "hello", "bye", "main.go")
	content, err := os.ReadFile(source)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(source, bytes.ReplaceAll(content, []byte(`"bye"`), []byte(`"see you"`)), 0o644))
	edited := built(t, options, "bye")
	require.NotEqual(t, variable, edited, "another source")
	require.Equal(t, "see you", says(t, edited))
	require.Equal(t, "bye", says(t, before), "the old one stays")
}

func TestARecipeEditedWhileItIsBuiltIsNotTaken(t *testing.T) {
	options := toolchain.Options{Cache: t.TempDir(), Catalogue: recipes(t, hello())}
	note := filepath.Join(options.Catalogue.Dir, "hello", "note.txt")
	// The build's first line is written when its key is already known.
	options.Log = writerFunc(func() { require.NoError(t, os.WriteFile(note, []byte("edited"), 0o644)) })
	_, err := toolchain.Ensure(t.Context(), options, "bye")
	require.ErrorIs(t, err, toolchain.ErrChanged)
	left, err := filepath.Glob(filepath.Join(options.Cache, "bin", "*", "*"))
	require.NoError(t, err)
	require.Empty(t, left)
	require.Equal(t, "bye", says(t, built(t, options, "bye")), "the next time it is built as it is now")
}

// writerFunc is called for each line of progress.
type writerFunc func()

// Write calls f.
func (f writerFunc) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

func TestOnlyTheNamedInputsOfARecipeCount(t *testing.T) {
	recipe := hello()
	recipe.Inputs = []string{"go.mod", "bye"}
	options := toolchain.Options{Cache: t.TempDir(), Catalogue: recipes(t, recipe)}
	before := built(t, options, "bye")
	note := filepath.Join(options.Catalogue.Dir, "hello", "note.txt")
	require.NoError(t, os.WriteFile(note, []byte("beside"), 0o644))
	require.Equal(t, before, built(t, options, "bye"))
}

func TestARecipeMayReplaceFilesOfAModule(t *testing.T) {
	cache := t.TempDir()
	options := toolchain.Options{Cache: cache, Catalogue: recipes(t, changed())}
	require.Equal(t, "changed", says(t, built(t, options, "changed")))
	left, err := filepath.Glob(filepath.Join(cache, "src", "*"))
	require.NoError(t, err)
	require.Empty(t, left, "the changed source is not kept")
}

func TestRecipesAreBuiltInTheirOrder(t *testing.T) {
	var log bytes.Buffer
	cache := t.TempDir()
	options := toolchain.Options{Cache: cache, Catalogue: recipes(t, hello(), changed()), Log: &log}
	paths, err := toolchain.Ensure(t.Context(), options, "changed", "bye")
	require.NoError(t, err)
	require.Equal(t, "bye", says(t, paths["bye"]))
	require.Equal(t, "changed", says(t, paths["changed"]))
	require.Regexp(t, `(?s)hello \(1 of 2\).*changed \(2 of 2\).*all built in`, log.String())
	left, err := filepath.Glob(filepath.Join(cache, "src", "*"))
	require.NoError(t, err)
	require.Empty(t, left, "nothing that was fetched ahead is left behind")
}

func TestAReplacementThatReplacesNothingIsRefused(t *testing.T) {
	options := toolchain.Options{Cache: t.TempDir(), Catalogue: recipes(t, changed())}
	overlay := filepath.Join(options.Catalogue.Dir, "changed", "overlay", "xmod", "semver")
	require.NoError(t, os.Rename(filepath.Join(overlay, "semver.go"), filepath.Join(overlay, "elsewhere.go")))
	_, err := toolchain.Ensure(t.Context(), options, "changed")
	require.ErrorContains(t, err, "replace semver/elsewhere.go")
	require.ErrorContains(t, err, "the module has changed")
}

func TestAModuleWithAnotherSumIsRefused(t *testing.T) {
	recipe := changed()
	recipe.Copies[0].Sum = "h1:other"
	_, err := toolchain.Ensure(t.Context(), toolchain.Options{Cache: t.TempDir(), Catalogue: recipes(t, recipe)}, "changed")
	require.ErrorContains(t, err, "verify sum: have "+xmodSum+", want h1:other")
}

func TestAFailedBuildSaysWhatAndWhatToDo(t *testing.T) {
	cases := []struct{ recipe, what, advice string }{
		{"broken", "undefined: undefined", "what go said follows"},
		{"lost", "golang.org/x/mod", "go.sum is not whole"},
		{"missing", "missing", ""},
	}
	for _, c := range cases {
		t.Run(c.recipe, func(t *testing.T) {
			options := toolchain.Options{Cache: t.TempDir(), Catalogue: recipes(t, single(c.recipe))}
			_, err := toolchain.Ensure(t.Context(), options, c.recipe)
			require.ErrorContains(t, err, c.recipe)
			require.ErrorContains(t, err, c.what)
			require.ErrorContains(t, err, c.advice)
			left, globErr := filepath.Glob(filepath.Join(options.Cache, "bin", "*", ".building-*"))
			require.NoError(t, globErr)
			require.Empty(t, left, "nothing half-built is left behind")
		})
	}
}

func TestAnUnknownNameIsRefusedWithTheKnownOnes(t *testing.T) {
	options := toolchain.Options{Cache: t.TempDir(), Catalogue: recipes(t, hello())}
	_, err := toolchain.Ensure(t.Context(), options, "hallo")
	require.ErrorIs(t, err, toolchain.ErrUnknown)
	require.ErrorContains(t, err, "greet/hello, bye")
}

func TestReadyMadeBinariesAreTakenFromAFolder(t *testing.T) {
	assets := t.TempDir()
	t.Setenv(toolchain.AssetsVariable, assets)
	ready := filepath.Join(assets, "bye")
	require.NoError(t, os.WriteFile(ready, []byte("#!/bin/sh\necho ready\n"), 0o755))
	options := toolchain.Options{Cache: t.TempDir(), Catalogue: recipes(t, hello())}
	paths, err := toolchain.Ensure(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, ready, paths["bye"])
	require.Equal(t, "linked", says(t, paths["greet/hello"]), "what the folder lacks is built")
}

func TestTwoBuildsAtOnceMakeOneBinary(t *testing.T) {
	options := toolchain.Options{Cache: t.TempDir(), Catalogue: recipes(t, hello())}
	var group sync.WaitGroup
	logs := make([]bytes.Buffer, 3)
	failures := make([]error, len(logs))
	for i := range logs {
		group.Go(func() {
			mine := options
			mine.Log = &logs[i]
			_, failures[i] = toolchain.Ensure(t.Context(), mine)
		})
	}
	group.Wait()
	builds := 0
	for i := range logs {
		require.NoError(t, failures[i])
		builds += strings.Count(logs[i].String(), "2 built in")
	}
	require.Equal(t, 1, builds)
}

func TestABuildEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := toolchain.Ensure(ctx, toolchain.Options{Cache: t.TempDir(), Catalogue: recipes(t, hello())})
	require.ErrorIs(t, err, context.Canceled)
}

func TestTheCacheFolderCanBeChosen(t *testing.T) {
	t.Setenv(toolchain.CacheVariable, "/somewhere/else")
	dir, err := toolchain.DefaultCache()
	require.NoError(t, err)
	require.Equal(t, "/somewhere/else", dir)

	t.Setenv(toolchain.CacheVariable, "")
	t.Setenv("XDG_CACHE_HOME", "/home/user/cache")
	dir, err = toolchain.DefaultCache()
	require.NoError(t, err)
	require.Equal(t, "/home/user/cache/kubernaut-e2e", dir)
}
