// Command local runs the whole of Kubernaut in one process: see --help.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
)

func main() { os.Exit(run()) }

func run() int {
	// func-go logs to a global logger; the functions have their own.
	zerolog.SetGlobalLevel(zerolog.Disabled)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:], os.Getenv, os.Stderr)
	if err != nil {
		return usage(err)
	}
	code, err := o.do(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubernaut:", err)
		return 1
	}
	return code
}
