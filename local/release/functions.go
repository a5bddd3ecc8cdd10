package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// opener serves one text as the file that a checksum is made of.
func opener(text []byte) func(string) (io.ReadCloser, error) {
	return func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
}

// writeFunctions copies every function that is committed and lets the copies
// require the version.
func (r release) writeFunctions(sums []string) error {
	if err := os.RemoveAll(r.functionsFolder()); err != nil {
		return fmt.Errorf("clear former functions: %w", err)
	}
	files, err := r.git("ls-files", "-z", "--", "functions")
	if err != nil {
		return err
	}
	for file := range strings.SplitSeq(strings.TrimSuffix(files, "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(r.root, file))
		if err != nil {
			return fmt.Errorf("copy function: %w", err)
		}
		to := filepath.Join(r.out, file)
		switch parts := strings.Split(file, "/"); {
		case len(parts) == 3 && parts[2] == "go.mod":
			text, err = r.require(to, text)
		case len(parts) == 3 && parts[2] == "go.sum":
			text = withSums(text, sums)
		}
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("copy function: %w", err)
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return fmt.Errorf("copy function: %w", err)
		}
	}
	return nil
}

// require makes a go.mod ask for the version instead of the folder beside it.
func (r release) require(path string, text []byte) ([]byte, error) {
	mod, err := modfile.Parse(path, text, nil)
	if err != nil {
		return nil, fmt.Errorf("read go.mod: %w", err)
	}
	if err := mod.DropReplace(module, ""); err != nil {
		return nil, fmt.Errorf("change %s: %w", path, err)
	}
	if err := mod.AddRequire(module, r.version); err != nil {
		return nil, fmt.Errorf("change %s: %w", path, err)
	}
	mod.Cleanup()
	if text, err = mod.Format(); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return text, nil
}

// withSums adds lines to a go.sum.
func withSums(text []byte, sums []string) []byte {
	lines := append(strings.Split(strings.TrimSpace(string(text)), "\n"), sums...)
	slices.Sort(lines)
	return []byte(strings.Join(slices.Compact(lines), "\n") + "\n")
}
