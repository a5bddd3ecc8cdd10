package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"kubernaut.ai/local/broker"
	"kubernaut.ai/local/system"
)

// options are the command's flags. Each may also be given by an environment
// variable; the flag wins.
type options struct {
	system    system.Options
	samples   string
	jsonLines bool
	once      bool
	redrive   bool
	forget    string
	event     string
	out       *os.File
	// patience is how long --once waits for functions that run elsewhere.
	patience time.Duration
}

// none turns the samples off.
const none = "none"

// variables names the environment variable of each flag.
var variables = map[string]string{
	"listen": "LISTEN_ADDRESS", "root": "KUBERNAUT_ROOT", "dir": "KUBERNAUT_DIR", "samples": "SAMPLES", "objects": "OBJECTS",
	"kubeconfig": "KUBERNAUT_KUBECONFIG", "context": "KUBE_CONTEXT", "redis": "REDIS_URL", "history": "HISTORY_URL",
	"stabilization": "STABILIZATION", "ping": "PING_EVERY", "dry-run": "DRY_RUN", "chaos": "CHAOS", "json": "JSON", "once": "ONCE",
	"function": "FUNCTION", "log-level": "LOG_LEVEL", "log-output": "LOG_OUTPUT",
}

// parse reads flags over environment variables over defaults.
func parse(args []string, getenv func(string) string, stderr io.Writer) (*options, error) {
	o := &options{out: os.Stdout, patience: elsewhereWithin}
	var chaos bool
	var objects, functions list
	fs := flag.NewFlagSet("kubernaut", flag.ContinueOnError)
	fs.SetOutput(stderr)
	s := &o.system
	fs.StringVar(&s.Listen, "listen", "127.0.0.1:8080", "address of the gateway, the API and the metrics")
	fs.StringVar(&s.Root, "root", ".", "the project's folder, where triggers/ and brokers/ are")
	fs.StringVar(&s.Dir, "dir", ".local", "folder for keys, history, logs and the kubeconfig")
	fs.StringVar(&o.samples, "samples", "local/samples", "folder of the stories to replay at start, or none")
	fs.Var(&objects, "objects", "file or folder of manifests to load into the simulated cluster (may be repeated)")
	fs.StringVar(&s.Kubeconfig, "kubeconfig", "", "work on this cluster instead of a simulated one")
	fs.StringVar(&s.Context, "context", "", "work on this kube context instead of a simulated cluster")
	fs.StringVar(&s.RedisURL, "redis", "", "use this Redis instead of an embedded one")
	fs.StringVar(&s.HistoryURL, "history", "", "keep history here (postgres:// or sqlite:) instead of in a SQLite file in --dir")
	fs.DurationVar(&s.Stabilization, "stabilization", 0, "how long an action is left alone before it is assessed (default 3s simulated, 5m real)")
	fs.DurationVar(&s.PingEvery, "ping", 0, "how often assess and the gateway's round are woken (default a quarter of --stabilization)")
	fs.BoolVar(&s.DryRun, "dry-run", false, "decide and plan, but let the API server only try: nothing is changed")
	fs.BoolVar(&chaos, "chaos", false, "duplicate, delay, reorder and drop deliveries")
	fs.BoolVar(&o.jsonLines, "json", false, "print one JSON object a remediation instead of text")
	fs.BoolVar(&o.once, "once", false, "replay, print, and exit non-zero if a story ended badly")
	fs.Var(&functions, "function", "stage=URL of a function that runs elsewhere, such as one started by func run (may be repeated)")
	fs.StringVar(&s.LogLevel, "log-level", "info", "log level of the functions: debug, info, warn, error")
	fs.StringVar(&s.LogOutput, "log-output", "", "where the functions log: a file, or stderr (default functions.log in --dir)")
	fs.BoolVar(&o.redrive, "redrive", false, "post the dead letters of the Redis in --redis to the Broker again, and exit")
	fs.StringVar(&o.forget, "forget", "", "remove the remediation of this id from history, and exit")
	fs.StringVar(&o.event, "event", "", "print the golden event of this type, such as signal.enriched, sealed with the keys in --dir, and exit")
	fs.Usage = func() { describe(fs) }
	err := fs.Parse(args)
	if err == nil {
		err = fromEnvironment(fs, getenv)
	}
	if err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unknown argument %q; see --help", fs.Arg(0))
	}
	s.Objects = objects
	if len(objects) > 0 && !s.Simulated() {
		return nil, errors.New("--objects are for the simulated cluster: load them into yours with kubectl apply")
	}
	if err := o.checkListen(getenv(envGatewayAuth)); err != nil {
		return nil, err
	}
	if chaos {
		s.Chaos = defaultChaos()
	}
	if s.Stabilization < 0 || s.PingEvery < 0 {
		return nil, errors.New("--stabilization and --ping must not be negative")
	}
	s.Elsewhere, err = pairs(functions)
	return o, err
}

