package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// job is one recipe, its wanted commands and where they go.
type job struct {
	recipe Recipe
	source string // the recipe's folder
	target string // the folder of its binaries
	stage  string // where it is built, if it has copies
	lock   string // the file that keeps other processes off
	log    io.Writer
	// changed says whether the recipe is no longer what target's name says.
	changed func() (bool, error)
}

// paths returns where each wanted command's binary is, once built.
func (j job) paths() Paths {
	paths := Paths{}
	for _, command := range j.recipe.Commands {
		paths[command.Name] = filepath.Join(j.target, command.binary())
	}
	return paths
}

// missing returns the wanted commands that are not built yet.
func (j job) missing() []Command {
	return slices.DeleteFunc(slices.Clone(j.recipe.Commands), func(c Command) bool {
		return isExecutable(filepath.Join(j.target, c.binary()))
	})
}

// run builds what is missing. It looks again once it has the lock: another
// process may have built it meanwhile.
func (j job) run(ctx context.Context) error {
	unlock, err := lock(ctx, j.lock, j.log)
	if err != nil {
		return err
	}
	defer unlock()
	commands := j.missing()
	if len(commands) == 0 {
		fmt.Fprintf(j.log, "toolchain: %s: built meanwhile by another process\n", j.recipe.Name)
		return nil
	}
	start := time.Now()
	dir, err := j.prepare(ctx)
	if err != nil {
		return fmt.Errorf("prepare recipe %s: %w", j.recipe.Name, err)
	}
	if err := j.compile(ctx, dir, commands); err != nil {
		return fmt.Errorf("build recipe %s: %w", j.recipe.Name, err)
	}
	if len(j.recipe.Copies) > 0 {
		os.RemoveAll(j.stage)
	}
	fmt.Fprintf(j.log, "toolchain: %s: %d built in %s\n", j.recipe.Name, len(commands), since(start))
	return nil
}

// compile builds the commands in dir into a folder of their own and moves each
// to its place when all are whole, so that what is in place is always whole.
func (j job) compile(ctx context.Context, dir string, commands []Command) error {
	if err := os.MkdirAll(j.target, 0o755); err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	temporary, err := os.MkdirTemp(j.target, ".building-")
	if err != nil {
		return fmt.Errorf("make temporary folder: %w", err)
	}
	defer os.RemoveAll(temporary)
	args := []string{"build", "-v", "-ldflags", linkerFlags(j.recipe), "-o", temporary + string(filepath.Separator)}
	for _, command := range commands {
		args = append(args, command.Package)
	}
	if err := runGo(ctx, goCommand{dir: dir, args: args, label: j.recipe.Name, log: j.log}); err != nil {
		return err
	}
	if changed, err := j.changed(); err != nil || changed {
		return errors.Join(ErrChanged, err)
	}
	for _, command := range commands {
		built := filepath.Join(temporary, executableName(command.Package))
		if err := os.Rename(built, filepath.Join(j.target, command.binary())); err != nil {
			return fmt.Errorf("move binary in place: %w", err)
		}
	}
	return nil
}

// linkerFlags leaves symbol tables out, which halves the binaries, and sets the
// recipe's variables.
func linkerFlags(r Recipe) string {
	flags := []string{"-s", "-w"}
	for _, variable := range r.Variables {
		flags = append(flags, "-X", variable)
	}
	return strings.Join(flags, " ")
}

// executableName returns how go build names the binary of a main package: by its
// import path's last element that is not a major version.
func executableName(importPath string) string {
	prefix, _, _ := module.SplitPathVersion(importPath)
	return path.Base(prefix)
}
