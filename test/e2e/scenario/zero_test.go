package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
	"kubernaut.ai/test/e2e/product"
)

// coldAim is how long the first alert after idle may take to its action: the
// benchmark measures it, since the machine that tests run on is shared.
const coldAim = 8 * time.Second

// serving labels the pods of Knative Services.
const serving = "serving.knative.dev/service"

var pingSources = schema.GroupVersionResource{Group: "sources.knative.dev", Version: "v1", Resource: "pingsources"}

// TestTheFirstAlertAfterIdleWakesTheWholeChain starts with no stage running, and
// ends with none.
func TestTheFirstAlertAfterIdleWakesTheWholeChain(t *testing.T) {
	w := enter(t)
	d := w.rolledOut(t, w.deploy(t, deployment(w.namespace(t, managed), "checkout", w.container())))
	d.Spec.Template.Spec.Containers[0].Args = []string{"-crash"}
	_, err := w.kube.AppsV1().Deployments(d.Namespace).Update(t.Context(), d, metav1.UpdateOptions{})
	require.NoError(t, err)
	pod := w.sick(t, d)
	if w.bed != nil {
		require.NoError(t, w.letIdle(t.Context()))
	}
	resume := w.withoutPings(t)
	w.atZero(t)

	began := time.Now()
	fired := w.fire(t, map[string]string{"alertname": "KubePodCrashLooping", "severity": "warning",
		"namespace": d.Namespace, "pod": pod, "container": "app"})
	until(t, "the action applied", func(context.Context) (bool, any) {
		now := w.deployment(t, d)
		return now.Annotations["kubernaut.ai/applied"] != "", now.Status
	})
	t.Logf("first alert after idle to action applied: %s; the aim is %s", time.Since(began).Round(time.Millisecond), coldAim)
	woken := w.running(t)
	for _, stage := range []string{event.StageGateway, event.StageEnrich, event.StageClassify, event.StageAnalyze, event.StageAuthorize, event.StageExecute} {
		require.Contains(t, woken, stage)
	}
	w.rolledOut(t, d)
	w.resolve(t, fired)
	resume()
	v := w.ended(t, w.opened(t, signal.Workload{Namespace: d.Namespace, Kind: "Deployment", Name: d.Name}).ID)
	require.Equal(t, event.OutcomeHealed, v.Outcome, "%+v", v)
	w.tell(t, v)
	w.withoutPings(t)
	w.scalesOut(t, d.Namespace)
	idle := time.Now()
	w.atZero(t)
	t.Logf("no stage runs any more %s after the load", time.Since(idle).Round(time.Second))
}

const (
	// loadClients post at once. A pod of the gateway is for 100 requests at once,
	// as func.yaml says, of which Knative fills 70 % before it adds another.
	loadClients = 250
	// loadTakes is how long a client lets a request wait for its body: on two
	// processors 250 who post as fast as they can leave none for a pod to start on.
	loadTakes = 2 * time.Second
	// scaledOut pods are enough to say that the gateway was scaled.
	scaledOut = 3
)

// scalesOut posts alerts that open nothing, about pods that never were, until
// the gateway has pods enough.
func (w *world) scalesOut(t *testing.T, namespace string) {
	t.Helper()
	began := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var clients sync.WaitGroup
	for client := range loadClients {
		clients.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				status, said, err := w.sendLate(ctx, stranger(namespace, fmt.Sprintf("%d-%d", client, n)))
				if ctx.Err() == nil && (err != nil || status >= http.StatusBadRequest && status != http.StatusServiceUnavailable) {
					t.Errorf("the gateway says %d %s %v", status, said, err)
					return
				}
			}
		})
	}
	until(t, "more pods of the gateway", func(context.Context) (bool, any) {
		pods := len(w.awake(t, event.StageGateway))
		return pods >= scaledOut, pods
	})
	stop()
	clients.Wait()
	t.Logf("the load of %d clients scaled the gateway to %d pods in %s", loadClients, scaledOut, time.Since(began).Round(time.Second))
}

// sendLate posts as a client on a bad link does: the head at once, the body late.
func (w *world) sendLate(ctx context.Context, body any) (int, []byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	return sendText(ctx, w.http, gatewayURL, &late{ctx: ctx, until: time.After(loadTakes), text: bytes.NewReader(text)})
}

// late is a text that is there only later.
type late struct {
	ctx   context.Context
	until <-chan time.Time
	text  io.Reader
}

func (l *late) Read(p []byte) (int, error) {
	if l.until != nil {
		select {
		case <-l.ctx.Done():
			return 0, l.ctx.Err()
		case <-l.until:
			l.until = nil
		}
	}
	return l.text.Read(p)
}

// stranger is a webhook about a pod that is not there.
func stranger(namespace, name string) map[string]any {
	return webhook(map[string]any{"status": "firing", "startsAt": time.Now(), "labels": map[string]string{
		"alertname": "KubePodCrashLooping", "severity": "warning", "namespace": namespace, "pod": "never-" + name}})
}

// atZero waits until no pod of any stage is left, not even one that ends.
func (w *world) atZero(t testing.TB) {
	t.Helper()
	until(t, "every stage at zero", func(context.Context) (bool, any) {
		running := w.running(t)
		return len(running) == 0, running
	})
}

// running lists the stages that have a pod, sorted.
func (w *world) running(t testing.TB) []string {
	t.Helper()
	pods, err := w.kube.CoreV1().Pods(product.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: serving})
	require.NoError(t, err)
	var names []string
	for _, pod := range pods.Items {
		if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			names = append(names, pod.Labels[serving])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// withoutPings lets all that is pinged sleep, until resume is called or the
// test ends.
func (w *world) withoutPings(t testing.TB) (resume func()) {
	t.Helper()
	const never = "0 0 1 1 *"
	sources := w.dynamic.Resource(pingSources).Namespace(product.Namespace)
	present, err := sources.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, present.Items)
	schedules := map[string]string{}
	for _, p := range present.Items {
		schedules[p.GetName()] = p.Object["spec"].(map[string]any)["schedule"].(string)
	}
	set := func(ctx context.Context, to func(name string) string) {
		for name := range schedules {
			_, err := sources.Patch(ctx, name, types.MergePatchType, []byte(`{"spec":{"schedule":"`+to(name)+`"}}`), metav1.PatchOptions{})
			require.NoError(t, err)
		}
	}
	set(t.Context(), func(string) string { return never })
	resume = func() {
		set(context.WithoutCancel(t.Context()), func(name string) string { return schedules[name] })
	}
	t.Cleanup(resume)
	return resume
}
