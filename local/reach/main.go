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

	"kubernaut.ai/local/kubectl"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options say what to reach, and with what.
type options struct {
	kubectl            kubectl.Command
	namespace, service string
	listen             string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var command string
	fs := flag.NewFlagSet("reach", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&command, "kubectl", "kubectl", "kubectl, with flags such as --context")
	fs.StringVar(&o.namespace, "namespace", "kubernaut-system", "the functions' namespace")
	fs.StringVar(&o.service, "function", "approve", "the function to reach")
	fs.StringVar(&o.listen, "listen", "127.0.0.1:8081", "where to serve it on this machine; other machines are refused")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	var err error
	o.kubectl, err = kubectl.Parse(command)
	return o, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = o.serve(ctx, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "reach:", err)
		return 1
	}
	return 0
}
