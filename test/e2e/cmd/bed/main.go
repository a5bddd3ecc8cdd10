// Command bed brings a real one-node cluster with Knative up on this machine,
// tells what runs of it, and takes it down without a trace. It needs root.
//
//	go run ./cmd/bed up [--fake-nodes 3] [--without-knative]
//	go run ./cmd/bed status
//	go run ./cmd/bed down
//
// What it prints on standard output can be evaluated by a shell; progress goes to
// standard error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	// Ctrl-C during up takes down what was made; a second one does not interrupt that.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := dispatch(ctx, args)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintln(os.Stderr, "bed:", err)
	return 1
}
