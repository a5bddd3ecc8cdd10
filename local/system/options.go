package system

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"kubernaut.ai/local/broker"
)

// Options say what to start. The zero value of each has a default.
type Options struct {
	// Root is the project's folder, where triggers/ and brokers/ are.
	Root string
	// Dir keeps what must survive a restart: keys, history, the kubeconfig.
	Dir string
	// Listen is the address of the front; a free loopback port by default.
	Listen string
	// RedisURL names a Redis; empty embeds one.
	RedisURL string
	// HistoryURL names a history store; empty is a SQLite file in Dir, begun
	// anew with each simulated cluster.
	HistoryURL string
	// Kubeconfig names the cluster to work on; empty simulates one.
	Kubeconfig string
	// Context is the kube context within Kubeconfig.
	Context string
	// Objects are manifests, files or folders, to load into the simulation.
	Objects []string
	// Initial are objects to load into the simulation before Objects.
	Initial []runtime.Object
	// Stabilization is how long an action is left alone before it is assessed.
	Stabilization time.Duration
	// PingEvery is how often assess and the gateway's round are woken.
	PingEvery time.Duration
	DryRun    bool
	Chaos     *broker.Chaos
	// Observer is told what becomes of deliveries.
	Observer broker.Observer
	// BackoffScale shortens or stretches the waits between retries.
	BackoffScale float64
	// Elsewhere maps a stage to the URL of a function that runs outside, such
	// as one started by func run; it is not started here.
	Elsewhere map[string]string
	// SinkURL replaces the embedded Broker's address in K_SINK.
	SinkURL string
	// Settings are passed to every function, over the defaults.
	Settings map[string]string
	// LogOutput is where the functions log: a path, or stderr.
	LogOutput string
	LogLevel  string

	// anew begins history anew, with the simulated cluster.
	anew bool
}

// Defaults for a simulated cluster, whose clock runs fast, and for a real one.
const (
	DefaultListen        = "127.0.0.1:0"
	SimulatedStabilize   = 3 * time.Second
	RealStabilize        = 5 * time.Minute
	maxPingEvery         = 30 * time.Second
	minPingEvery         = 100 * time.Millisecond
	pingsPerStabilize    = 4
	dirMode              = 0o700
	secretMode           = 0o600
	defaultTurnWithin    = time.Minute
	defaultBackoffScale  = 0.5
	historyFile          = "history.db"
	kubeconfigFile       = "kubeconfig"
	functionsLogFile     = "functions.log"
	gitOpsExtraSimulated = 500 * time.Millisecond
)

func (o Options) withDefaults() (Options, error) {
	o.Listen = orDefault(o.Listen, DefaultListen)
	o.Root = orDefault(o.Root, ".")
	o.LogLevel = orDefault(o.LogLevel, "info")
	if o.BackoffScale == 0 {
		o.BackoffScale = defaultBackoffScale
	}
	if o.Stabilization == 0 {
		o.Stabilization = RealStabilize
		if o.Simulated() {
			o.Stabilization = SimulatedStabilize
		}
	}
	if o.PingEvery == 0 {
		o.PingEvery = min(max(o.Stabilization/pingsPerStabilize, minPingEvery), maxPingEvery)
	}
	if o.Dir == "" {
		return o, errors.New("start system: Options.Dir is empty")
	}
	if err := os.MkdirAll(o.Dir, dirMode); err != nil {
		return o, fmt.Errorf("make state folder: %w", err)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, fmt.Errorf("find state folder: %w", err)
	}
	o.Dir = dir
	if o.HistoryURL == "" {
		o.HistoryURL = "sqlite://" + filepath.Join(dir, historyFile)
		o.anew = o.Simulated()
	}
	o.LogOutput = orDefault(o.LogOutput, filepath.Join(dir, functionsLogFile))
	return o, nil
}

// Simulated tells that no real cluster is worked on.
func (o Options) Simulated() bool { return o.Kubeconfig == "" && o.Context == "" }

func orDefault(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}
