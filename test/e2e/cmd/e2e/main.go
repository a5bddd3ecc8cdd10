// Command e2e runs the scenarios on a real cluster: it brings the bed up,
// installs the product as a user does, runs the tests of package scenario, and
// takes the bed down.
//
//	e2e                        all of it
//	e2e --keep                 leave the cluster up, with the product on it
//	e2e --run Rollback --keep  one scenario, on the cluster that is up or a new one
//	e2e --bench                no scenarios: the benchmarks, each once
//	e2e --install              no scenarios: the cluster with the product, to be kept
//
// With --kubeconfig it is a cluster that the user has: FUNC_REGISTRY, REDIS_URL and
// HISTORY_URL say what it is to use. KUBECONFIG is not taken for it, since what is
// there would be touched; scenarios that end processes are skipped there.
//
// A cluster that was up before stays up. After a failure, the logs of every
// process and pod are kept in a folder that is named.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// defaultFakeNodes is enough for scenarios with more pods than one node takes.
const defaultFakeNodes = 3

// defaultTimeout bounds the scenarios alone.
const defaultTimeout = 40 * time.Minute

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(arguments []string, stdout, stderr io.Writer) int {
	// Ctrl-C ends the scenarios and takes down what was brought up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := options{stdout: stdout, stderr: stderr}
	flags := flag.NewFlagSet("e2e", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.keep, "keep", false, "leave the cluster up")
	flags.BoolVar(&o.installOnly, "install", false, "bring up and install only, and leave the cluster up")
	flags.BoolVar(&o.asItIs, "as-it-is", false, "run on what the cluster that is up has installed already")
	flags.BoolVar(&o.bench, "bench", false, "measure instead of testing")
	flags.StringVar(&o.own, "kubeconfig", "", "use this cluster of your own instead, with Knative on it: the scenarios make workloads there ill, and Kubernaut stays installed")
	flags.StringVar(&o.pattern, "run", "", "run only the scenarios whose name matches, as go test's flag")
	flags.IntVar(&o.fakeNodes, "fake-nodes", defaultFakeNodes, "kwok nodes beside the real one")
	flags.DurationVar(&o.timeout, "timeout", defaultTimeout, "bound of the scenarios")
	err := flags.Parse(arguments)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = o.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(stderr, "e2e:", err)
		return 1
	}
	return 0
}
