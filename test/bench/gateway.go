package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	gateway "kubernaut.ai/functions/gateway"
	"kubernaut.ai/functions/gateway/caller"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// benchToken is what the load shows the gateway, as deploy/ has it.
const benchToken = "b7QhGm2Zc0Yk5nVxR8sLwT1dUeJfPaOi"

var benchCredential = map[string]string{"Authorization": "Bearer " + benchToken}

// benchNamespace holds what the alerts are about.
const benchNamespace = "bench"

// workloadCount is the number of Deployments, each good for one new alert.
const workloadCount = 10000

// firstNew is the first Deployment of which no other measurement tells: they
// share a Redis.
const firstNew = 1000

func workloads() []runtime.Object {
	out := []runtime.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: benchNamespace, Labels: map[string]string{"kubernaut.ai/managed": "true"}}}}
	none := int32(0)
	for i := range workloadCount {
		name := fmt.Sprintf("app-%d", i)
		labels := map[string]string{"app": name}
		out = append(out, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: benchNamespace},
			Spec: appsv1.DeploymentSpec{Replicas: &none, Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:1"}}}}}})
	}
	return out
}

// webhook is a v4 body with alerts on the given workloads.
func webhook(names []string, startsAt time.Time) []byte {
	alerts := make([]string, len(names))
	for i, name := range names {
		alerts[i] = fmt.Sprintf(`{"status":"firing","labels":{"alertname":"KubeDeploymentReplicasMismatch","namespace":%q,"deployment":%q,"severity":"warning"},`+
			`"annotations":{"summary":"Deployment has not matched the expected number of replicas."},"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prometheus.example/graph","fingerprint":"%016x"}`,
			benchNamespace, name, startsAt.UTC().Format(time.RFC3339Nano), hash(name))
	}
	return []byte(`{"version":"4","groupKey":"{}:{}","truncatedAlerts":0,"status":"firing","receiver":"kubernaut","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://alertmanager.example","alerts":[` +
		strings.Join(alerts, ",") + `]}`)
}

func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// gatewayBed starts a simulated cluster, a Broker with its Triggers detached
// and a gateway, each in a process of its own.
func gatewayBed(ctx context.Context, b *bed) (*os.Process, string, error) {
	if err := os.WriteFile(filepath.Join(b.dir, caller.FileTokens), []byte(benchToken+"\n"), 0o600); err != nil {
		return nil, "", fmt.Errorf("write senders' token: %w", err)
	}
	var err error
	if b.sink, err = surroundings(b); err != nil {
		return nil, "", err
	}
	return b.gateway(ctx, gateway.EnvAuth+"="+caller.KindToken, gateway.EnvAuthDir+"="+b.dir)
}

// surroundings starts what a gateway talks to, each in a process of its own, and
// says where the Broker is.
func surroundings(b *bed) (sink string, err error) {
	if _, _, err := b.self("simulation", map[string]string{"BENCH_KUBECONFIG": filepath.Join(b.dir, "kubeconfig")}); err != nil {
		return "", err
	}
	_, sink, err = b.self("broker", map[string]string{"BENCH_ROOT": b.root})
	return sink, err
}

// gatewayDuplicates measures repeated alerts: the load of every real
// Alertmanager.
func gatewayDuplicates(ctx context.Context, b *bed) ([]row, error) {
	process, url, err := gatewayBed(ctx, b)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, c := range []struct {
		batch   int
		clients int
		target  string
	}{{1, manyClients, "≥ 5,000 alerts/s; p99 < 20 ms at half"}, {50, fewClients, "≥ 20,000 alerts/s; p99 < 20 ms at half"},
		{500, stormClients, "≥ 20,000 alerts/s"}} {
		names := make([]string, c.batch)
		for i := range names {
			names[i] = fmt.Sprintf("app-%d", i)
		}
		body := webhook(names, time.Now())
		l := load{url: url, headers: benchCredential, clients: c.clients, body: func(int64) []byte { return body }, accept: func(s int) bool { return s == 202 || s == 207 || s == 201 }}.prepared()
		if err := l.post(ctx, 0); err != nil {
			return nil, err
		}
		used := startUsage(process.Pid)
		rate, err := l.closed(ctx, b.length)
		if err != nil {
			return nil, err
		}
		cpu := used.String()
		half, err := l.open(ctx, rate/2, b.length)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{fmt.Sprintf("gateway, duplicates, %d a request", c.batch),
			fmt.Sprintf("%.0f alerts/s; p99 at half %s", rate*float64(c.batch), ms(half.at(99))), c.target, cpu})
	}
	rows = append(rows, row{"gateway, resident memory under that load", mib(memoryOf(process.Pid)), "< 60 MiB", ""})
	open, err := gatewayOpen(ctx, b)
	return append(rows, open), err
}

// gatewayOpen measures what the credential costs: a gateway that asks for none,
// beside the same Redis, Broker and API server.
func gatewayOpen(ctx context.Context, b *bed) (row, error) {
	process, url, err := b.gateway(ctx, gateway.EnvAuth+"="+caller.KindNone)
	if err != nil {
		return row{}, err
	}
	body := webhook([]string{"app-0"}, time.Now())
	l := load{url: url, clients: manyClients, body: func(int64) []byte { return body }, accept: func(s int) bool { return s == 202 || s == 201 }}.prepared()
	used := startUsage(process.Pid)
	rate, err := l.closed(ctx, b.length)
	return row{"the same without authentication, 1 a request", fmt.Sprintf("%.0f alerts/s", rate), "", used.String()}, err
}

// gateway starts one among the surroundings that are there.
func (b *bed) gateway(ctx context.Context, env ...string) (*os.Process, string, error) {
	process, url, _, err := b.launch(ctx, event.StageGateway, append(env, stage.EnvSink+"="+b.sink)...)
	return process, url + "api/v1/signals/prometheus", err
}

// gatewayNew measures alerts of which each opens a remediation, and beside it
// the calls that they cost without any gateway.
func gatewayNew(ctx context.Context, b *bed) ([]row, error) {
	process, url, err := gatewayBed(ctx, b)
	if err != nil {
		return nil, err
	}
	rate, used, err := newAlerts(ctx, b, served{process, url})
	if err != nil {
		return nil, err
	}
	bare, err := startFloor(b)
	if err != nil {
		return nil, err
	}
	most, bareUsed, err := newAlerts(ctx, b, bare)
	if err != nil {
		return nil, err
	}
	return []row{
		{"gateway, new alerts to Broker ack, 1 a request", fmt.Sprintf("%.0f alerts/s", rate), "≥ 1,500 alerts/s", used},
		{"the same calls of Redis, Broker and API server alone", fmt.Sprintf("%.0f alerts/s", most), "", bareUsed}}, nil
}

// served is a process and where it takes alerts.
type served struct {
	process *os.Process
	url     string
}

// newAlerts says how many new alerts a second it takes, and what that uses.
func newAlerts(ctx context.Context, b *bed, s served) (rate float64, used string, err error) {
	begun := time.Now()
	l := load{url: s.url, headers: benchCredential, clients: fullClients, most: workloadCount - firstNew - 1,
		body:   func(n int64) []byte { return webhook([]string{fmt.Sprintf("app-%d", firstNew+n)}, begun) },
		accept: func(s int) bool { return s == 201 }}.prepared()
	usage := startUsage(s.process.Pid)
	rate, err = l.closed(ctx, b.length)
	return rate, usage.String(), err
}

func mib(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }
