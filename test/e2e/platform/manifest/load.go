package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// decodeBuffer is how much of a document the decoder looks at to tell JSON
// from YAML.
const decodeBuffer = 4096

// Everything keeps every file.
func Everything(string) bool { return true }

// Load reads the objects of every .yaml file at or below path for which keep,
// given the file's path relative to it, holds. Files come in lexical order, as
// projects that number theirs expect.
func Load(path string, keep func(relative string) bool) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(file) != ".yaml" {
			return err
		}
		relative, err := filepath.Rel(path, file)
		if err != nil || (relative != "." && !keep(relative)) {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		found, err := Parse(content)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, found...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load manifests: %w", err)
	}
	return objects, nil
}

// Parse reads the objects of a YAML stream. Documents of comments alone are none;
// a List is its items.
func Parse(content []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), decodeBuffer)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("parse manifest: %w", err)
		}
		if len(object.Object) == 0 {
			continue
		}
		if object.GetKind() == "" || object.GetAPIVersion() == "" {
			return nil, fmt.Errorf("parse manifest: an object without kind or apiVersion: %.80v", object.Object)
		}
		if !object.IsList() {
			objects = append(objects, object)
			continue
		}
		list, err := object.ToList()
		if err != nil {
			return nil, fmt.Errorf("parse list: %w", err)
		}
		for i := range list.Items {
			objects = append(objects, &list.Items[i])
		}
	}
}

// koScheme begins the image references that ko would build from a Go import path.
const koScheme = "ko://"

// Images replaces every ko:// reference in objects, in images and in environment
// variables alike, by what image gives for its import path. Its error names
// the import paths that have none.
func Images(objects []*unstructured.Unstructured, image func(importPath string) (string, bool)) error {
	unknown := map[string]bool{}
	for _, object := range objects {
		object.Object = mapStrings(object.Object, func(text string) string {
			path, found := strings.CutPrefix(text, koScheme)
			if !found {
				return text
			}
			reference, known := image(path)
			if !known {
				unknown[path] = true
			}
			return reference
		}).(map[string]any)
	}
	if len(unknown) > 0 {
		return fmt.Errorf("rewrite images: nothing is built for %s", strings.Join(sortedKeys(unknown), ", "))
	}
	return nil
}

// mapStrings returns value with every string in it, at any depth, replaced.
func mapStrings(value any, replace func(string) string) any {
	switch typed := value.(type) {
	case string:
		return replace(typed)
	case map[string]any:
		for key, item := range typed {
			typed[key] = mapStrings(item, replace)
		}
	case []any:
		for i, item := range typed {
			typed[i] = mapStrings(item, replace)
		}
	}
	return value
}
