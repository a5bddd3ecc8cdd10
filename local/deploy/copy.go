package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"
)

const (
	funcFile = "func.yaml"
	// patchFile, in an overlay, changes functions' func.yaml.
	patchFile = "functions.yaml"
	// servicesFile, in deploy, changes functions' Knative Services.
	servicesFile = "services.yaml"
	// scratch is what func leaves in a folder; a copy starts without.
	scratch = ".func"
)

// patches are changes by stage: of func.yaml, or of the Knative Service.
type patches map[string]json.RawMessage

// readPatches reads an overlay's changes of func.yaml; one without any is fine.
func (o *options) readPatches() (patches, error) {
	return o.read(filepath.Join(o.overlayFolder(), patchFile))
}

// readServicePatches reads what all overlays change of Knative Services.
func (o *options) readServicePatches() (patches, error) {
	return o.read(filepath.Join(o.root, "deploy", servicesFile))
}

func (o *options) read(path string) (patches, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	var p patches
	if err := yaml.UnmarshalStrict(text, &p); err != nil {
		return nil, fmt.Errorf("read changes in %s: %w", path, err)
	}
	for stage := range p {
		if _, err := os.Stat(filepath.Join(o.root, "functions", stage, funcFile)); err != nil {
			return nil, fmt.Errorf("read changes in %s: %q is no function: %w", path, stage, err)
		}
	}
	return p, nil
}

// copyOf makes a clean copy of a function's folder, changed as the overlay
// says, and returns its path.
func (o *options) copyOf(stage, into string, p patches) (string, error) {
	from, to := filepath.Join(o.root, "functions", stage), filepath.Join(into, stage)
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && d.Name() == scratch:
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a folder", path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o644)
	})
	if err != nil {
		return "", fmt.Errorf("copy function %s: %w", stage, err)
	}
	if patch := p[stage]; patch != nil {
		if err := merge(filepath.Join(to, funcFile), patch); err != nil {
			return "", fmt.Errorf("change %s of %s: %w", funcFile, stage, err)
		}
	}
	return to, nil
}

// merge applies a JSON merge patch (RFC 7386) to a YAML file.
func merge(path string, patch json.RawMessage) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	document, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	if document, err = jsonpatch.MergePatch(document, patch); err != nil {
		return err
	}
	if text, err = yaml.JSONToYAML(document); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
