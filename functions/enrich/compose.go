package function

import (
	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/shared/event"
)

// compose makes the context of the facts, without reading anything.
func (w *work) compose() event.Context {
	f := &w.facts
	c := event.Context{Target: f.target.target, Owners: f.chain(), Labels: f.target.labels,
		NamespaceLabels: f.namespaceLabels, Workload: f.subject.workload, Volume: f.target.volume,
		Pods:      podStates(f.pods, f.past, w.signal),
		Revisions: f.past.list(f.subject.history, f.pods),
		Events:    notes(mergeEvents(f.events, f.warnings), w.about()),
		Node:      nodeState(f.nodes, w.nodeName()),
		GitOps:    f.gitOps(),
	}
	if c.Target.Kind == kindNamespace.Kind {
		c.NamespaceLabels = f.target.labels
	}
	if template := f.template(); template != nil {
		c.Containers = containers(template.Spec, f.used)
		c.Budgets = budgetsOf(f.budgets, template.Labels)
	}
	if c.Autoscaler = f.target.autoscaler; c.Autoscaler == nil {
		c.Autoscaler = autoscalerOf(f.autoscalers, f.subject.target)
	}
	if f.target.budget != nil {
		c.Budgets = []event.Budget{*f.target.budget}
	}
	return c
}

// chain is the owners, and for a target that is looked through, the workload
// behind it: what an action can change.
func (f *facts) chain() []event.Target {
	if !f.target.through || f.subject.target.Same(f.target.target) {
		return f.owners
	}
	return append(f.owners, f.subject.target)
}

// gitOps is the owner of the target's spec, or of the workload's behind it:
// an action may change either.
func (f *facts) gitOps() *event.GitOps {
	if g := gitOps(f.target.labels, f.target.annotations); g != nil {
		return g
	}
	return gitOps(f.subject.labels, f.subject.annotations)
}

// template is the workload's, or where there is none, a pod's. What has many
// workloads has no template.
func (f *facts) template() *corev1.PodTemplateSpec {
	if f.subject.template != nil {
		return f.subject.template
	}
	if len(f.pods) == 0 || f.target.node || f.target.target.Kind == kindNamespace.Kind {
		return nil
	}
	return &corev1.PodTemplateSpec{ObjectMeta: f.pods[0].ObjectMeta, Spec: f.pods[0].Spec}
}

// about are the objects whose events belong to the context; nil means all of
// the namespace.
func (w *work) about() map[object]bool {
	if w.target.target.Kind == kindNamespace.Kind {
		return nil
	}
	about := make(map[object]bool)
	targets := append([]event.Target{w.signal.Target, w.signal.Resource, w.subject.target}, w.owners...)
	for _, t := range targets {
		about[object{t.Kind, t.Name}] = true
	}
	for i := range w.past.replicaSets {
		about[object{kindReplicaSet.Kind, w.past.replicaSets[i].Name}] = true
	}
	for _, name := range w.jobs {
		about[object{kindJob.Kind, name}] = true
	}
	// A node's pods are in other namespaces than its events.
	if !w.target.node {
		for i := range w.pods {
			about[object{kindPod.Kind, w.pods[i].Name}] = true
		}
	}
	return about
}
