package bed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"kubernaut.ai/test/e2e/toolchain"
)

// site is a bed while it is being built.
type site struct {
	layout     layout
	options    Options
	record     *record
	supervisor *supervisor
	binaries   map[string]string
	pki        *pkiFiles
	rest       *rest.Config
	client     kubernetes.Interface
	// images are the platform's in the registry, by import path.
	images map[string]string
}

// clientQPS lets installers and scenarios ask as fast as the server answers;
// client-go's own limit is made for a busy shared one.
const clientQPS = 400

// built are the binaries that the bed itself runs, by their name in toolchain.
var built = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "coredns", "pause", "registry"}

// findBinaries builds what is missing, and finds the distribution's.
func (s *site) findBinaries(ctx context.Context) error {
	names := built
	if s.options.FakeNodes > 0 {
		names = append(slices.Clone(names), "kwok")
	}
	if !s.options.WithoutKnative {
		images, err := platformBinaries()
		if err != nil {
			return err
		}
		names = slices.Concat(names, slices.Collect(maps.Values(images)))
	}
	paths, err := toolchain.Ensure(ctx, toolchain.Options{Log: s.options.Log}, names...)
	if err != nil {
		return fmt.Errorf("build binaries: %w", err)
	}
	s.binaries = paths
	return s.findDistribution()
}

// findDistribution finds the programs that the distribution's packages bring.
func (s *site) findDistribution() error {
	if s.binaries == nil {
		s.binaries = map[string]string{}
	}
	var err error
	for _, name := range []string{"containerd", "unshare", "redis-server", "prometheus-alertmanager"} {
		if s.binaries[name], err = lookPath(name); err != nil {
			return err
		}
	}
	return nil
}

// configure writes certificates, kubeconfigs and the parts' own files.
func (s *site) configure() error {
	if err := s.layout.make(); err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	var err error
	if s.pki, err = writePKI(s.layout, s.record.Began); err != nil {
		return err
	}
	if err := writeKubeconfigs(s.layout, s.pki.authority); err != nil {
		return err
	}
	if err := s.writeNodeConfigs(); err != nil {
		return err
	}
	if err := writeFile(s.layout.auditPolicy(), auditPolicy); err != nil {
		return err
	}
	s.rest, s.client, err = connect(s.layout)
	return err
}

// connect makes clients of the administrator's kubeconfig.
func connect(l layout) (*rest.Config, kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", l.kubeconfig())
	if err != nil {
		return nil, nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS, config.Burst = clientQPS, clientQPS
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, fmt.Errorf("make client: %w", err)
	}
	return config, client, nil
}

// raise starts everything in order; what does not depend on one another, side by side.
func (s *site) raise(ctx context.Context) (*Bed, error) {
	if err := s.step("guard stands and is proven", func() error {
		if err := raiseGuard(ctx, string(s.layout)); err != nil {
			return err
		}
		return proveGuard(ctx)
	}); err != nil {
		return nil, err
	}
	bed, err := s.bed()
	if err != nil {
		return nil, err
	}
	group, grouped := errgroup.WithContext(ctx)
	group.Go(func() error { return s.step("Redis serves", func() error { return bed.Redis.Start(grouped) }) })
	group.Go(func() error { return s.step("PostgreSQL serves", func() error { return bed.Postgres.Start(grouped) }) })
	group.Go(func() error {
		return s.step("Alertmanager serves", func() error { return bed.Alertmanager.Start(grouped) })
	})
	group.Go(func() error { return s.cluster(grouped) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if s.options.WithoutKnative {
		return bed, nil
	}
	return bed, s.step("Knative runs", func() error { return s.knative(ctx) })
}

func (s *site) cluster(ctx context.Context) error {
	group, grouped := errgroup.WithContext(ctx)
	group.Go(func() error { return s.step("registry serves the images", func() error { return s.registry(grouped) }) })
	group.Go(func() error { return s.step("control plane is ready", func() error { return s.controlPlane(grouped) }) })
	if err := group.Wait(); err != nil {
		return err
	}
	group, grouped = errgroup.WithContext(ctx)
	group.Go(func() error { return s.step("DNS answers", func() error { return s.dns(grouped) }) })
	group.Go(func() error {
		return s.step("Services are translated", func() error {
			return s.supervisor.run(grouped, s.kubeProxy(), healthy("http://"+loopback(s.record.Ports.ProxyHealth)+"/healthz"))
		})
	})
	group.Go(func() error { return s.step("node is Ready", func() error { return s.node(grouped) }) })
	if s.options.FakeNodes > 0 {
		group.Go(func() error { return s.step("fake nodes are Ready", func() error { return s.kwok(grouped) }) })
	}
	return group.Wait()
}

// step tells how long what took.
func (s *site) step(what string, do func() error) error {
	began := time.Now()
	if err := do(); err != nil {
		return err
	}
	tell(s.options.Log, s.record.Began, "%s (%s)", what, time.Since(began).Round(time.Millisecond))
	return nil
}

// tell writes a line of progress, with the seconds since began before it.
func tell(log io.Writer, began time.Time, format string, args ...any) {
	// Progress that nobody can read is no reason to stop.
	_, _ = fmt.Fprintf(log, "%7.1fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}

// bed is the finished one's handle; its services can be started from it.
func (s *site) bed() (*Bed, error) {
	redis, redisErr := s.newRedis()
	postgres, postgresErr := s.newPostgres()
	alertmanager, alertmanagerErr := s.newAlertmanager()
	if err := errors.Join(redisErr, postgresErr, alertmanagerErr); err != nil {
		return nil, err
	}
	return &Bed{
		Kubeconfig: s.layout.kubeconfig(), RESTConfig: s.rest,
		Registry: onBridge(portRegistry),
		Ingress:  Ingress{URL: "http://" + ingressIP, Domain: ingressDomain},
		Gateway:  gateway,
		Redis:    redis, Postgres: postgres, Alertmanager: alertmanager,
		site: s,
	}, nil
}
