package product

import (
	"fmt"
	"path/filepath"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"kubernaut.ai/test/e2e/platform/manifest"
)

// rendering is for one at a time: kustomize keeps its schemas in variables of
// the package.
var rendering sync.Mutex

// Render is what "kubectl apply -k" would apply of a folder below the project's
// root.
func Render(root, folder string) ([]*unstructured.Unstructured, error) {
	rendering.Lock()
	defer rendering.Unlock()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, folder))
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", folder, err)
	}
	text, err := built.AsYaml()
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", folder, err)
	}
	return manifest.Parse(text)
}
