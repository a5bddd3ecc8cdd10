package scenario

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

const (
	// floodAlerts are all of different workloads, floodBatch of them a webhook,
	// floodClients Alertmanagers at once.
	floodAlerts, floodBatch, floodClients = 2000, 50, 4
	// floodAttempts bounds how often a webhook is posted: again after a 503, as
	// Alertmanager does.
	floodAttempts = 5
)

// BenchmarkNewAlerts measures how many alerts a second the gateway takes until
// the real Broker has acknowledged each. Nobody is subscribed meanwhile: stages
// behind it would only take the processor away.
func BenchmarkNewAlerts(b *testing.B) {
	w := enter(b)
	w.keepAwake(b)
	namespace := w.namespace(b, managed)
	webhooks := w.flood(b, namespace)
	w.withoutTriggers(b)
	defer w.forget(b)
	began := time.Now()
	var clients sync.WaitGroup
	var again atomic.Int64
	for range floodClients {
		clients.Go(func() {
			for webhook := range webhooks {
				for attempt := range floodAttempts {
					status, said, err := send(b.Context(), w.http, gatewayURL, webhook)
					if err == nil && status < http.StatusBadRequest {
						break
					}
					again.Add(1)
					if attempt == floodAttempts-1 || status != http.StatusServiceUnavailable {
						b.Errorf("the gateway refuses: %d %s %v", status, said, err)
						break
					}
				}
			}
		})
	}
	clients.Wait()
	b.ReportMetric(floodAlerts/time.Since(began).Seconds(), "alerts/s")
	b.ReportMetric(float64(again.Load()), "posted-again")
	b.ReportMetric(0, "ns/op")
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
