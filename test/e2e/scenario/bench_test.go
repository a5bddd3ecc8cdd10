package scenario

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/test/e2e/bed"
)

// Benchmarks measure what the README says of a real cluster: "make bench-e2e"
// runs each once. None fails for being slow.

const (
	// warmAlerts are measured one by one, warmUp before them are not.
	warmAlerts, warmUp = 50, 10
	// warmPause is between two of them: on two cores, what an action makes the
	// cluster's controllers do is over by then.
	warmPause = time.Second
)

// BenchmarkAlertToAction measures from an alert's POST to the gateway until the
// API server has told a watcher of the change, every stage awake.
func BenchmarkAlertToAction(b *testing.B) {
	w := enter(b)
	w.keepAwake(b)
	ill := w.fallIllTogether(b, warmAlerts+warmUp)
	applied := w.watchActions(b)
	first, began := time.Now(), make(map[string]time.Time, len(ill))
	rate := time.NewTicker(warmPause)
	defer rate.Stop()
	for _, i := range ill {
		<-rate.C
		began[i.deployment.Namespace] = time.Now()
		w.tellGateway(b, i.labels())
	}
	took := make([]time.Duration, 0, len(ill))
	ended := make(map[string]time.Time, len(ill))
	for range ill {
		a := next(b, applied)
		took = append(took, a.at.Sub(began[a.namespace]))
		ended[a.namespace] = a.at
	}
	report(b, took[warmUp:])
	w.reportSteps(b, ill[warmUp:], began, ended)
	w.reportTurns(b, first)
}

// steps are the events on the way from an alert to its action.
var steps = []string{event.SignalReceived, event.SignalEnriched, event.SignalClassified, event.RemediationProposed, event.RemediationApproved}

// reportSteps gives the median of the time to each event from the one before it,
// the first from the POST; and from the last to the action.
func (w *world) reportSteps(b *testing.B, ill []*illness, began, ended map[string]time.Time) {
	b.Helper()
	took := map[string][]time.Duration{}
	for _, i := range ill {
		at := began[i.deployment.Namespace]
		id := w.opened(b, i.target()).ID
		for _, step := range steps {
			then := w.event(b, id, step).Time
			took[step] = append(took[step], then.Sub(at))
			at = then
		}
		took["applied"] = append(took["applied"], ended[i.deployment.Namespace].Sub(at))
	}
	for step, all := range took {
		slices.Sort(all)
		b.ReportMetric(milliseconds(all[len(all)/2]), "to-"+event.ShortType(step)+"-p50-ms")
	}
}

// report gives the median and the 99th percentile, in milliseconds.
func report(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	for name, share := range map[string]int{"p50-ms": 50, "p99-ms": 99} {
		b.ReportMetric(milliseconds(took[min(len(took)*share/100, len(took)-1)]), name)
	}
	b.ReportMetric(0, "ns/op") // of the whole scenario: says nothing
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// applied is when the API server told of an action on a Deployment.
type applied struct {
	namespace string
	at        time.Time
}

// next waits for the next action.
func next(t testing.TB, actions <-chan applied) applied {
	t.Helper()
	ctx, stop := during(t)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errImpatient)
	defer cancel()
	select {
	case a := <-actions:
		return a
	case <-ctx.Done():
		require.FailNow(t, "an alert without an action", "%v", context.Cause(ctx))
		return applied{}
	}
}

