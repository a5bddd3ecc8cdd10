// Command toolchain builds what the end-to-end tests run and prints where it is:
//
//	go run ./toolchain/cmd/toolchain                 # everything
//	go run ./toolchain/cmd/toolchain etcd traefik    # these two
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"kubernaut.ai/test/e2e/toolchain"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "toolchain:", err)
		os.Exit(1)
	}
}

// run builds the commands that args name and prints a line for each.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("toolchain", flag.ContinueOnError)
	cache := flags.String("cache", "", "folder of built binaries (default $"+toolchain.CacheVariable+", else in the user's cache folder)")
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "usage: toolchain [flags] [names]\n\nnames: %s\n\n", strings.Join(toolchain.Pinned().Names(), " "))
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	paths, err := toolchain.Ensure(ctx, toolchain.Options{Cache: *cache, Log: os.Stderr}, flags.Args()...)
	if err != nil {
		return err
	}
	return table(out, paths)
}

// table prints names and paths in two columns, in the catalogue's order.
func table(out io.Writer, paths toolchain.Paths) error {
	columns := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	names := slices.DeleteFunc(toolchain.Pinned().Names(), func(name string) bool { return paths[name] == "" })
	for _, name := range names {
		fmt.Fprintf(columns, "%s\t%s\n", name, paths[name])
	}
	return columns.Flush()
}
