package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"knative.dev/pkg/apis/duck/v1"

	"kubernaut.ai/local/broker"
	"kubernaut.ai/local/simulation"
)

// servers are what bench runs as processes of their own. Each prints its
// address and serves until it is ended.
var servers = map[string]func(context.Context) error{
	"broker":     serveBroker,
	"simulation": serveSimulation,
}

func serveChild(ctx context.Context, what string) error {
	serve, ok := servers[what]
	if !ok {
		return fmt.Errorf("nothing called %q can be served", what)
	}
	return serve(ctx)
}

func serveOn(ctx context.Context, h http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	server := &http.Server{Handler: h}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	return server.Serve(l)
}

// serveBroker is the embedded Broker with all Triggers detached.
func serveBroker(ctx context.Context) error {
	b, err := broker.New(ctx, broker.Options{Manifests: []string{filepath.Join(os.Getenv("BENCH_ROOT"), "brokers", "broker-inmemory.yaml")},
		Resolve: func(v1.KReference) (string, bool) { return "http://127.0.0.1:9/", true }})
	if err != nil {
		return err
	}
	return serveOn(ctx, b)
}

// serveSimulation is a cluster with as many Deployments as alerts will name.
func serveSimulation(ctx context.Context) error {
	c, err := simulation.Start(ctx, simulation.Options{Objects: workloads()})
	if err != nil {
		return err
	}
	if err := c.WriteKubeconfig(os.Getenv("BENCH_KUBECONFIG")); err != nil {
		return err
	}
	fmt.Println(c.URL())
	<-ctx.Done()
	return c.Close()
}
