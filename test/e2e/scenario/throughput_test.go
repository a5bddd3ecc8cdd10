package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/stage"
	"kubernaut.ai/test/e2e/product"
)

const (
	// floodAlerts are all of different workloads, floodBatch of them a webhook.
	floodAlerts, floodBatch = 4000, 50
	// floodSenders post at a time, one webhook after the other, and floodAtOnce is
	// how many events the gateway publishes at once for each of them.
	floodSenders, floodAtOnce = 4, 16
)

// BenchmarkNewAlerts measures how many alerts a second the gateway takes from
// four Alertmanagers until the real Broker has acknowledged each, and how many
// such events the Broker acknowledges without any gateway. Nobody is subscribed
// meanwhile: stages behind it would only take the processor away.
func BenchmarkNewAlerts(b *testing.B) {
	w := enter(b)
	w.keepAwake(b)
	webhooks := w.flood(b, w.namespace(b, managed))
	w.withoutTriggers(b)
	defer w.forget(b)
	body, err := stage.Encode(eventtest.Sample(event.SignalReceived))
	require.NoError(b, err)
	// A Broker answers a moment after it says that it is ready.
	until(b, "the Broker takes an event", func(ctx context.Context) (bool, any) {
		err := w.toBroker(ctx, body)
		return err == nil, err
	})
	alone, again := w.rate(b, floodSenders*floodAtOnce, floodAlerts, func(ctx context.Context, _ int) error { return w.toBroker(ctx, body) })
	b.ReportMetric(alone, "broker-alone-events/s")
	b.ReportMetric(again, "broker-alone-posted-again")
	taken, again := w.rate(b, floodSenders, len(webhooks), func(ctx context.Context, n int) error {
		status, said, err := send(ctx, w.http, gatewayURL, webhooks[n])
		if err == nil && status >= http.StatusBadRequest {
			err = fmt.Errorf("the gateway answers %d: %s", status, said)
		}
		return err
	})
	b.ReportMetric(taken*floodBatch, "alerts/s")
	b.ReportMetric(again, "posted-again")
	b.ReportMetric(0, "ns/op")
}

// rate has posters post so many requests, each again until it is taken, and
// returns how many a second were, and how often one was posted again.
func (w *world) rate(b *testing.B, posters, requests int, do func(ctx context.Context, n int) error) (perSecond, again float64) {
	b.Helper()
	ctx, stop := during(b)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errImpatient)
	defer cancel()
	var next, repeated atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range posters {
		group.Go(func() error {
			for n := int(next.Add(1)) - 1; n < requests; n = int(next.Add(1)) - 1 {
				for err := do(ctx, n); err != nil; err = do(ctx, n) {
					repeated.Add(1)
					select {
					case <-ctx.Done():
						return errors.Join(context.Cause(ctx), err)
					case <-time.After(pollEvery):
					}
				}
			}
			return nil
		})
	}
	require.NoError(b, group.Wait())
	return float64(requests) / time.Since(began).Seconds(), float64(repeated.Load())
}

func (w *world) toBroker(ctx context.Context, event []byte) error {
	const url = "http://broker-ingress.knative-eventing.svc.cluster.local/" + product.Namespace + "/kubernaut"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(event))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", cloudevents.ApplicationCloudEventsJSON)
	response, err := w.http.Do(request)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("the Broker answers %s", response.Status)
	}
	return nil
}

// flood makes a workload an alert, and the webhooks that tell of all of them.
// The workloads are CronJobs that never run: no controller has work with them.
func (w *world) flood(t testing.TB, namespace string) (webhooks []any) {
	t.Helper()
	for range floodAlerts / floodBatch {
		var alerts []any
		for n := range floodBatch {
			name := fmt.Sprintf("flood-%02d-%02d", len(webhooks), n)
			_, err := w.kube.BatchV1().CronJobs(namespace).Create(t.Context(), neverRun(name), metav1.CreateOptions{})
			require.NoError(t, err)
			alerts = append(alerts, map[string]any{"status": "firing", "startsAt": time.Now(), "labels": map[string]string{
				"alertname": "CronJobFailing", "severity": "warning", "namespace": namespace, "cronjob": name}})
		}
		webhooks = append(webhooks, webhook(alerts...))
	}
	return webhooks
}

// neverRun is a CronJob that is suspended.
func neverRun(name string) *batchv1.CronJob {
	pod := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "nothing", Image: "nothing"}}}
	return &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: batchv1.CronJobSpec{
		Schedule: "0 0 1 1 *", Suspend: ptr.To(true),
		JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: pod}}}}}
}

// forget empties the ledger: what was flooded is nobody's to remedy.
func (w *world) forget(t testing.TB) {
	t.Helper()
	w.kill(t, w.bed.Redis)
	require.NoError(t, w.bed.Redis.Wipe())
	require.NoError(t, w.bed.Redis.Start(context.WithoutCancel(t.Context())))
}
