package simulation

import (
	"fmt"
	"sort"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// maxEvents bounds the events of a namespace; the oldest go first, as by the real server's time to live.
const maxEvents = 1000

// Components that report events, as in a real cluster.
const (
	componentKubelet     = "kubelet"
	componentScheduler   = "default-scheduler"
	componentDeployment  = "deployment-controller"
	componentReplicaSet  = "replicaset-controller"
	componentStatefulSet = "statefulset-controller"
	componentDaemonSet   = "daemonset-controller"
	componentJob         = "job-controller"
	componentAutoscaler  = "horizontal-pod-autoscaler"
	componentNode        = "node-controller"
	componentTaint       = "taint-eviction-controller"
)

// eventKey is what makes two reports the same event, counted instead of repeated.
type eventKey struct {
	uid             types.UID
	reason, message string
}

// report describes something that happened to an object.
type report struct {
	resource  *resource
	object    metav1.Object
	component string
	reason    string
	message   string
	warning   bool
	path      string // the field of the object that it is about, such as spec.containers{app}
}

// event records a report as a core/v1 Event. Events are told to people, never relied on: a failure to record one is logged only.
func (e *engine) event(r report) {
	namespace := r.object.GetNamespace()
	if namespace == "" {
		namespace = defaultNamespace
	}
	key := eventKey{r.object.GetUID(), r.reason, r.message}
	if name, known := e.events[key]; known {
		err := e.modify(ref{eventsResource, types.NamespacedName{Namespace: namespace, Name: name}}, func(o runtime.Object) {
			event := o.(*corev1.Event)
			event.Count++
			event.LastTimestamp = metav1.NewTime(e.now())
		})
		if err == nil {
			return
		}
		delete(e.events, key) // somebody deleted it: write a new one
	}
	event := e.newEvent(r, namespace)
	if err := e.create(eventsResource, event); err != nil {
		e.options.Logger.Debug("event not recorded", "reason", r.reason, "error", err)
		return
	}
	e.events[key] = event.Name
	e.pruneEvents(namespace)
}

func (e *engine) newEvent(r report, namespace string) *corev1.Event {
	kind := corev1.EventTypeNormal
	if r.warning {
		kind = corev1.EventTypeWarning
	}
	at := metav1.NewTime(e.now())
	event := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s.%s%s", r.object.GetName(), randomSuffix(), randomSuffix()), Namespace: namespace},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: r.resource.gvr.GroupVersion().String(), Kind: r.resource.kind, Namespace: r.object.GetNamespace(), Name: r.object.GetName(),
			UID: r.object.GetUID(), ResourceVersion: r.object.GetResourceVersion(), FieldPath: r.path,
		},
		Reason: r.reason, Message: r.message, Type: kind, Count: 1, FirstTimestamp: at, LastTimestamp: at,
		Source: corev1.EventSource{Component: r.component}, ReportingController: r.component,
	}
	if pod, ok := r.object.(*corev1.Pod); ok && r.component == componentKubelet {
		event.Source.Host = pod.Spec.NodeName
	}
	return event
}

// pruneEvents removes the oldest tenth when a namespace holds too many.
func (e *engine) pruneEvents(namespace string) {
	items, _ := e.store.list(eventsResource, namespace)
	if len(items) <= maxEvents {
		return
	}
	sort.Slice(items, func(a, b int) bool { return items[a].version < items[b].version })
	for _, entry := range items[:len(items)-maxEvents+maxEvents/10] {
		event := entry.object.(*corev1.Event)
		delete(e.events, eventKey{event.InvolvedObject.UID, event.Reason, event.Message})
		_ = e.remove(ref{eventsResource, entry.key()}, entry.meta.GetUID(), nil) // gone already is as good
	}
}
