package toolchain

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// overlayFolder holds, in a recipe, the files that replace those of its copies.
const overlayFolder = "overlay"

// prepare returns the folder to build in: the recipe's own, or, where it has
// copies, a stage with the recipe's files and its changed modules.
func (j job) prepare(ctx context.Context) (string, error) {
	if len(j.recipe.Copies) == 0 {
		return j.source, nil
	}
	if err := os.RemoveAll(j.stage); err != nil {
		return "", fmt.Errorf("empty stage: %w", err)
	}
	if err := copyTree(j.stage, j.source); err != nil {
		return "", err
	}
	for _, c := range j.recipe.Copies {
		if err := j.copyModule(ctx, c); err != nil {
			return "", fmt.Errorf("copy module %s: %w", c.Module, err)
		}
	}
	return j.stage, nil
}

// copyModule puts the module's source and then the recipe's files into the stage.
func (j job) copyModule(ctx context.Context, c Copy) error {
	source, err := download(ctx, os.TempDir(), c.Module+"@"+c.Version)
	if err != nil {
		return err
	}
	if source.Sum != c.Sum {
		return fmt.Errorf("verify sum: have %s, want %s: the module is not what it was when it was pinned", source.Sum, c.Sum)
	}
	into := filepath.Join(j.stage, c.Into)
	if err := copyTree(into, source.Dir); err != nil {
		return err
	}
	return replaceFiles(into, filepath.Join(j.source, overlayFolder, c.Into))
}

// copyTree copies a folder of a module. os.CopyFS lets the owner write what was
// read-only in the module cache.
func copyTree(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return fmt.Errorf("copy folder: %w", err)
	}
	return nil
}

// replaceFiles overwrites files below dir by those of the same path below
// overlay, and returns an error for one that would replace nothing.
func replaceFiles(dir, overlay string) error {
	return filepath.WalkDir(overlay, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(overlay, file)
		if err != nil {
			return err
		}
		replaced := filepath.Join(dir, relative)
		info, err := os.Stat(replaced)
		if err != nil {
			return fmt.Errorf("replace %s: %w: the module has changed, look at the recipe anew", relative, err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(replaced, content, info.Mode().Perm()|0o200)
	})
}
