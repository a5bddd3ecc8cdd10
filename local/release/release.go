package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	modulepath "golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

const (
	module = "kubernaut.ai/shared"
	folder = "shared"
)

// release is one version of the shared module.
type release struct {
	root, out, version string
}

func (r release) tag() string             { return folder + "/" + r.version }
func (r release) proxyFolder() string     { return filepath.Join(r.out, "proxy") }
func (r release) functionsFolder() string { return filepath.Join(r.out, "functions") }

// checkVersion takes what the module's path can be required at.
func checkVersion(version string) error {
	switch {
	case !semver.IsValid(version) || semver.Canonical(version) != version:
		return fmt.Errorf("version %q is not like v1.2.3", version)
	case semver.Major(version) != "v0" && semver.Major(version) != "v1":
		return fmt.Errorf("version %q: from v2 on, a module's path ends in its major version, and %s does not", version, module)
	case version == "v0.0.0":
		return errors.New("version v0.0.0 stands for the module beside the functions; release v0.0.1 or later")
	}
	return nil
}

func (r release) release() error {
	changes, err := r.git("status", "--porcelain", "--", folder, "functions")
	if err != nil {
		return err
	}
	if changes != "" {
		return fmt.Errorf("there are changes that are not committed:\n%s", changes)
	}
	commit, err := r.mark()
	if err != nil {
		return err
	}
	sums, err := r.writeProxy(commit)
	if err != nil {
		return err
	}
	return r.writeFunctions(sums)
}

// mark tags the commit; a tag that is there already must be on it.
func (r release) mark() (commit string, err error) {
	if commit, err = r.git("rev-parse", "HEAD"); err != nil {
		return "", err
	}
	tagged, err := r.git("rev-parse", "--verify", "--quiet", "refs/tags/"+r.tag()+"^{commit}")
	switch {
	case err != nil:
		_, err = r.git("tag", r.tag(), commit)
		return commit, err
	case tagged != commit:
		return "", fmt.Errorf("tag %s is on commit %.12s already: a version never changes, release the next", r.tag(), tagged)
	}
	return commit, nil
}

func (r release) git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = r.root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// writeProxy writes the version as a module proxy serves it, and returns the
// lines that a go.sum needs.
func (r release) writeProxy(commit string) (sums []string, err error) {
	versions := filepath.Join(r.proxyFolder(), filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(versions, 0o755); err != nil {
		return nil, fmt.Errorf("make proxy: %w", err)
	}
	base := filepath.Join(versions, r.version)
	if err := r.writeZip(base+".zip", commit); err != nil {
		return nil, err
	}
	mod, err := r.git("show", commit+":"+folder+"/go.mod")
	if err != nil {
		return nil, err
	}
	mod += "\n"
	committed, err := r.git("show", "--no-patch", "--format=%cI", commit)
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339, committed)
	if err != nil {
		return nil, fmt.Errorf("read time of commit: %w", err)
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{r.version, at.UTC()})
	if err != nil {
		return nil, fmt.Errorf("describe version: %w", err)
	}
	for path, text := range map[string]string{base + ".mod": mod, base + ".info": string(info)} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return nil, fmt.Errorf("write proxy: %w", err)
		}
	}
	if err := r.enter(filepath.Join(versions, "list")); err != nil {
		return nil, err
	}
	return r.sums(base)
}

// writeZip packs the module as the go command does when it fetches a version
// from a repository, so that its checksum is the same.
func (r release) writeZip(path, commit string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write module: %w", err)
	}
	err = zip.CreateFromVCS(f, modulepath.Version{Path: module, Version: r.version}, r.root, commit, folder)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write module: %w", err)
	}
	return nil
}

// enter adds the version to the proxy's list.
func (r release) enter(list string) error {
	text, err := os.ReadFile(list)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read list of versions: %w", err)
	}
	versions := strings.Fields(string(text))
	for _, v := range versions {
		if v == r.version {
			return nil
		}
	}
	versions = append(versions, r.version)
	semver.Sort(versions)
	if err := os.WriteFile(list, []byte(strings.Join(versions, "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("write list of versions: %w", err)
	}
	return nil
}

// sums are the checksums of a version, in go.sum's notation.
func (r release) sums(base string) ([]string, error) {
	whole, err := dirhash.HashZip(base+".zip", dirhash.Hash1)
	if err != nil {
		return nil, fmt.Errorf("sum module: %w", err)
	}
	mod, err := os.ReadFile(base + ".mod")
	if err != nil {
		return nil, fmt.Errorf("sum module: %w", err)
	}
	of, err := dirhash.Hash1([]string{"go.mod"}, opener(mod))
	if err != nil {
		return nil, fmt.Errorf("sum module: %w", err)
	}
	return []string{module + " " + r.version + " " + whole, module + " " + r.version + "/go.mod " + of}, nil
}
