package scenario

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"
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
	floodAlerts, floodBatch = 2000, 50
	// floodAtOnce is how many the gateway publishes at once for one sender.
	floodAtOnce = 16
)

// BenchmarkNewAlerts measures how many alerts a second the gateway takes from
// one Alertmanager until the real Broker has acknowledged each, and how many
// such events the Broker acknowledges without any gateway. Nobody is subscribed
// meanwhile: stages behind it would only take the processor away.
func BenchmarkNewAlerts(b *testing.B) {
	w := enter(b)
	w.keepAwake(b)
	webhooks := w.flood(b, w.namespace(b, managed))
	w.withoutTriggers(b)
	defer w.forget(b)
	b.ReportMetric(w.bareBroker(b), "broker-alone-events/s")
	began, posts := time.Now(), 0
	for webhook := range webhooks {
		posts--
		until(b, "the gateway takes a webhook", func(ctx context.Context) (bool, any) {
			posts++
			status, said, err := send(ctx, w.http, gatewayURL, webhook)
			return err == nil && status < http.StatusBadRequest, fmt.Sprintf("%d %s %v", status, said, err)
		})
	}
	b.ReportMetric(floodAlerts/time.Since(began).Seconds(), "alerts/s")
	b.ReportMetric(float64(posts), "posted-again")
	b.ReportMetric(0, "ns/op")
}

// bareBroker is how many first events a second the Broker acknowledges when
// they are posted to it as the gateway does.
func (w *world) bareBroker(b *testing.B) float64 {
	b.Helper()
	body, err := stage.Encode(eventtest.Sample(event.SignalReceived))
	require.NoError(b, err)
	left := make(chan struct{}, floodAlerts)
	for range floodAlerts {
		left <- struct{}{}
	}
	close(left)
	began := time.Now()
	var posters sync.WaitGroup
	for range floodAtOnce {
		posters.Go(func() {
			for range left {
				until(b, "the Broker takes an event", func(ctx context.Context) (bool, any) {
					err := w.toBroker(ctx, body)
					return err == nil, err
				})
			}
		})
	}
	posters.Wait()
	return floodAlerts / time.Since(began).Seconds()
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
func (w *world) flood(t testing.TB, namespace string) <-chan any {
	t.Helper()
	webhooks := make(chan any, floodAlerts/floodBatch)
	var alerts []any
	for n := range floodAlerts {
		name := fmt.Sprintf("flood-%04d", n)
		_, err := w.kube.BatchV1().CronJobs(namespace).Create(t.Context(), neverRun(name), metav1.CreateOptions{})
		require.NoError(t, err)
		alerts = append(alerts, map[string]any{"status": "firing", "startsAt": time.Now(), "labels": map[string]string{
			"alertname": "CronJobFailing", "severity": "warning", "namespace": namespace, "cronjob": name}})
		if len(alerts) == floodBatch {
			webhooks <- webhook(alerts...)
			alerts = nil
		}
	}
	close(webhooks)
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
