package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
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
	if err == nil && o.undeploy {
		err = o.remove(ctx, stdout)
	} else if err == nil {
		err = o.deploy(ctx, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "deploy:", err)
		return 1
	}
	return 0
}

// defaultParallel keeps a laptop's processors busy while Services get ready.
const defaultParallel = 3

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var command, functions string
	fs := flag.NewFlagSet("deploy", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.root, "root", ".", "the project's folder")
	fs.StringVar(&o.overlay, "overlay", "dev", "a folder of deploy/overlays, whose functions.yaml counts")
	fs.StringVar(&command, "func", "func", "Knative's func, such as \"kn func\"")
	fs.StringVar(&functions, "function", "", "stages, separated by commas; unset is all")
	fs.StringVar(&o.registry, "registry", os.Getenv("FUNC_REGISTRY"), "where images go, such as registry.example/kubernaut (FUNC_REGISTRY)")
	fs.StringVar(&o.namespace, "namespace", "kubernaut-system", "the functions' namespace")
	fs.IntVar(&o.parallel, "parallel", defaultParallel, "how many functions to build and deploy at a time")
	fs.BoolVar(&o.readOnly, "read-only", true, "make the functions' root file systems read-only")
	fs.BoolVar(&o.undeploy, "undeploy", false, "delete the functions instead")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.command, o.extra = strings.Fields(command), fs.Args()
	if functions != "" {
		o.functions = strings.Split(functions, ",")
	}
	return o, o.complete()
}
