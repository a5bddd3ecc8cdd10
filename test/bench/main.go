package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

func main() { os.Exit(run()) }

func run() int {
	zerolog.SetGlobalLevel(zerolog.Disabled)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.StringVar(&o.root, "root", ".", "the project's folder")
	flag.StringVar(&o.only, "only", "", "measure only what has this in its name: "+strings.Join(names(), ", "))
	flag.DurationVar(&o.length, "length", 4*time.Second, "how long each load lasts")
	flag.StringVar(&o.profile, "profile", "", "write processor profiles of bench and of what it starts into this folder")
	serve := flag.String("serve", "", "used by bench itself: run this part as a server")
	flag.Parse()
	if *serve != "" {
		if err := serveChild(ctx, *serve, os.Getenv(envProfile)); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			return 1
		}
		return 0
	}
	if err := o.measure(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}
