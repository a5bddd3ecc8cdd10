package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"
	"knative.dev/pkg/apis/duck/v1"

	"kubernaut.ai/local/broker"
	"kubernaut.ai/local/simulation"
)

// servers are what bench runs as processes of their own. Each prints its
// address and serves until it is ended.
var servers = map[string]func(context.Context) error{
	"broker":     serveBroker,
	"simulation": serveSimulation,
	"floor":      serveFloor,
}

func serveChild(ctx context.Context, what, profile string) error {
	serve, ok := servers[what]
	if !ok {
		return fmt.Errorf("nothing called %q can be served", what)
	}
	if profile == "" {
		return serve(ctx)
	}
	stop, err := profileInto(profile)
	if err != nil {
		return err
	}
	return errors.Join(serve(ctx), stop())
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
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
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
	// It is no part of Kubernaut: what its many objects cost its garbage collector
	// would be taken from what is measured.
	debug.SetGCPercent(simulationGC)
	c, err := simulation.Start(ctx, simulation.Options{Objects: workloads()})
	if err != nil {
		return err
	}
	if err := settled(ctx, c); err != nil {
		return err
	}
	if err := c.WriteKubeconfig(os.Getenv("BENCH_KUBECONFIG")); err != nil {
		return err
	}
	fmt.Println(c.URL())
	<-ctx.Done()
	return c.Close()
}

const (
	simulationGC = 800
	// settleInterval is long beside what listing a whole cluster costs it, and
	// restsFor so many of them is a cluster that nothing changes any more.
	settleInterval = 200 * time.Millisecond
	restsFor       = 5
)

// settled waits until every Deployment has its ReplicaSet, and no controller has
// anything left to do: what is measured is Kubernaut, not a cluster that is
// starting.
func settled(ctx context.Context, c *simulation.Cluster) error {
	client, err := metadata.NewForConfig(metadata.ConfigFor(c.RESTConfig()))
	if err != nil {
		return err
	}
	replicaSets := appsv1.SchemeGroupVersion.WithResource("replicasets")
	err = untilEvery(ctx, settleInterval, func() bool {
		list, err := client.Resource(replicaSets).Namespace(benchNamespace).List(ctx, metav1.ListOptions{})
		return err == nil && len(list.Items) >= workloadCount
	})
	if err != nil {
		return err
	}
	version, rested := "", 0
	return untilEvery(ctx, settleInterval, func() bool {
		list, err := client.Resource(replicaSets).Namespace(benchNamespace).List(ctx, metav1.ListOptions{Limit: 1})
		switch {
		case err != nil:
			rested = 0
		case list.ResourceVersion == version:
			rested++
		default:
			version, rested = list.ResourceVersion, 0
		}
		return rested >= restsFor
	})
}
