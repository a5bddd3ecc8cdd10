package toolchain

import (
	"path/filepath"
	"runtime"
)

// kubernetesVersion is linked into every Kubernetes binary: without it kubectl
// errs and Knative refuses the server as too old.
const kubernetesVersion = "1.36.3"

// Pinned is the catalogue of what the tests run, in the order that lets each
// build find most of its packages compiled by those before it.
func Pinned() Catalogue {
	return Catalogue{Dir: recipesDir(), Recipes: []Recipe{
		{Name: "etcd", Commands: []Command{{Name: "etcd", Package: "go.etcd.io/etcd/server/v3"}}},
		{
			Name: "kubernetes",
			Commands: commands("", "k8s.io/kubernetes/cmd/", "kube-apiserver", "kube-controller-manager",
				"kube-proxy", "kube-scheduler", "kubectl", "kubelet"),
			Variables: []string{
				"k8s.io/component-base/version.gitVersion=v" + kubernetesVersion,
				"k8s.io/component-base/version.gitMajor=1",
				"k8s.io/component-base/version.gitMinor=36",
			},
		},
		{Name: "pause", Commands: []Command{{Name: "pause", Package: "kubernaut.ai/test/e2e/recipes/pause"}}},
		{
			Name:     "registry",
			Dir:      filepath.Join("..", ".."),
			Inputs:   []string{"image", "go.mod", "go.sum"},
			Commands: commands("", "kubernaut.ai/test/e2e/image/cmd/", "registry"),
		},
		{Name: "coredns", Commands: []Command{{Name: "coredns", Package: "kubernaut.ai/test/e2e/recipes/coredns"}}},
		{Name: "kwok", Commands: commands("", "sigs.k8s.io/kwok/cmd/", "kwok")},
		{
			Name:     "serving",
			Commands: commands("serving/", "knative.dev/serving/cmd/", "activator", "autoscaler", "controller", "queue", "webhook"),
		},
		{
			Name: "eventing",
			Commands: append(
				commands("eventing/", "knative.dev/eventing/cmd/", "apiserver_receive_adapter", "controller", "mtchannel_broker", "mtping", "webhook"),
				Command{Name: "eventing/filter", Package: "knative.dev/eventing/cmd/broker/filter"},
				Command{Name: "eventing/ingress", Package: "knative.dev/eventing/cmd/broker/ingress"},
				Command{Name: "eventing/channel_controller", Package: "knative.dev/eventing/cmd/in_memory/channel_controller"},
				Command{Name: "eventing/channel_dispatcher", Package: "knative.dev/eventing/cmd/in_memory/channel_dispatcher"},
			),
		},
		{
			Name:      "func",
			Commands:  commands("", "knative.dev/func/cmd/", "func"),
			Variables: []string{"knative.dev/func/pkg/version.Vers=v0.50.1"},
		},
		{
			Name:     "traefik",
			Commands: commands("", "github.com/traefik/traefik/v3/cmd/", "traefik"),
			Copies: []Copy{
				{
					Module: "github.com/traefik/traefik/v3", Version: "v3.6.12",
					Sum: "h1:6pe4s7aaDTQs+AsF7KP3sM/xnq7zOVvibRQe5tw9eFo=", Into: "traefik",
				},
				{
					Module: "github.com/go-acme/lego/v4", Version: "v4.33.0",
					Sum: "h1:2KrRKieG+VczT4zvVXKAY7Tp/S3XLvh/QImofBALRAM=", Into: "lego",
				},
			},
		},
	}}
}

// commands returns the commands name, named prefix+name, whose main packages are
// below root.
func commands(prefix, root string, names ...string) []Command {
	list := make([]Command, len(names))
	for i, name := range names {
		list[i] = Command{Name: prefix + name, Package: root + name}
	}
	return list
}

// recipesDir returns the recipes' folder beside this source file.
func recipesDir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "recipes")
}
