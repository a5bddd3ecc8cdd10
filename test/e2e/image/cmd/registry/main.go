// Command registry serves container images to a local cluster:
//
//	registry -dir /var/lib/images -listen 127.0.0.1:5000,10.88.0.1:5000
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"kubernaut.ai/test/e2e/image"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("registry", flag.ContinueOnError)
	dir := flags.String("dir", "", "folder that keeps the images; without it they are kept in memory")
	listen := flags.String("listen", "127.0.0.1:5000", "addresses to listen at, separated by commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server, err := image.Serve(image.RegistryOptions{Dir: *dir, Addresses: strings.Split(*listen, ","), Log: os.Stderr})
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "registry: serving at", strings.Join(server.Addresses(), ", "))
	<-ctx.Done()
	return server.Close()
}
