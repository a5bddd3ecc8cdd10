package cluster

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// RequestTimeout bounds one request to the API server; it leaves room in a 25 s
// turn to say what failed.
const RequestTimeout = 8 * time.Second

// unlimited turns client-go's own rate limit off. What a function asks is
// bounded by the requests that its platform lets in at once, and the API
// server shares itself out by priority and fairness; a limit here would only
// make turns of a storm wait in line without saying why.
const unlimited = -1

// userAgentPrefix starts the user agent, so that an audit log tells which
// stage asked.
const userAgentPrefix = "kubernaut-"

// acceptContentTypes prefers the compact encoding and takes JSON from servers
// that have nothing else. Bodies are sent as JSON, which every server reads.
const acceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"

// Options say which cluster to talk to and who asks.
type Options struct {
	// Kubeconfig is a file. Empty means the Pod's own ServiceAccount, or where
	// a Context is named the files that kubectl would look for it in.
	Kubeconfig string
	// Context of the kubeconfig; empty means its current one.
	Context string
	// Stage names the caller in the user agent.
	Stage string
}

// Clients talk to one cluster. The exported fields suffice to make one by
// hand, for a test or a simulated cluster; REST may then be nil.
type Clients struct {
	Kube     kubernetes.Interface
	Metadata metadata.Interface
	REST     *rest.Config
	// Now is the clock by which what is remembered grows old; nil is time.Now.
	Now func() time.Time

	kinds memory[catalogue]
	nodes memory[addresses]
}

// Connect makes clients without talking to the cluster: a cluster that is
// down makes reads fail, not the start of a function.
func Connect(o Options) (*Clients, error) {
	if o.Stage == "" {
		return nil, errors.New("connect to cluster: no stage is named")
	}
	config, err := o.load()
	if err != nil {
		return nil, fmt.Errorf("connect to cluster: %w", err)
	}
	return ForConfig(config, o.Stage)
}

func (o Options) load() (*rest.Config, error) {
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: o.Kubeconfig}
	switch {
	case o.Kubeconfig == "" && o.Context == "":
		return rest.InClusterConfig()
	case o.Kubeconfig == "":
		rules = clientcmd.NewDefaultClientConfigLoadingRules()
	}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules,
		&clientcmd.ConfigOverrides{CurrentContext: o.Context}).ClientConfig()
}

// ForConfig makes clients of a copy of the configuration, with Kubernaut's
// bounds and user agent set on it.
func ForConfig(base *rest.Config, stage string) (*Clients, error) {
	config := rest.CopyConfig(base)
	config.UserAgent = userAgentPrefix + stage
	config.AcceptContentTypes = acceptContentTypes
	config.ContentType = "application/json"
	config.QPS, config.Timeout = unlimited, RequestTimeout
	config.RateLimiter = nil
	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("make cluster client: %w", err)
	}
	kube, err := kubernetes.NewForConfigAndClient(config, transport)
	if err != nil {
		return nil, fmt.Errorf("make cluster client: %w", err)
	}
	meta, err := metadata.NewForConfigAndClient(metadata.ConfigFor(config), transport)
	if err != nil {
		return nil, fmt.Errorf("make metadata client: %w", err)
	}
	return &Clients{Kube: kube, Metadata: meta, REST: config}, nil
}

func (c *Clients) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}
