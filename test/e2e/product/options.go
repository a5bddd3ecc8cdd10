package product

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// Namespace is where everything of Kubernaut is.
const Namespace = "kubernaut-system"

// Overlay is the folder of manifests that Install applies by default, below the
// project's root.
const Overlay = "test/e2e/product/overlay"

// settingsOf is the overlay of deploy/overlays that Overlay builds on: make
// secrets and make deploy know it by that name.
const settingsOf = "external"

// Options say what to install, where, and with what. Kubeconfig, Registry,
// Func, Kubectl, Redis and Postgres are needed.
type Options struct {
	// Root is the project's folder; the one of this source file if empty.
	Root string
	// Kubeconfig is the file whose current context is the cluster.
	Kubeconfig string
	// Registry is where images go, such as 10.88.0.1:5000/functions.
	Registry string
	// InsecureRegistry says that the registry speaks plain http.
	InsecureRegistry bool
	// Platform is the only one that the cluster's nodes have, such as linux/amd64;
	// functions are built for all that func knows if empty.
	Platform string
	// Func and Kubectl are the programs.
	Func, Kubectl string
	// Redis and Postgres are the URLs of the stores as pods reach them.
	Redis, Postgres string
	// Functions are the functions to deploy; all if empty.
	Functions []string
	// Log takes progress, a line a step; nil is silence.
	Log io.Writer
}

func (o Options) validate() (Options, error) {
	if o.Root == "" {
		o.Root = Root()
	}
	needed := map[string]string{"Kubeconfig": o.Kubeconfig, "Registry": o.Registry, "Func": o.Func,
		"Kubectl": o.Kubectl, "Redis": o.Redis, "Postgres": o.Postgres}
	var missing []string
	for name, value := range needed {
		if value == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return o, fmt.Errorf("read options: %v must be set", missing)
	}
	if _, err := os.Stat(filepath.Join(o.Root, "functions")); err != nil {
		return o, errors.Join(fmt.Errorf("read options: %s is not the project's folder", o.Root), err)
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o, nil
}

// Root is the project's folder, as this source file says.
func Root() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..", "..")
}