// watchActions tells of the first action in each namespace.
func (w *world) watchActions(t testing.TB) <-chan applied {
	t.Helper()
	changes, err := w.kube.AppsV1().Deployments(metav1.NamespaceAll).Watch(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	actions := make(chan applied, warmAlerts+warmUp)
	var done sync.WaitGroup
	done.Go(func() {
		seen := map[string]bool{}
		for change := range changes.ResultChan() {
			d, ok := change.Object.(*appsv1.Deployment)
			if ok && change.Type == watch.Modified && d.Annotations["kubernaut.ai/applied"] != "" && !seen[d.Namespace] {
				seen[d.Namespace] = true
				actions <- applied{d.Namespace, time.Now()}
			}
		}
	})
	t.Cleanup(func() { changes.Stop(); done.Wait() })
	return actions
}

// fallIllTogether makes many Deployments, and breaks them all. Each has a namespace
// of its own: the API server looks through all events of one to find those of an
// object, and 60 workloads that crash in one namespace are another case than an
// alert a second.
func (w *world) fallIllTogether(t testing.TB, count int) (ill []*illness) {
	t.Helper()
	for range count {
		d := w.fakeDeployment(w.namespace(t, managed), "checkout", 1)
		ill = append(ill, &illness{deployment: w.deploy(t, d)})
	}
	for _, i := range ill {
		w.rolledOut(t, i.deployment)
		w.rollOutBad(t, i.deployment)
	}
	for _, i := range ill {
		i.pod = w.sick(t, i.deployment)
	}
	return ill
}

// reportTurns gives the median of each stage's own time, as its log has it: what
// is left of the whole is the Broker's, the ingress's and the sidecars'.
func (w *world) reportTurns(b *testing.B, since time.Time) {
	b.Helper()
	for _, stage := range []string{event.StageEnrich, event.StageClassify, event.StageAnalyze, event.StageAuthorize, event.StageExecute} {
		turns := w.turns(b, stage, since)
		if len(turns) > 0 {
			slices.Sort(turns)
			b.ReportMetric(milliseconds(turns[len(turns)/2]), stage+"-p50-ms")
		}
	}
}

// labels are those of the alert that such pods raise.
func (i *illness) labels() map[string]string {
	return map[string]string{"alertname": "KubePodCrashLooping", "severity": "warning",
		"namespace": i.deployment.Namespace, "pod": i.pod, "container": "app"}
}

// BenchmarkFirstAlertAfterIdle is the same with no stage awake.
func BenchmarkFirstAlertAfterIdle(b *testing.B) {
	w := enter(b)
	w.onBed(b, "it would change Knative's settings, and end processes")
	require.NoError(b, w.letIdle(b.Context()))
	w.withoutPings(b)
	const rounds = 3
	ill := w.fallIllTogether(b, rounds)
	applied := w.watchActions(b)
	var took []time.Duration
	for _, i := range ill {
		w.atZero(b)
		began := time.Now()
		w.tellGateway(b, i.labels())
		took = append(took, next(b, applied).at.Sub(began))
	}
	report(b, took)
}

// BenchmarkAtRest measures what the cluster's memory holds when nothing happens,
// in MiB: Knative's pods, Kubernetes' own processes, and the stores.
func BenchmarkAtRest(b *testing.B) {
	w := enter(b)
	w.onBed(b, "it would change Knative's settings, and end processes")
	require.NoError(b, w.letIdle(b.Context()))
	w.withoutPings(b)
	w.atZero(b)
	status, err := w.bed.Status()
	require.NoError(b, err)
	b.ReportMetric(mebibytes(status.Pods), "knative-pods-MiB")
	for _, process := range status.Processes {
		switch process.Name {
		case "redis", "postgres":
			b.ReportMetric(mebibytes(process.Usage), process.Name+"-MiB")
		}
	}
	b.ReportMetric(mebibytes(status.Sum()), "whole-cluster-MiB")
	b.ReportMetric(0, "ns/op")
}

func mebibytes(u bed.Usage) float64 { return float64(u.Memory) / (1 << 20) }

// BenchmarkImages measures what a node pulls for each stage, compressed, in MB.
func BenchmarkImages(b *testing.B) {
	w := enter(b)
	for _, stage := range everyStage {
		b.ReportMetric(w.imageSize(b, stage)/1e6, stage+"-MB")
	}
	b.ReportMetric(0, "ns/op")
}
