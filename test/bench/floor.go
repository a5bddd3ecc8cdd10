package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/clientcmd"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// floor makes the calls that a new alert costs the gateway, and nothing else:
// no body is read, nothing is judged, encoded, sealed or counted. Nothing that
// keeps the gateway's promises can be faster than it, on the same processors,
// beside the same Redis, Broker, API server and load.
type floor struct {
	deployments metadata.ResourceInterface
	claims      *ledger.Ledger
	client      *http.Client
	sink        string
	event       []byte
	n           atomic.Int64
}

// ServeHTTP reads the workload, reserves its claim, posts the first event and
// confirms the claim.
func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := f.calls(r.Context(), f.n.Add(1)); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (f *floor) calls(ctx context.Context, n int64) error {
	name := fmt.Sprintf("app-%d", firstNew+n)
	if _, err := f.deployments.Get(ctx, name, metav1.GetOptions{}); err != nil {
		return err
	}
	fingerprint, id := fmt.Sprintf("%064x", n), fmt.Sprintf("%016x", n)
	met, err := f.claims.ReserveMany(ctx, []ledger.Arrival{{Reservation: ledger.Reservation{Fingerprint: fingerprint, Base: id, Lease: time.Minute}}})
	if err != nil {
		return err
	}
	claim := met[0].Claim
	if err := f.publish(ctx); err != nil {
		return err
	}
	return f.claims.Confirm(ctx, ledger.Confirmation{Fingerprint: fingerprint, Remediation: claim.Remediation, Token: claim.Token,
		Phase: event.ShortType(event.SignalReceived), Within: time.Hour, Event: f.event,
		Alert: &ledger.Alert{ID: id, StartsAt: claim.FirstSeen, Fingerprint: fingerprint, Remediation: claim.Remediation}})
}

func (f *floor) publish(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.sink, bytes.NewReader(f.event))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	resp, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode > 299 {
		return fmt.Errorf("the Broker answers %s: %w", resp.Status, err)
	}
	return nil
}

// serveFloor is started like the gateway: with the same settings, in a process
// of its own.
func serveFloor(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(stage.EnvKubeconfig))
	if err != nil {
		return err
	}
	config = metadata.ConfigFor(config)
	config.QPS = -1
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	claims, err := ledger.Open(os.Getenv(stage.EnvRedis))
	if err != nil {
		return err
	}
	defer func() { _ = claims.Close() }()
	sample, err := stage.Encode(eventtest.Sample(event.SignalReceived))
	if err != nil {
		return err
	}
	return serveOn(ctx, &floor{claims: claims, sink: os.Getenv(stage.EnvSink), event: sample,
		deployments: client.Resource(appsv1.SchemeGroupVersion.WithResource("deployments")).Namespace(benchNamespace),
		client:      &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4 * manyClients}}})
}

// startFloor starts it among surroundings of its own.
func startFloor(b *bed) (served, error) {
	sink, err := surroundings(b)
	if err != nil {
		return served{}, err
	}
	process, url, err := b.self("floor", map[string]string{stage.EnvSink: sink, stage.EnvRedis: b.redisURL,
		stage.EnvKubeconfig: filepath.Join(b.dir, "kubeconfig")})
	return served{process, url}, err
}