// envGatewayAuth says who may post alerts; unset is this machine.
const envGatewayAuth = "GATEWAY_AUTH"

// checkListen has whoever opens the system to other machines say who of them
// may post alerts. Reading and answering stay this machine's in any case.
func (o *options) checkListen(gatewayAuth string) error {
	host, _, err := net.SplitHostPort(o.system.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w; write 127.0.0.1:8080", o.system.Listen, err)
	}
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() || gatewayAuth != "" {
		return nil
	}
	return fmt.Errorf(`--listen %s lets other machines in, and nothing says who of them may post alerts: set GATEWAY_AUTH, to "none" for everybody, or to "token" with GATEWAY_AUTH_DIR naming a folder whose file "tokens" has one a line; or listen on 127.0.0.1`, o.system.Listen)
}

// defaultChaos makes about every third delivery misbehave.
func defaultChaos() *broker.Chaos {
	return &broker.Chaos{Seed: uint64(time.Now().UnixNano()), Duplicate: .1, Delay: .1, Reorder: .1, Drop: .1, MaxDelay: 200 * time.Millisecond}
}

// fromEnvironment sets the flags that were not given.
func fromEnvironment(fs *flag.FlagSet, getenv func(string) string) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var errs []error
	fs.VisitAll(func(f *flag.Flag) {
		value := getenv(variables[f.Name])
		if given[f.Name] || variables[f.Name] == "" || value == "" {
			return
		}
		if err := f.Value.Set(value); err != nil {
			errs = append(errs, fmt.Errorf("environment variable %s: %w", variables[f.Name], err))
		}
	})
	return errors.Join(errs...)
}

// describe is --help: every flag with its variable.
func describe(fs *flag.FlagSet) {
	out := fs.Output()
	fmt.Fprint(out, "Kubernaut in one process: every function behind an embedded Broker, on a simulated cluster.\n\nFlags, and the environment variables that set them:\n\n")
	fs.VisitAll(func(f *flag.Flag) {
		variable := ""
		if v := variables[f.Name]; v != "" {
			variable = " [" + v + "]"
		}
		fallback := ""
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" {
			fallback = " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(out, "  --%s%s\n        %s%s\n", f.Name, variable, f.Usage, fallback)
	})
}

func usage(err error) int {
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(os.Stderr, "kubernaut:", err)
	return 2
}

// list is a flag that may be repeated, or given as a list with commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	for _, v := range strings.Split(value, ",") {
		if v = strings.TrimSpace(v); v != "" {
			*l = append(*l, v)
		}
	}
	return nil
}

func pairs(l list) (map[string]string, error) {
	m := map[string]string{}
	for _, pair := range l {
		stage, url, ok := strings.Cut(pair, "=")
		if !ok || !strings.Contains(url, "://") {
			return nil, errors.New("--function wants stage=URL, not " + strconv.Quote(pair))
		}
		if !slices.Contains(system.Stages(), stage) {
			return nil, fmt.Errorf("--function: there is no stage %q; there are %s", stage, strings.Join(system.Stages(), ", "))
		}
		m[stage] = url
	}
	return m, nil
}
