package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kubernaut.ai/local/kubectl"
)

// options say what to deploy, and with what.
type options struct {
	root, overlay       string
	functions           []string
	registry, namespace string
	// platform is the only one to build for; empty is all that func knows.
	platform string
	// command is func with the words before its subcommand.
	command []string
	kubectl kubectl.Command
	// kubeconfig is a file that names the cluster; empty is the user's own.
	kubeconfig string
	// extra is passed on to func deploy.
	extra    []string
	parallel int
	// finish sets on the Services what func cannot say, and waits until events
	// reach them.
	finish   bool
	undeploy bool
}

// complete checks the options and fills in what depends on the project.
func (o *options) complete() error {
	root, err := filepath.Abs(o.root)
	if err != nil {
		return fmt.Errorf("find project: %w", err)
	}
	o.root = root
	there, err := o.stages()
	if err != nil {
		return err
	}
	if len(o.functions) == 0 {
		o.functions = there
	}
	for _, name := range o.functions {
		if !slices.Contains(there, name) {
			return fmt.Errorf("there is no function %q; there are %s", name, strings.Join(there, ", "))
		}
	}
	switch {
	case len(o.command) == 0:
		return errors.New("func names no command")
	case o.namespace == "":
		return errors.New("namespace is empty")
	case o.parallel < 1:
		return errors.New("parallel must be at least 1")
	case o.undeploy:
		return nil
	case o.registry == "":
		return errors.New("registry is missing: where shall images go? Name one that the cluster can pull from, as in make deploy REGISTRY=registry.example/kubernaut, or set FUNC_REGISTRY")
	}
	if o.platform != "" && !slices.Contains(platforms, o.platform) {
		return fmt.Errorf("func builds for no platform %q, only for %s", o.platform, strings.Join(platforms, ", "))
	}
	return o.findOverlay()
}

func (o *options) findOverlay() error {
	if _, err := os.Stat(o.overlayFolder()); err == nil && o.overlay != "" {
		return nil
	}
	found, err := filepath.Glob(filepath.Join(o.root, "deploy", "overlays", "*", "kustomization.yaml"))
	if err != nil {
		return fmt.Errorf("find overlays: %w", err)
	}
	names := make([]string, len(found))
	for i, path := range found {
		names[i] = filepath.Base(filepath.Dir(path))
	}
	return fmt.Errorf("there is no overlay %q in deploy/overlays; there are %s", o.overlay, strings.Join(names, ", "))
}

func (o *options) overlayFolder() string {
	return filepath.Join(o.root, "deploy", "overlays", o.overlay)
}

// stages lists the functions of the project, sorted.
func (o *options) stages() ([]string, error) {
	found, err := filepath.Glob(filepath.Join(o.root, "functions", "*", funcFile))
	if err != nil {
		return nil, fmt.Errorf("list functions: %w", err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("list functions: none in %s; name the project's folder with --root", o.root)
	}
	names := make([]string, len(found))
	for i, path := range found {
		names[i] = filepath.Base(filepath.Dir(path))
	}
	slices.Sort(names)
	return names, nil
}

// platforms are those that func's host builder makes images for, as GOOS/GOARCH.
var platforms = []string{"linux/amd64", "linux/arm64", "linux/arm"}

// defaultParallel keeps a laptop's processors busy while Services get ready.
const defaultParallel = 3

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var command, tool, functions string
	fs := flag.NewFlagSet("deploy", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.root, "root", ".", "the project's folder")
	fs.StringVar(&o.overlay, "overlay", "dev", "a folder of deploy/overlays, whose functions.yaml counts")
	fs.StringVar(&command, "func", "func", "Knative's func, such as \"kn func\"")
	fs.StringVar(&tool, "kubectl", "kubectl", "whose cluster to work on, such as \"kubectl --context west-1\"")
	fs.StringVar(&functions, "function", "", "stages, separated by commas; unset is all")
	fs.StringVar(&o.registry, "registry", os.Getenv("FUNC_REGISTRY"), "where images go, such as registry.example/kubernaut (FUNC_REGISTRY)")
	fs.StringVar(&o.namespace, "namespace", "kubernaut-system", "the functions' namespace")
	fs.StringVar(&o.platform, "platform", "", "the only platform that the cluster's nodes have, such as linux/amd64: a third of the work; unset is all that func knows")
	fs.IntVar(&o.parallel, "parallel", defaultParallel, "how many functions to build and deploy at a time")
	fs.BoolVar(&o.finish, "finish", true, "set on the functions' Knative Services what func cannot say")
	fs.BoolVar(&o.undeploy, "undeploy", false, "delete the functions instead")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.command, o.extra = strings.Fields(command), fs.Args()
	var err error
	if o.kubectl, err = kubectl.Parse(tool); err != nil {
		return o, err
	}
	if functions != "" {
		o.functions = strings.Split(functions, ",")
	}
	return o, o.complete()
}
