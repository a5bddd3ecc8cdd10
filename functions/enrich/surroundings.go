package function

import (
	"context"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
)

// facts are the answers of the API server that a context is made of.
type facts struct {
	owners          []event.Target
	namespaceLabels map[string]string
	// target is what the signal is about, subject the workload behind it.
	target, subject subject
	podsRead        bool
	pods            []corev1.Pod
	jobs            []string
	past            past
	autoscalers     []autoscalingv2.HorizontalPodAutoscaler
	budgets         []policyv1.PodDisruptionBudget
	events          []corev1.Event
	// warnings are those of the whole namespace; some are among the events too.
	warnings  []corev1.Event
	nodes     []corev1.Node
	moreNodes bool
	used      usage
}

// nodeEventNamespace is where events about cluster-scoped objects are kept.
const nodeEventNamespace = metav1.NamespaceDefault

// startSurroundings starts all that needs no more than the subject.
func (w *work) startSurroundings(ctx context.Context) {
	s := w.subject
	w.group.Go(func() {
		if !w.podsRead && !s.pods.empty() {
			w.read(ctx, PartPods, w.readingPods(s.pods))
		}
		w.readPodsNode(ctx)
	})
	if s.history.kind != noHistory && s.pods.labels != nil {
		w.start(ctx, PartRevisions, w.readingRevisions)
	}
	if w.target.autoscaler == nil && s.target.Namespace != "" && scalable(s.target) {
		w.start(ctx, PartAutoscaler, w.readingAutoscalers)
	}
	if w.target.budget == nil && s.template != nil {
		w.start(ctx, PartBudgets, w.readingBudgets)
	}
	if s.template != nil && (s.pods.labels != nil || s.pods.name != "") {
		w.start(ctx, PartUsage, func(ctx context.Context) (err error) {
			w.used, err = w.meter.measure(ctx, s.pods)
			return err
		})
	}
	w.startWarnings(ctx)
}

func (w *work) readingRevisions(ctx context.Context) error {
	found, more, err := w.readRevisions(ctx, w.subject)
	if more {
		w.shortened(PartRevisions, maxRevisionsRead)
	}
	w.past = found
	return err
}

func (w *work) readingAutoscalers(ctx context.Context) error {
	found, more, err := w.readAutoscalers(ctx, w.subject.target.Namespace)
	if more {
		w.shortened(PartAutoscaler, maxLimitsRead)
	}
	w.autoscalers = found
	return err
}

func (w *work) readingBudgets(ctx context.Context) error {
	found, more, err := w.readBudgets(ctx, w.subject.target.Namespace)
	if more {
		w.shortened(PartBudgets, maxLimitsRead)
	}
	w.budgets = found
	return err
}

// startNodes reads all nodes where the signal is about one: whether the others can
// take what runs on it matters then alone.
func (w *work) startNodes(ctx context.Context) {
	if w.signal.Target.Kind != kindNode.Kind {
		return
	}
	w.start(ctx, PartNode, func(ctx context.Context) (err error) {
		w.nodes, w.moreNodes, err = w.readNodes(ctx)
		return err
	})
}

// startEvents reads what happened to the target.
func (w *work) startEvents(ctx context.Context) {
	t := w.signal.Target
	q := eventQuery{namespace: t.Namespace, name: t.Name}
	switch {
	case t.Kind == kindNamespace.Kind:
		q = eventQuery{namespace: t.Name}
	case t.Namespace == "":
		q.namespace = nodeEventNamespace
	}
	w.start(ctx, PartEvents, w.readingEvents(q, &w.events))
}

// startWarnings reads, where the target's pods matter too, the warnings of the
// namespace: asking for each pod by name would cost the API server a walk over
// all events a pod, and the many normal events of a busy namespace would drown
// what went wrong.
func (w *work) startWarnings(ctx context.Context) {
	t := w.target.target
	if t.Namespace != "" && t.Kind != kindPod.Kind && (!w.subject.pods.empty() || w.podsRead || !w.subject.target.Same(t)) {
		w.start(ctx, PartEvents, w.readingEvents(eventQuery{namespace: t.Namespace, kind: corev1.EventTypeWarning}, &w.warnings))
	}
}

func (w *work) readingEvents(q eventQuery, into *[]corev1.Event) func(context.Context) error {
	return func(ctx context.Context) error {
		found, more, err := w.readEvents(ctx, q)
		if more {
			w.shortened(PartEvents, maxEventsRead)
		}
		*into = found
		return err
	}
}

// readRestOfNodes reads the target by name where the list of nodes ended before it.
func (w *work) readRestOfNodes(ctx context.Context) {
	name := w.target.target.Name
	if !w.moreNodes || !w.target.node {
		return
	}
	w.shortened("node.otherSchedulable", maxNodesRead)
	if !slices.ContainsFunc(w.nodes, func(n corev1.Node) bool { return n.Name == name }) {
		w.read(ctx, PartNode, w.readingNode(name))
	}
}

// readPodsNode reads the node that the alert's pod runs on. Where the alert is about
// a node, all are read meanwhile.
func (w *work) readPodsNode(ctx context.Context) {
	if name := w.nodeName(); name != "" && w.signal.Target.Kind != kindNode.Kind {
		w.read(ctx, PartNode, w.readingNode(name))
	}
}

func (w *work) readingNode(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		n, err := w.clients.Kube.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			w.nodes = append(w.nodes, *n)
		}
		return err
	}
}

// nodeName is the node that the signal is about: itself, or its pod's.
func (w *work) nodeName() string {
	if w.target.node {
		return w.target.target.Name
	}
	for _, t := range []event.Target{w.signal.Resource, w.signal.Target} {
		for i := range w.pods {
			if t.Kind == kindPod.Kind && w.pods[i].Name == t.Name {
				return w.pods[i].Spec.NodeName
			}
		}
	}
	return ""
}
