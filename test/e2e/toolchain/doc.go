// Package toolchain builds the programs that the end-to-end tests run: a whole
// Kubernetes node's worth of them, etcd, CoreDNS, Traefik, Knative and func.
//
// Nothing is downloaded but Go modules. Each program is a recipe: a folder below
// recipes with a go.mod and a go.sum that pin every module it is made from. A
// binary is built once and kept outside the tree, in a folder named by the hash
// of its recipe, so that a changed version is built anew and two checkouts share
// what they have in common:
//
//	paths, err := toolchain.Ensure(ctx, toolchain.Options{Log: os.Stderr}, "etcd", "kube-apiserver")
//	if err != nil {
//		return err
//	}
//	cmd := exec.CommandContext(ctx, paths["etcd"], "--data-dir", dir)
//
// KUBERNAUT_E2E_CACHE names another cache folder. KUBEBUILDER_ASSETS names a
// folder with ready-made binaries, which are taken instead of building them.
//
// # Why recipes pin what a program does not need itself
//
// Compiling is most of the time, and go compiles a package once for all that use
// it in the same version with the same dependencies. So recipes agree on the
// modules they share: coredns and kwok take those of kubernetes, and serving,
// eventing and traefik those of func, which has the newest. A test holds them to
// it.
//
// # To change a version
//
// Change the require line in the recipe's go.mod, run
// "GOWORK=off go build -mod=mod -o /dev/null <packages>" in its folder, and the tests of this
// package. "go mod tidy" does not work there: it wants the dependencies' tests
// too, some of which need modules that cannot be had.
package toolchain
