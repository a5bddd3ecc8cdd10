package execute_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/local/simulation"
	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"

	execute "kubernaut.ai/functions/execute"
)

const (
	fingerprint = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	remediation = "base0123-1"
	namespace   = "shop"
	patience    = 10 * time.Second
	// ahead puts the executor's clock before the cluster's, so that pods of this
	// very second are older than the decision.
	ahead = time.Minute
)

// lab is a simulated cluster, a Redis and an executor over both.
type lab struct {
	t       *testing.T
	cluster *simulation.Cluster
	kube    kubernetes.Interface
	redis   ledgertest.Embedded
	// wire is between executor and cluster; nil is none.
	wire func(http.RoundTripper) http.RoundTripper
	// options are those of the executor's ledger.
	options  []ledger.Option
	settings execute.Settings
	clock    atomic.Int64
}

func newLab(t *testing.T, manifests string) *lab {
	t.Helper()
	t.Parallel()
	c, err := simulation.Start(t.Context(), simulation.Options{Speed: 2000, Tick: 2 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	kube, err := kubernetes.NewForConfig(c.RESTConfig())
	require.NoError(t, err)
	l := &lab{t: t, cluster: c, kube: kube, redis: ledgertest.Miniredis(t), settings: execute.DefaultSettings()}
	l.settings.ObserveWithin = 100 * time.Millisecond
	l.load(manifests)
	return l
}

func (l *lab) load(manifests string) {
	l.t.Helper()
	require.NoError(l.t, l.cluster.Load(strings.NewReader(manifests)))
}

func (l *lab) now() time.Time { return time.Now().Add(ahead + time.Duration(l.clock.Load())) }

// executor is a new process: nothing of an earlier one is left in it.
func (l *lab) executor() *execute.Executor {
	l.t.Helper()
	config := l.cluster.RESTConfig()
	if l.wire != nil {
		config.Wrap(l.wire)
	}
	clients, err := cluster.ForConfig(config, event.StageExecute)
	require.NoError(l.t, err)
	memory := l.redis.Ledger(l.t, l.options...)
	return execute.NewExecutor(execute.Parts{Kube: clients.Kube, Scope: func() execute.Scoper { return clients.Once() },
		Book: execute.NewBook(memory), Now: l.now}, l.settings)
}

// request is an approved order with its authority in place.
func (l *lab) request(name action.Name, target event.Target, parameters map[string]any) execute.Request {
	p := event.Proposal{Step: 1, Rung: event.Rung{Action: name, Target: target, Parameters: parameters}}
	return execute.Request{
		Remediation: event.Remediation{ID: remediation, Fingerprint: fingerprint},
		Signal:      event.Signal{Target: target},
		Proposal:    p, ProposalDigest: "digest",
		Decision: event.Decision{Outcome: event.DecisionApproved, Step: 1, Action: name, Target: target,
			Parameters: parameters, Proposal: "digest", DecidedAt: l.now(), ExpiresAt: l.now().Add(10 * time.Minute)},
	}
}

// do executes all turns of a request in new processes, each event on the wire
// between them.
func (l *lab) do(r execute.Request) event.Execution {
	l.t.Helper()
	for range 50 {
		res, err := l.executor().Execute(l.t.Context(), r)
		require.NoError(l.t, err)
		require.False(l.t, res.Ended)
		if res.Next == nil {
			return overWire(l.t, res.Execution)
		}
		r.Progress = ptr(overWire(l.t, *res.Next))
	}
	require.Fail(l.t, "the action did not end")
	return event.Execution{}
}

// undo is the request that takes the execution back.
func undo(r execute.Request, e event.Execution) execute.Request {
	r.Decision.Undo, r.Applied = true, &e
	return r
}

// writes counts what the executor changed, at the API server's side.
func (l *lab) writes() []simulation.Mutation {
	var out []simulation.Mutation
	for _, m := range l.cluster.Mutations() {
		if strings.HasPrefix(m.UserAgent, "kubernaut-execute") {
			out = append(out, m)
		}
	}
	return out
}

// await waits until the cluster is as the test needs it.
func (l *lab) await(condition func() bool) {
	l.t.Helper()
	require.Eventually(l.t, condition, patience, 5*time.Millisecond)
}

// ready waits until the Deployment has what it wants.
func (l *lab) ready(name string) {
	l.t.Helper()
	l.await(func() bool {
		d, err := l.kube.AppsV1().Deployments(namespace).Get(l.t.Context(), name, metav1.GetOptions{})
		return err == nil && d.Status.ObservedGeneration >= d.Generation && d.Status.ReadyReplicas == *d.Spec.Replicas &&
			d.Status.UpdatedReplicas == *d.Spec.Replicas
	})
}

func (l *lab) replicas(name string) int32 {
	l.t.Helper()
	d, err := l.kube.AppsV1().Deployments(namespace).Get(l.t.Context(), name, metav1.GetOptions{})
	require.NoError(l.t, err)
	return *d.Spec.Replicas
}

func (l *lab) image(name string) string {
	l.t.Helper()
	d, err := l.kube.AppsV1().Deployments(namespace).Get(l.t.Context(), name, metav1.GetOptions{})
	require.NoError(l.t, err)
	return d.Spec.Template.Spec.Containers[0].Image
}

// roll gives the Deployment another image.
func (l *lab) roll(name, image string) {
	l.t.Helper()
	l.patch(name, `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"`+image+`"}]}}}}`)
	l.await(func() bool {
		d, err := l.kube.AppsV1().Deployments(namespace).Get(l.t.Context(), name, metav1.GetOptions{})
		return err == nil && d.Status.ObservedGeneration >= d.Generation
	})
}

func (l *lab) patch(name, body string) {
	l.t.Helper()
	_, err := l.kube.AppsV1().Deployments(namespace).Patch(l.t.Context(), name,
		"application/strategic-merge-patch+json", []byte(body), metav1.PatchOptions{})
	require.NoError(l.t, err)
}

func deployment(name string) event.Target {
	return event.Target{APIVersion: "apps/v1", Kind: "Deployment", Namespace: namespace, Name: name}
}

// overWire is what a value is after a trip through an event.
func overWire[T any](t *testing.T, v T) T {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	var out T
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

func ptr[T any](v T) *T { return &v }

const shop = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {kubernaut.ai/managed: "true"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: shop/web:v1
          resources: {requests: {memory: 64Mi, cpu: 100m}, limits: {memory: 128Mi, cpu: 200m}}
`

// forgotten insists that Redis has neither plan nor claim.
func (l *lab) forgotten(why string) {
	l.t.Helper()
	memory := l.redis.Ledger(l.t)
	_, err := memory.Plan(l.t.Context(), remediation, "1")
	require.ErrorIs(l.t, err, ledger.ErrNotFound, why)
	_, err = memory.Get(l.t.Context(), fingerprint)
	require.ErrorIs(l.t, err, ledger.ErrNotFound, why)
}
