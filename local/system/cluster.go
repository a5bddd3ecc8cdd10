package system

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/client-go/tools/clientcmd"

	"kubernaut.ai/local/simulation"
	"kubernaut.ai/shared/cluster"
)

// asker names this program to API servers.
const asker = "local"

// Where names the cluster that is worked on, for people.
func (s *System) Where() string { return s.where }

// Kubectl is how people look at that cluster.
func (s *System) Kubectl() string {
	o := s.options
	command := "kubectl"
	if o.Kubeconfig != "" {
		command += " --kubeconfig " + o.Kubeconfig
	}
	if o.Context != "" {
		command += " --context " + o.Context
	}
	return command
}

func (s *System) openCluster(ctx context.Context) (err error) {
	if !s.options.Simulated() {
		return s.reachCluster(ctx)
	}
	s.where = "a simulated cluster"
	if s.cluster, err = simulation.Start(context.WithoutCancel(ctx), simulation.Options{Objects: s.options.Initial}); err != nil {
		return err
	}
	s.onClose(func(context.Context) error { return s.cluster.Close() })
	for _, path := range s.options.Objects {
		if err := s.cluster.LoadPath(path); err != nil {
			return err
		}
	}
	s.options.Kubeconfig = filepath.Join(s.options.Dir, kubeconfigFile)
	return s.cluster.WriteKubeconfig(s.options.Kubeconfig)
}

// reachCluster asks the cluster for its version: that there is none is better
// said at once than by every function at its first alert.
func (s *System) reachCluster(ctx context.Context) error {
	o := s.options
	clients, err := cluster.Connect(cluster.Options{Kubeconfig: o.Kubeconfig, Context: o.Context, Stage: asker})
	if err != nil {
		return fmt.Errorf("%w%s", err, o.contexts())
	}
	s.where = "the cluster at " + clients.REST.Host
	if o.Context != "" {
		s.where = "the cluster of context " + o.Context + ", " + clients.REST.Host
	}
	if _, err := clients.Kube.Discovery().RESTClient().Get().AbsPath("/version").DoRaw(ctx); err != nil {
		return errors.Join(fmt.Errorf("%s does not answer: %w", s.where, err),
			fmt.Errorf("try %s get --raw /version; without --context and --kubeconfig a simulated cluster is worked on", s.Kubectl()))
	}
	return nil
}

// contexts says which ones the kubeconfig has, as far as it can be read.
func (o Options) contexts() string {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	config, err := rules.Load()
	if err != nil || len(config.Contexts) == 0 {
		return ""
	}
	return "; there are the contexts " + strings.Join(slices.Sorted(maps.Keys(config.Contexts)), ", ")
}
