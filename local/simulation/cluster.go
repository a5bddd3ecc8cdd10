package simulation

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	readHeaderTimeout = 10 * time.Second
	clusterName       = "simulation"
	kubeconfigMode    = 0o600
)

// Cluster is a running simulated cluster.
type Cluster struct {
	options   Options
	url       string
	authority []byte
	server    *http.Server
	store     *store
	registry  *registry
	engine    *engine
	audit     *audit
	faults    *faults
	close     sync.Once
	stop      context.CancelFunc
	stopped   chan struct{}
	closeErr  error
}

// Start serves an API on loopback, loads the objects and runs the controllers until ctx ends or Close is called. An error
// names the option or the object that is wrong; nothing is left running then.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("check simulation options: %w", err)
	}
	c := &Cluster{options: options, audit: newAudit(), faults: &faults{}, stopped: make(chan struct{})}
	c.engine = newEngine(options)
	c.store = newStore(options.History, c.engine.observe)
	c.registry = &registry{store: c.store}
	c.engine.attach(c.registry)
	if err := c.bootstrap(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", options.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for the simulated cluster: %w", err)
	}
	certificate, authority, err := selfSigned(options.Now())
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	c.authority = authority
	c.url = "https://" + listener.Addr().String()
	running, stop := context.WithCancel(ctx)
	c.stop = stop
	c.server = &http.Server{
		Handler: newHandler(c), ReadHeaderTimeout: readHeaderTimeout,
		BaseContext: func(net.Listener) context.Context { return running },
		TLSConfig:   &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ErrorLog:    log.New(discard{}, "", 0), // a client that hangs up is its own affair
	}
	go c.run(running, listener)
	return c, nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (c *Cluster) run(ctx context.Context, listener net.Listener) {
	defer close(c.stopped)
	var group sync.WaitGroup
	group.Go(func() { c.engine.run(ctx) })
	group.Go(func() {
		if err := c.server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			c.options.Logger.Error("simulated cluster stopped serving", "error", err)
		}
	})
	<-ctx.Done()
	// Watches never end by themselves, so connections are closed rather than drained.
	c.closeErr = c.server.Close()
	group.Wait()
}

// Close stops the server and the controllers and waits for them; further calls do nothing.
func (c *Cluster) Close() error {
	c.close.Do(c.stop)
	<-c.stopped
	return c.closeErr
}

// URL is the API server's address, such as https://127.0.0.1:40001.
func (c *Cluster) URL() string { return c.url }

// RESTConfig returns a configuration for client-go with administrator's rights and no client-side rate limit.
func (c *Cluster) RESTConfig() *rest.Config {
	return &rest.Config{
		Host: c.url, BearerToken: c.options.Token, QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.authority},
	}
}

// RESTConfigFor is RESTConfig with another user's bearer token.
func (c *Cluster) RESTConfigFor(token string) *rest.Config {
	config := c.RESTConfig()
	config.BearerToken = token
	return config
}

// WriteKubeconfig writes a kubeconfig that kubectl and client-go can use; only its owner may read it, since it holds the token.
func (c *Cluster) WriteKubeconfig(path string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters[clusterName] = &clientcmdapi.Cluster{Server: c.url, CertificateAuthorityData: c.authority}
	config.AuthInfos[clusterName] = &clientcmdapi.AuthInfo{Token: c.options.Token}
	config.Contexts[clusterName] = &clientcmdapi.Context{Cluster: clusterName, AuthInfo: clusterName, Namespace: "default"}
	config.CurrentContext = clusterName
	raw, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode kubeconfig: %w", err)
	}
	if err := os.WriteFile(path, raw, kubeconfigMode); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

// Await returns once condition holds; it is asked again at every change in the cluster and at every tick, never in a busy loop.
func (c *Cluster) Await(ctx context.Context, condition func() bool) error {
	ticker := time.NewTicker(c.options.Tick)
	defer ticker.Stop()
	for {
		next := c.store.changes()
		if condition() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("await condition in the simulated cluster: %w", ctx.Err())
		case <-next:
		case <-ticker.C:
		}
	}
}
