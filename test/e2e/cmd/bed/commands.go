package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"kubernaut.ai/test/e2e/bed"
)

const usage = `usage: bed <command> [flags]

  up      bring the cluster up and print what to export
  status  what runs, where, and what it takes
  down    take the cluster down and leave nothing of it

bed <command> --help lists the flags.
`

// errUsage has been told to the user already.
var errUsage = errors.New("wrong usage")

func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return errUsage
	}
	flags := flag.NewFlagSet("bed "+args[0], flag.ContinueOnError)
	state := flags.String("state", bed.DefaultState(), "folder for everything the cluster writes (or "+bed.StateVariable+")")
	switch args[0] {
	case "up":
		options := bed.Options{Log: os.Stderr}
		flags.IntVar(&options.FakeNodes, "fake-nodes", 0, "kwok nodes beside the real one")
		flags.BoolVar(&options.WithoutKnative, "without-knative", false, "Kubernetes alone")
		if err := parse(flags, args[1:]); err != nil {
			return err
		}
		options.State = *state
		return up(ctx, options)
	case "down":
		if err := parse(flags, args[1:]); err != nil {
			return err
		}
		return down(ctx, *state)
	case "status":
		if err := parse(flags, args[1:]); err != nil {
			return err
		}
		return status(os.Stdout, *state)
	}
	fmt.Fprint(os.Stderr, usage)
	return errUsage
}

func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage // flag has told
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "%s: unknown argument %q\n", flags.Name(), flags.Arg(0))
		return errUsage
	}
	return nil
}

func up(ctx context.Context, options bed.Options) error {
	b, err := bed.Up(ctx, options)
	if errors.Is(err, bed.ErrUp) {
		fmt.Fprintln(os.Stderr, "bed:", err)
		if b, err = bed.Open(options.State); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	export(os.Stdout, b)
	return nil
}

// export prints what a shell needs to use the cluster.
func export(out io.Writer, b *bed.Bed) {
	fmt.Fprintf(out, "export KUBECONFIG=%s\n", b.Kubeconfig)
	fmt.Fprintf(out, "export FUNC_REGISTRY=%s/functions\n", b.Registry)
	fmt.Fprintf(out, "export FUNC_REGISTRY_INSECURE=true\n")
	fmt.Fprintf(out, "# a Knative Service answers at %s with the header Host: %s\n", b.Ingress.URL, b.Ingress.Host("NAME", "NAMESPACE"))
	fmt.Fprintf(out, "# Redis %s\n# PostgreSQL %s\n# Alertmanager %s\n", b.Redis.URL(), b.Postgres.URL(), b.Alertmanager.URL())
}

func down(ctx context.Context, state string) error {
	began := time.Now()
	if err := bed.Down(ctx, state); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "bed: nothing of it is left, after %.1f s\n", time.Since(began).Seconds())
	return nil
}
