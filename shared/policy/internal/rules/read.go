// Package rules reads Rego modules and data documents and compiles them with
// the few powers that Kubernaut's policies have.
//
// It is apart from package policy so that the runner of Rego tests, which no
// binary should carry, compiles exactly what the engine compiles.
package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"
)

const (
	// maxFile bounds one policy file, in bytes; a ConfigMap holds 1 MiB.
	maxFile = 1 << 20
	// digestLength is the number of hex characters of a policy's digest.
	digestLength = 12
	testSuffix   = "_test.rego"
)

// ErrMalformed says that a file was read but is not what it should be.
var ErrMalformed = errors.New("malformed policy file")

// Source is a policy before it is compiled.
type Source struct {
	Modules map[string]*ast.Module
	Data    map[string]any
	// Digest identifies modules and data.
	Digest string
	// User tells that files of the user's directory are part of it.
	User bool
}

// file is one policy file as it was read.
type file struct {
	name string
	body []byte
	// tunes tells that it may only change data that the files before it have.
	tunes bool
}

// Read makes the policy of the default's files and the user's directory; an
// empty dir means the default alone.
func Read(embedded fs.FS, dir string) (*Source, error) {
	defaults, err := walk(embedded, isRuntimeFile)
	if err != nil {
		return nil, fmt.Errorf("read default policy: %w", err)
	}
	var users []file
	if dir != "" {
		if users, err = list(os.DirFS(dir)); err != nil {
			return nil, fmt.Errorf("read policy directory %s: %w", dir, err)
		}
	}
	own := slices.ContainsFunc(users, isModule)
	if own {
		defaults = slices.DeleteFunc(defaults, isModule)
	}
	for i := range users {
		// No rule of the default would read other data: it is a slip of the pen.
		users[i].tunes = !own
	}
	s, err := parse(append(defaults, users...))
	if err != nil {
		return nil, err
	}
	s.User = len(users) > 0
	return s, nil
}

// ReadTests makes a policy of everything under fsys, its tests included.
func ReadTests(fsys fs.FS) (*Source, error) {
	files, err := walk(fsys, IsPolicyFile)
	if err != nil {
		return nil, fmt.Errorf("read policy tests: %w", err)
	}
	return parse(files)
}

// IsPolicyFile tells whether a file of that name belongs to a policy. Hidden
// ones do not, nor what a ConfigMap mount keeps beside its files.
func IsPolicyFile(name string) bool {
	switch path.Ext(name) {
	case ".rego", ".json", ".yaml", ".yml":
		return !strings.HasPrefix(name, ".")
	}
	return false
}

func isRuntimeFile(name string) bool {
	return IsPolicyFile(name) && !strings.HasSuffix(name, testSuffix)
}

func isModule(f file) bool { return path.Ext(f.name) == ".rego" }

// walk reads the files of a tree.
func walk(fsys fs.FS, wanted func(string) bool) ([]file, error) {
	var files []file
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !wanted(entry.Name()) {
			return err
		}
		f, err := read(fsys, name)
		files = append(files, f)
		return err
	})
	return files, err
}

// list reads the files of one directory, through symbolic links.
func list(fsys fs.FS) ([]file, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var files []file
	for _, entry := range entries {
		if entry.IsDir() || !isRuntimeFile(entry.Name()) {
			continue
		}
		f, err := read(fsys, entry.Name())
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func read(fsys fs.FS, name string) (file, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return file{}, err
	}
	if info.Size() > maxFile {
		return file{}, fmt.Errorf("%w: %s: %d of %d bytes", ErrMalformed, name, info.Size(), maxFile)
	}
	body, err := fs.ReadFile(fsys, name)
	return file{name: name, body: body}, err
}

// parse makes a Source of files. Each data file changes what those before it
// said.
func parse(files []file) (*Source, error) {
	s := &Source{Modules: make(map[string]*ast.Module), Data: make(map[string]any)}
	digest := sha256.New()
	for _, f := range files {
		fmt.Fprintf(digest, "%s %d\n%s", f.name, len(f.body), f.body)
		if err := s.add(f); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
	s.Digest = hex.EncodeToString(digest.Sum(nil))[:digestLength]
	return s, nil
}

func (s *Source) add(f file) (err error) {
	if isModule(f) {
		s.Modules[f.name], err = ast.ParseModuleWithOpts(f.name, string(f.body), ast.ParserOptions{RegoVersion: ast.RegoV1})
		return err
	}
	var data map[string]any
	if err := yaml.UnmarshalStrict(f.body, &data); err != nil {
		return fmt.Errorf("data %s: %w", f.name, err)
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if _, known := s.Data[key]; f.tunes && !known {
			return fmt.Errorf("data %s sets %q, which the default policy does not have; it has %s",
				f.name, key, strings.Join(slices.Sorted(maps.Keys(s.Data)), ", "))
		}
	}
	if len(data) == 0 {
		return nil
	}
	if err := s.change(data); err != nil {
		return fmt.Errorf("data %s: %w", f.name, err)
	}
	return nil
}

// change patches the data as RFC 7396 (JSON Merge Patch) says: objects key by key,
// null takes a key away, and all else is replaced as a whole.
func (s *Source) change(patch map[string]any) error {
	was, errWas := json.Marshal(s.Data)
	what, errWhat := json.Marshal(patch)
	if err := errors.Join(errWas, errWhat); err != nil {
		return err
	}
	is, err := jsonpatch.MergePatch(was, what)
	if err != nil {
		return err
	}
	s.Data = nil
	return json.Unmarshal(is, &s.Data)
}
