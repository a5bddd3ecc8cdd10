// Command e2e runs the scenarios on a real cluster: it brings the bed up,
// installs the product as a user does, runs the tests of package scenario, and
// takes the bed down.
//
//	e2e                        all of it, and what needs no cluster first
//	e2e --keep                 leave the cluster up, with the product on it
//	e2e --run Rollback --keep  one scenario, on the cluster that is up or a new one
//	e2e --bench                no scenarios: the benchmarks, each once
//	e2e --install              no scenarios: the cluster with the product, to be kept
//
// With --kubeconfig it is a cluster that the user has: FUNC_REGISTRY, REDIS_URL and
// HISTORY_URL say what it is to use. KUBECONFIG is not taken for it, since what is
// there would be touched; scenarios that end processes are skipped there.
//
// A cluster that was up before stays up, and is used if all of it runs: what is left
// of one that was killed is taken down first. Ctrl-C ends the scenarios and takes
// down what was brought up. After a failure, the logs of every
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
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(arguments []string, stdout, stderr io.Writer) int {
	// A terminal that is closed hangs up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	o, err := parse(arguments, stdout, stderr)
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
