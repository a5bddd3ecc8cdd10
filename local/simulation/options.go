package simulation

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
)

// Defaults of Options, and the bounds they are checked against.
const (
	DefaultListen = "127.0.0.1:0"
	DefaultTick   = 10 * time.Millisecond
	DefaultSpeed  = 20
	DefaultNodes  = 3
	// DefaultHistory is about what a real server keeps for a busy resource.
	DefaultHistory = 4096
	// ApproversGroup is the group whose members a SubjectAccessReview allows.
	ApproversGroup = "approvers"

	maxSpeed = 1_000_000
	maxNodes = 1000
)

// User is who a bearer token belongs to.
type User struct {
	Name   string
	Groups []string
}

// Options configure a cluster; the zero value is a good one.
type Options struct {
	// Objects are created before Start returns, in an order that satisfies their references (namespaces and nodes first).
	Objects []runtime.Object
	// Listen is the loopback address to serve on; default DefaultListen, a free port.
	Listen string
	// Now is the wall clock; default time.Now.
	Now func() time.Time
	// Tick is how often controllers look at the clock (changes wake them at once); default DefaultTick.
	Tick time.Duration
	// Speed is how much faster than the wall clock simulated time runs: every duration of the model and of the loaded
	// manifests (backoff, grace, progress deadline, recovers-after) is divided by it. Default DefaultSpeed.
	Speed float64
	// Nodes are created as node-1, node-2, ... when Objects holds no Node; default DefaultNodes, negative for none.
	Nodes int
	// Token is the administrator's bearer token, the one in RESTConfig and the kubeconfig; default a random one.
	Token string
	// Users maps further bearer tokens to who they are.
	Users map[string]User
	// Approvers are user names that a SubjectAccessReview allows beside the members of ApproversGroup.
	Approvers []string
	// Metrics serves metrics.k8s.io for pods and nodes; without it the group does not exist, as without metrics-server.
	Metrics bool
	// History is how many changes of each resource a watch can resume over; an older resourceVersion gets 410 Gone. Default DefaultHistory.
	History int
	// Logger takes what the operator of the simulation should know; default none.
	Logger *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tick == 0 {
		o.Tick = DefaultTick
	}
	if o.Speed == 0 {
		o.Speed = DefaultSpeed
	}
	if o.Nodes == 0 {
		o.Nodes = DefaultNodes
	}
	if o.History == 0 {
		o.History = DefaultHistory
	}
	if o.Token == "" {
		o.Token = string(newUID()) + string(newUID())
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, o.check()
}

func (o Options) check() error {
	var errs []error
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		errs = append(errs, fmt.Errorf("listen address %q: %w", o.Listen, err))
	} else if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		errs = append(errs, fmt.Errorf("listen address %q: the simulated cluster serves a loopback address only", o.Listen))
	}
	if o.Tick < 0 {
		errs = append(errs, fmt.Errorf("tick %s: must be positive", o.Tick))
	}
	if !(o.Speed > 0 && o.Speed <= maxSpeed) {
		errs = append(errs, fmt.Errorf("speed %v: must be above 0 and at most %d", o.Speed, maxSpeed))
	}
	if o.Nodes > maxNodes {
		errs = append(errs, fmt.Errorf("nodes %d: at most %d", o.Nodes, maxNodes))
	}
	if o.History < 1 {
		errs = append(errs, fmt.Errorf("history %d: must be positive", o.History))
	}
	for token, user := range o.Users {
		if token == "" || user.Name == "" {
			errs = append(errs, errors.New("users: a token and a name are required"))
		}
	}
	return errors.Join(errs...)
}
