package function

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// FieldManager names Kubernaut in the managed fields of what it writes.
const FieldManager = "kubernaut"

// live is an object as the API server has it now.
type live struct {
	target event.Target
	meta   metav1.Object
	// typed is the client's own type; body the same as plain JSON.
	typed runtime.Object
	body  map[string]any
}

// templateDigest names the object's pod template, empty where it has none.
func (l live) templateDigest() string {
	template, ok := cluster.PodTemplate(l.typed)
	if !ok {
		return ""
	}
	// A template that came as JSON can be written as JSON.
	digest, _ := cluster.TemplateDigest(template)
	return digest
}

// object is what every typed object of client-go is.
type object interface {
	runtime.Object
	metav1.Object
}

// getter is what a read needs of a typed client.
type getter[T object] interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (T, error)
}

// patcher is what the guarded write needs of a typed client.
type patcher[T object] interface {
	Patch(ctx context.Context, name string, pt types.PatchType, data []byte, opts metav1.PatchOptions, subresources ...string) (T, error)
}

// access reads and patches objects of one kind.
type access struct {
	apiVersion string
	get        func(context.Context, reading.Client, event.Target) (object, error)
	patch      func(context.Context, kubernetes.Interface, write) (object, error)
}

// write is one JSON Patch.
type write struct {
	target event.Target
	body   []byte
	dryRun bool
}

func (w write) options() metav1.PatchOptions {
	o := metav1.PatchOptions{FieldManager: FieldManager}
	if w.dryRun {
		o.DryRun = []string{metav1.DryRunAll}
	}
	return o
}

// ways are how the clients of one kind are reached.
type ways[T object] struct {
	read  func(reading.Client, string) getter[T]
	write func(kubernetes.Interface, string) patcher[T]
}

func accessBy[T object](apiVersion string, of ways[T]) access {
	return access{
		apiVersion: apiVersion,
		get: func(ctx context.Context, kube reading.Client, t event.Target) (object, error) {
			return of.read(kube, t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
		},
		patch: func(ctx context.Context, kube kubernetes.Interface, w write) (object, error) {
			return of.write(kube, w.target.Namespace).Patch(ctx, w.target.Name, types.JSONPatchType, w.body, w.options())
		},
	}
}

// kindPod is as targets write it.
const kindPod = "Pod"

// kinds that execute writes to, or whose applied annotation it reads.
var kinds = map[string]access{
	"Deployment":              accessBy("apps/v1", deployments),
	"StatefulSet":             accessBy("apps/v1", statefulSets),
	"DaemonSet":               accessBy("apps/v1", daemonSets),
	"ReplicaSet":              accessBy("apps/v1", replicaSets),
	"HorizontalPodAutoscaler": accessBy("autoscaling/v2", autoscalers),
	"Node":                    accessBy("v1", nodes),
}

// read gets the target and insists on its UID where one is named.
func read(ctx context.Context, kube reading.Client, t event.Target) (live, error) {
	kind, ok := kinds[t.Kind]
	if !ok {
		return live{}, refuse(ReasonKindUnsupported, "%s is not a kind that is written", t.Kind)
	}
	typed, err := kind.get(ctx, kube, t)
	if err != nil {
		return live{}, apiFailure("read "+t.String(), err)
	}
	if t.UID != "" && string(typed.GetUID()) != t.UID {
		return live{}, refuse(ReasonTargetGone, "%s was replaced: its UID is %s, not %s", t, typed.GetUID(), t.UID)
	}
	return liveOf(t, typed)
}

func liveOf(t event.Target, typed object) (live, error) {
	t.APIVersion, t.UID = kinds[t.Kind].apiVersion, string(typed.GetUID())
	l := live{target: t, meta: typed, typed: typed}
	raw, err := json.Marshal(typed)
	if err != nil {
		return live{}, fmt.Errorf("encode %s: %w", t, err)
	}
	if err := json.Unmarshal(raw, &l.body); err != nil {
		return live{}, fmt.Errorf("decode %s: %w", t, err)
	}
	return l, nil
}

// sight is the order's target as this turn saw it first; it is read if nobody
// has looked yet.
func sight(ctx context.Context, kube reading.Client, o Order) (live, error) {
	if o.seen != nil {
		return *o.seen, nil
	}
	return read(ctx, kube, o.Target)
}

// sightAs is sight as the client's own type.
func sightAs[T object](ctx context.Context, kube reading.Client, o Order) (T, live, error) {
	var none T
	l, err := sight(ctx, kube, o)
	if err != nil {
		return none, l, err
	}
	typed, ok := l.typed.(T)
	if !ok {
		return none, l, refuse(ReasonKindUnsupported, "%s is not of the kind that the action is for", o.Target)
	}
	return typed, l, nil
}
