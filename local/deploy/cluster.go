package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// chooseCluster has func and this command work on the cluster that kubectl works on.
// Where words after its name tell which that is, func, which knows none of them,
// gets a kubeconfig of that cluster alone. The file holds a credential: forget
// removes it.
func (o *options) chooseCluster(ctx context.Context) (forget func() error, err error) {
	keep := func() error { return nil }
	if len(o.kubectl) < 2 {
		return keep, nil
	}
	config, err := o.kubectl.Output(ctx, "config", "view", "--minify", "--flatten", "--raw")
	if err != nil {
		return keep, fmt.Errorf("find the cluster of %q: %w", o.kubectl, err)
	}
	// Nobody else may read what CreateTemp makes.
	file, err := os.CreateTemp("", "kubernaut-kubeconfig-")
	if err != nil {
		return keep, fmt.Errorf("make kubeconfig: %w", err)
	}
	forget = func() error { return os.Remove(file.Name()) }
	_, err = file.Write(config)
	if err = errors.Join(err, file.Close()); err != nil {
		return forget, fmt.Errorf("write kubeconfig: %w", err)
	}
	o.kubeconfig = file.Name()
	return forget, nil
}

// connect makes a client of the cluster that func deploys to.
func (o *options) connect() (dynamic.Interface, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{}).ClientConfig()
	var client dynamic.Interface
	if err == nil {
		client, err = dynamic.NewForConfig(config)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to cluster: %w\n  Functions go to the current context of your kubeconfig: \"kubectl config get-contexts\" shows it; KUBECONFIG names another file, and KUBECTL=\"kubectl --context NAME\" another context", err)
	}
	return client, nil
}
