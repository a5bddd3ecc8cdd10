package function

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// collectDiagnostics gathers what a person would look at first: conditions,
// container states, events and the last log lines. It reads no Secret, no
// environment and no volume; what is left is redacted and bounded.
type collectDiagnostics struct{ kube reading.Client }

// Bounds of the evidence.
const (
	maxDiagnosedPods   = 3
	maxDiagnosedEvents = 10
	maxDiagnosedNodes  = 2
	// logLines of each log are asked for and maxLogRead bytes read at most, which is
	// twice what they can be: container runtimes break lines at 16 KiB. Of what was
	// read, the last logBytes are looked through, and maxLog of them are kept.
	logLines   = 64
	maxLogRead = 2 << 20
	logBytes   = 16 << 10
	maxLog     = 1536
	// maxDetail bounds any other piece of evidence.
	maxDetail = 1 << 10
	// eventPage bounds the events that are looked through of each object.
	eventPage = 500
)

// Plan is always empty: nothing is changed.
func (collectDiagnostics) Plan(_ context.Context, o Order) (Plan, error) {
	return Plan{Target: o.Target, Note: "Evidence was collected; nothing was changed."}, nil
}

// Collect gathers the evidence. A part that cannot be read is named in it and
// the others go on.
func (a collectDiagnostics) Collect(ctx context.Context, o Order) ([]event.Evidence, error) {
	var f findings
	pods := a.subject(ctx, o, &f)
	about := []event.Target{o.Target}
	visited := map[string]bool{}
	for i := range pods[:min(len(pods), maxDiagnosedPods)] {
		pod := &pods[i]
		if o.Target.Kind != kindPod {
			about = append(about, event.Target{Kind: kindPod, Namespace: pod.Namespace, Name: pod.Name})
		}
		f.add("pod "+pod.Name, podStates(pod))
		a.logs(ctx, pod, &f)
		if node := pod.Spec.NodeName; node != "" && !visited[node] && len(visited) < maxDiagnosedNodes {
			visited[node] = true
			a.node(ctx, node, &f)
		}
	}
	a.events(ctx, about, &f)
	return f.list, nil
}

// findings collects evidence within its bounds.
type findings struct{ list []event.Evidence }

func (f *findings) add(source, detail string) { f.addCut(source, event.Cut(redact(detail), maxDetail)) }

func (f *findings) addCut(source, detail string) {
	if detail != "" && len(f.list) < event.MaxEvidence {
		f.list = append(f.list, event.Evidence{Source: event.Cut(source, event.MaxAttribute), Detail: detail})
	}
}

func (f *findings) missing(source string, err error) {
	f.add(source, "could not be read: "+cmp.Or(string(apierrors.ReasonForError(err)), "no answer"))
}

