package simulation

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const (
	loaderManager    = "simulation-loader"
	defaultNamespace = "default"
	// maxManifestBytes bounds one manifest file or stream.
	maxManifestBytes = 16 << 20
)

var (
	systemNamespaces   = []string{defaultNamespace, "kube-node-lease", "kube-public", "kube-system"}
	manifestExtensions = []string{".yaml", ".yml", ".json"}
)

// errTooLarge is returned for a manifest stream over maxManifestBytes.
var errTooLarge = fmt.Errorf("manifests over %d bytes", maxManifestBytes)

// bootstrap creates what every cluster has, then the options' objects.
func (c *Cluster) bootstrap() error {
	var objects []runtime.Object
	for _, name := range systemNamespaces {
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	if !slices.ContainsFunc(c.options.Objects, func(o runtime.Object) bool { _, isNode := o.(*corev1.Node); return isNode }) {
		for n := 1; n <= c.options.Nodes; n++ {
			objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", n)}})
		}
	}
	for _, object := range c.options.Objects {
		objects = append(objects, object.DeepCopyObject())
	}
	return c.createAll(objects)
}

// Load creates the objects of a YAML (several documents, Lists too) or JSON stream. Unknown fields and kinds, and whatever the
// server's validation refuses, are errors that name the document and the object; objects before it stay. An object without
// namespace goes to default; one that exists already is replaced.
func (c *Cluster) Load(r io.Reader) error {
	objects, err := decodeManifests(r)
	if err != nil {
		return fmt.Errorf("load manifests: %w", err)
	}
	return c.createAll(objects)
}

// LoadPath loads a file, or every .yaml, .yml and .json file below a directory, together: an object may be in another file than its namespace.
func (c *Cluster) LoadPath(path string) error {
	var objects []runtime.Object
	found := 0
	err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || file != path && !slices.Contains(manifestExtensions, strings.ToLower(filepath.Ext(file))) {
			return nil
		}
		found++
		more, err := decodeFile(file)
		objects = append(objects, more...)
		return err
	})
	if err != nil {
		return fmt.Errorf("load manifests: %w", err)
	}
	if found == 0 {
		return fmt.Errorf("load manifests: no %s files in %s", strings.Join(manifestExtensions, ", "), path)
	}
	return c.createAll(objects)
}

func decodeFile(path string) ([]runtime.Object, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // opened for reading only
	objects, err := decodeManifests(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return objects, nil
}

func decodeManifests(r io.Reader) ([]runtime.Object, error) {
	limited := &io.LimitedReader{R: r, N: maxManifestBytes + 1}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(limited))
	var objects []runtime.Object
	for n := 1; ; n++ {
		raw, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if limited.N == 0 {
			return nil, errTooLarge
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		more, err := decodeDocument(raw)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		objects = append(objects, more...)
	}
}

func decodeDocument(raw []byte) ([]runtime.Object, error) {
	document, err := yaml.YAMLToJSONStrict(raw)
	if err != nil {
		return nil, err
	}
	if string(document) == "null" {
		return nil, nil // comments only
	}
	object, gvk, err := strict.Decode(document, nil, nil)
	if runtime.IsNotRegisteredError(err) {
		return nil, fmt.Errorf("the simulated cluster does not serve this kind: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if list, ok := object.(*corev1.List); ok {
		var objects []runtime.Object
		for n, entry := range list.Items {
			more, err := decodeDocument(entry.Raw)
			if err != nil {
				return nil, fmt.Errorf("item %d: %w", n+1, err)
			}
			objects = append(objects, more...)
		}
		return objects, nil
	}
	if served.byKind[*gvk] == nil {
		return nil, fmt.Errorf("the simulated cluster does not serve %s", gvk)
	}
	return []runtime.Object{object}, nil
}

// loadRank orders kinds so that what others need exists first; the rest keep their order.
func loadRank(object runtime.Object) int {
	switch object.(type) {
	case *corev1.Namespace:
		return 0
	case *corev1.Node:
		return 1
	default:
		return 2
	}
}

func (c *Cluster) createAll(objects []runtime.Object) error {
	sort.SliceStable(objects, func(a, b int) bool { return loadRank(objects[a]) < loadRank(objects[b]) })
	for _, object := range objects {
		if err := c.load(object); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) load(object runtime.Object) error {
	gvk, err := kindOf(object)
	if err != nil {
		return fmt.Errorf("load object: %w", err)
	}
	r := served.byKind[gvk]
	if r == nil {
		return fmt.Errorf("load object: the simulated cluster does not serve %s", gvk)
	}
	accessor := object.(metav1.Object)
	if r.namespaced && accessor.GetNamespace() == "" {
		accessor.SetNamespace(defaultNamespace)
	}
	accessor.SetResourceVersion("")
	accessor.SetUID("")
	o := writeOptions{now: c.options.Now(), manager: loaderManager, operation: metav1.ManagedFieldsOperationUpdate}
	fresh := object.DeepCopyObject()
	_, err = c.registry.create(o, r, object)
	if apierrors.IsAlreadyExists(err) {
		key := namespacedName(accessor)
		_, _, err = c.registry.update(o, r, key, func(runtime.Object) (runtime.Object, error) { return fresh, nil })
	}
	if err != nil {
		return fmt.Errorf("load %s %s: %w", r.kind, namespacedName(accessor), err)
	}
	return nil
}

func kindOf(object runtime.Object) (schema.GroupVersionKind, error) {
	kinds, _, err := scheme.Scheme.ObjectKinds(object)
	if err != nil {
		return schema.GroupVersionKind{}, err
	}
	return kinds[0], nil
}
