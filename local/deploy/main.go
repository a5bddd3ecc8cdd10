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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = o.do(ctx, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "deploy:", err)
		return 1
	}
	return 0
}

func (o *options) do(ctx context.Context, stdout io.Writer) error {
	forget, err := o.chooseCluster(ctx)
	switch {
	case err != nil:
	case o.undeploy:
		err = o.remove(ctx, stdout)
	default:
		err = o.deploy(ctx, stdout)
	}
	return errors.Join(err, forget())
}