// subject tells about the target itself and lists its pods, the ill ones first.
func (a collectDiagnostics) subject(ctx context.Context, o Order, f *findings) []corev1.Pod {
	t := o.Target
	switch {
	case t.Kind == kindPod:
		pod, err := a.kube.CoreV1().Pods(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
		if err != nil {
			f.missing("pod "+t.Name, err)
			return nil
		}
		return []corev1.Pod{*pod}
	case t.Kind == "Node":
		a.node(ctx, t.Name, f)
		return nil
	case kinds[t.Kind].get == nil:
		return nil
	}
	l, err := read(ctx, a.kube, t)
	if err != nil {
		f.add(strings.ToLower(t.Kind), "could not be read: "+named(err))
		return nil
	}
	f.add(strings.ToLower(t.Kind), conditionsOf(l.typed))
	if t.Kind == "HorizontalPodAutoscaler" {
		return nil
	}
	pods, err := podsOf(ctx, a.kube, l)
	if err != nil {
		f.missing("pods", err)
	}
	slices.SortStableFunc(pods, func(x, y corev1.Pod) int { return cmp.Compare(rank(&x), rank(&y)) })
	return pods
}

func rank(pod *corev1.Pod) int {
	if ill(pod) {
		return 0
	}
	return 1
}

// conditionsOf says what a controller reports about its object.
func conditionsOf(o any) string {
	var said []string
	say := func(kind, status, reason, message string) {
		said = append(said, strings.TrimSpace(fmt.Sprintf("%s=%s %s %s", kind, status, reason, message)))
	}
	switch t := o.(type) {
	case *appsv1.Deployment:
		said = append(said, fmt.Sprintf("%d of %d replicas ready, %d updated", t.Status.ReadyReplicas, replicas(t.Spec.Replicas), t.Status.UpdatedReplicas))
		for _, c := range t.Status.Conditions {
			say(string(c.Type), string(c.Status), c.Reason, c.Message)
		}
	case *appsv1.StatefulSet:
		said = append(said, fmt.Sprintf("%d of %d replicas ready, %d updated", t.Status.ReadyReplicas, replicas(t.Spec.Replicas), t.Status.UpdatedReplicas))
	case *appsv1.DaemonSet:
		said = append(said, fmt.Sprintf("%d of %d pods ready, %d updated", t.Status.NumberReady, t.Status.DesiredNumberScheduled, t.Status.UpdatedNumberScheduled))
	case *autoscalingv2.HorizontalPodAutoscaler:
		said = append(said, fmt.Sprintf("%d replicas, %d wanted, bounds %d to %d", t.Status.CurrentReplicas, t.Status.DesiredReplicas, replicas(t.Spec.MinReplicas), t.Spec.MaxReplicas))
		for _, c := range t.Status.Conditions {
			say(string(c.Type), string(c.Status), c.Reason, c.Message)
		}
	case *corev1.Node:
		if t.Spec.Unschedulable {
			said = append(said, "cordoned")
		}
		for _, c := range t.Status.Conditions {
			say(string(c.Type), string(c.Status), c.Reason, c.Message)
		}
		for _, taint := range t.Spec.Taints {
			said = append(said, "taint "+taint.Key+":"+string(taint.Effect))
		}
	}
	return strings.Join(said, "; ")
}

// podStates says how the pod's containers are.
func podStates(pod *corev1.Pod) string {
	said := []string{string(pod.Status.Phase)}
	for _, c := range pod.Status.ContainerStatuses {
		text := fmt.Sprintf("%s: ready=%t restarts=%d", c.Name, c.Ready, c.RestartCount)
		if w := c.State.Waiting; w != nil {
			text += " waiting=" + w.Reason
		}
		if t := c.LastTerminationState.Terminated; t != nil {
			text += fmt.Sprintf(" last=%s exit=%d", t.Reason, t.ExitCode)
		}
		said = append(said, text)
	}
	return strings.Join(said, "; ")
}

func (a collectDiagnostics) node(ctx context.Context, name string, f *findings) {
	node, err := a.kube.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		f.missing("node "+name, err)
		return
	}
	f.add("node "+name, conditionsOf(node))
}

// events keeps the newest events about the objects.
func (a collectDiagnostics) events(ctx context.Context, objects []event.Target, f *findings) {
	var found []corev1.Event
	for _, o := range objects {
		list, err := a.eventsOf(ctx, o)
		if err != nil {
			f.missing("events", err)
			return
		}
		found = append(found, list...)
	}
	slices.SortFunc(found, func(x, y corev1.Event) int { return lastSeen(&y).Compare(lastSeen(&x).Time) })
	var said []string
	for _, e := range found[:min(len(found), maxDiagnosedEvents)] {
		said = append(said, fmt.Sprintf("%s %s %s/%s: %s", e.Type, e.Reason, e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Message))
	}
	f.add("events", strings.Join(said, "\n"))
}

// eventsOf are an object's own: others have its name, and kinds exist twice.
func (a collectDiagnostics) eventsOf(ctx context.Context, o event.Target) ([]corev1.Event, error) {
	namespace := o.Namespace
	if namespace == "" {
		// Events about what is cluster-scoped are kept in the default namespace.
		namespace = metav1.NamespaceDefault
	}
	selector := fields.OneTermEqualSelector("involvedObject.name", o.Name).String()
	list, err := a.kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{Limit: eventPage, FieldSelector: selector})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list.Items, func(e corev1.Event) bool {
		return e.InvolvedObject.Name != o.Name || signal.KindOf(e.InvolvedObject.APIVersion, e.InvolvedObject.Kind) != o.Kind
	}), nil
}

func lastSeen(e *corev1.Event) metav1.Time {
	if e.LastTimestamp.IsZero() {
		return metav1.Time{Time: e.EventTime.Time}
	}
	return e.LastTimestamp
}
