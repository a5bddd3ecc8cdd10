package toolchain

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
)

// keyLength is how many hexadecimal digits of a recipe's hash name its folder:
// enough never to meet twice in one cache, short enough to read.
const keyLength = 16

// Catalogue is a folder of recipes and what is built from each.
type Catalogue struct {
	// Dir holds one folder for each recipe, each a Go module of its own.
	Dir string
	// Recipes are built in this order.
	Recipes []Recipe
}

// Recipe is a Go module whose go.mod pins everything that its commands are
// made from.
type Recipe struct {
	// Name is the recipe's name, and its folder unless Dir says another.
	Name string
	// Dir is the folder of the module that is built, relative to the catalogue's.
	Dir string
	// Inputs are the files and folders, relative to Dir, that the binaries depend
	// on; none means all of Dir.
	Inputs []string
	// Commands are built together, so that they share their packages.
	Commands []Command
	// Variables are set by the linker, as "import/path.Name=value".
	Variables []string
	// Copies are modules that must be changed before they can be built.
	Copies []Copy
}

// Command is one binary.
type Command struct {
	// Name is what Ensure is asked for, such as "etcd" or "serving/controller".
	Name string
	// Package is the import path of its main package.
	Package string
}

// Copy is a module of which the recipe replaces some files: the module's source
// goes to Into, then the files of overlay/<Into> in the recipe's folder take the
// place of those of the same path. A file that replaces nothing is an error,
// because then the module has changed and the recipe must be looked at anew.
// The recipe's go.mod says "replace <module> => ./<Into>".
type Copy struct {
	Module  string
	Version string
	// Sum is the module's hash as go.sum writes it ("h1:..."). go.sum itself does
	// not hold it, because a replaced module is not verified by go.
	Sum  string
	Into string
}

// find returns the recipe and the command of that name.
func (c Catalogue) find(name string) (Recipe, Command, bool) {
	for _, recipe := range c.Recipes {
		for _, command := range recipe.Commands {
			if command.Name == name {
				return recipe, command, true
			}
		}
	}
	return Recipe{}, Command{}, false
}

// Names returns the names of all commands, in the order they are built.
func (c Catalogue) Names() []string {
	var names []string
	for _, recipe := range c.Recipes {
		for _, command := range recipe.Commands {
			names = append(names, command.Name)
		}
	}
	return names
}

// ByPackage returns the name of the command whose main package has that import
// path, which is how Knative's manifests name images ("ko://<import path>").
func (c Catalogue) ByPackage(importPath string) (string, bool) {
	for _, recipe := range c.Recipes {
		for _, command := range recipe.Commands {
			if command.Package == importPath {
				return command.Name, true
			}
		}
	}
	return "", false
}

// dir returns the folder of the recipe's module.
func (c Catalogue) dir(r Recipe) string {
	if r.Dir != "" {
		return filepath.Join(c.Dir, r.Dir)
	}
	return filepath.Join(c.Dir, r.Name)
}

// binary returns the file name of a command: the last element of its name.
func (c Command) binary() string { return path.Base(c.Name) }

// key returns the hash of all that a recipe's binaries depend on: its files,
// how they are built, the Go release and the platform. Whatever changes, the
// binaries are built anew beside the old ones.
func (r Recipe) key(dir, goVersion string) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, goVersion, runtime.GOOS, runtime.GOARCH, linkerFlags(r))
	for _, command := range r.Commands {
		fmt.Fprintln(hash, command.Name, command.Package)
	}
	for _, c := range r.Copies {
		fmt.Fprintln(hash, c.Module, c.Version, c.Sum, c.Into)
	}
	inputs := r.Inputs
	if len(inputs) == 0 {
		inputs = []string{"."}
	}
	for _, input := range inputs {
		if err := hashFiles(hash, dir, input); err != nil {
			return "", fmt.Errorf("hash recipe %s: %w", r.Name, err)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:keyLength], nil
}

// hashFiles writes the path, the size and the content of each file that input,
// relative to dir, is or holds.
func hashFiles(w io.Writer, dir, input string) error {
	var files []string
	err := filepath.WalkDir(filepath.Join(dir, input), func(file string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\n%s %d\n", filepath.ToSlash(relative), len(content))
		if _, err := w.Write(content); err != nil {
			return err
		}
	}
	return nil
}
