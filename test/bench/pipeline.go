package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	_ "kubernaut.ai/shared/history/sqlite"

	"kubernaut.ai/local/simulation"
	"kubernaut.ai/local/system"
)

const (
	pipelineRate  = 20
	pipelineCount = 200
	// pipelineWarmUp alerts go first, at the same rate, and are not counted:
	// connections, policies and caches are there then, as in a process that
	// has been running. What the first alert after idle costs is cold start's.
	pipelineWarmUp = 60
	pipelineAlerts = pipelineWarmUp + pipelineCount
)

// autoscalers are targets at their limit, one for each alert.
func autoscalers() []runtime.Object {
	out := workloads()[:pipelineAlerts+1]
	least, running := int32(1), int32(2)
	for _, o := range out {
		if d, ok := o.(*appsv1.Deployment); ok {
			d.Spec.Replicas = &running // an autoscaler leaves a workload at zero alone
		}
	}
	for i := range pipelineAlerts {
		name := fmt.Sprintf("app-%d", i)
		out = append(out, &autoscalingv2.HorizontalPodAutoscaler{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: benchNamespace, Annotations: map[string]string{simulation.AnnotationLoad: "3"}},
			Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: &least, MaxReplicas: 2,
				ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name}}})
	}
	return out
}

// pipeline measures alert posted to action applied, over the embedded Broker
// with the offline analyst: the moment of the change is the API server's.
func pipeline(ctx context.Context, b *bed) ([]row, error) {
	s, err := system.Start(ctx, system.Options{Root: b.root, Dir: filepath.Join(b.dir, "system"), RedisURL: b.redisURL, Initial: autoscalers(),
		Stabilization: time.Hour, PingEvery: 30 * time.Second, LogLevel: "error",
		Settings: map[string]string{"BREAKER_TOTAL": "100000", "BREAKER_NAMESPACE": "100000", "BREAKER_ACTION": "100000"}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close(context.WithoutCancel(ctx)) }()
	if err := atTheirLimit(ctx, s); err != nil {
		return nil, err
	}
	posted := make([]time.Time, pipelineAlerts)
	l := load{url: s.URL() + "/api/v1/signals/prometheus", accept: func(st int) bool { return st == 201 }, body: func(n int64) []byte {
		posted[n] = time.Now()
		return hpaAlert(int(n))
	}}.prepared()
	used := startUsage(os.Getpid())
	if _, err := l.open(ctx, pipelineRate, pipelineAlerts*time.Second/pipelineRate); err != nil {
		return nil, err
	}
	cpu := used.String()
	applied := map[string]time.Time{}
	err = until(ctx, func() bool {
		for _, m := range s.Cluster().Mutations() {
			if _, seen := applied[m.Name]; !seen && m.Applied != "" {
				applied[m.Name] = m.At
			}
		}
		return len(applied) >= pipelineAlerts
	})
	if err != nil {
		return nil, fmt.Errorf("%d of %d actions were applied: %w", len(applied), pipelineAlerts, err)
	}
	took := make(latencies, pipelineCount)
	for i := range pipelineCount {
		n := pipelineWarmUp + i
		took[i] = applied[fmt.Sprintf("app-%d", n)].Sub(posted[n])
	}
	return []row{{fmt.Sprintf("alert posted to action applied, %d alerts/s", pipelineRate),
		fmt.Sprintf("p50 %s; p99 %s", ms(took.at(50)), ms(took.at(99))), "p50 < 25 ms; p99 < 100 ms", cpu + " (one process)"}}, nil
}

// atTheirLimit waits until the simulation has settled: what is measured is
// Kubernaut, not a cluster that is starting.
func atTheirLimit(ctx context.Context, s *system.System) error {
	kube, err := kubernetes.NewForConfig(s.Cluster().RESTConfig())
	if err != nil {
		return err
	}
	return untilEvery(ctx, settleInterval, func() bool {
		list, err := kube.AutoscalingV2().HorizontalPodAutoscalers(benchNamespace).List(ctx, metav1.ListOptions{})
		if err != nil || len(list.Items) < pipelineAlerts {
			return false
		}
		for _, h := range list.Items {
			if h.Status.CurrentReplicas < h.Spec.MaxReplicas {
				return false
			}
		}
		return true
	})
}

func hpaAlert(n int) []byte {
	name := fmt.Sprintf("app-%d", n)
	return fmt.Appendf(nil, `{"version":"4","status":"firing","receiver":"kubernaut","alerts":[{"status":"firing","labels":{"alertname":"KubeHpaMaxedOut","namespace":%q,"horizontalpodautoscaler":%q,"severity":"warning"},"startsAt":%q,"fingerprint":"%016x"}]}`,
		benchNamespace, name, time.Now().UTC().Format(time.RFC3339Nano), hash("hpa"+name))
}
