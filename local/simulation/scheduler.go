package simulation

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// schedule binds a pod to the fitting node with the fewest pods (by name among equals), or says why none fits.
func (e *engine) schedule(r ref, pod *corev1.Pod) error {
	all := list[*corev1.Node](e, nodes, "")
	refusals := map[string]int{}
	var best *corev1.Node
	for _, node := range all {
		if why := e.misfit(pod, node); why != "" {
			refusals[why]++
			continue
		}
		if best == nil || len(e.onNode[node.Name]) < len(e.onNode[best.Name]) {
			best = node
		}
	}
	if best == nil {
		return e.unschedulable(r, pod, len(all), refusals)
	}
	// The binding is written past the registry's checks of a pod's spec, as the real binding subresource is.
	err := e.modify(r, func(o runtime.Object) { o.(*corev1.Pod).Spec.NodeName = best.Name })
	if err != nil {
		return err
	}
	e.event(report{resource: pods, object: pod, component: componentScheduler, reason: "Scheduled",
		message: fmt.Sprintf("Successfully assigned %s/%s to %s", pod.Namespace, pod.Name, best.Name)})
	return nil
}

func (e *engine) unschedulable(r ref, pod *corev1.Pod, count int, refusals map[string]int) error {
	parts := make([]string, 0, len(refusals))
	for _, why := range sortedKeys(refusals) {
		parts = append(parts, fmt.Sprintf("%d %s", refusals[why], why))
	}
	message := fmt.Sprintf("0/%d nodes are available: %s.", count, strings.Join(parts, ", "))
	if count == 0 {
		message = "no nodes available to schedule pods"
	}
	old := podCondition(pod, corev1.PodScheduled)
	if old != nil && old.Message == message {
		return nil
	}
	err := e.setStatus(r, func(o runtime.Object) {
		e.setPodCondition(o.(*corev1.Pod), corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message})
	})
	if err != nil {
		return err
	}
	e.event(report{resource: pods, object: pod, component: componentScheduler, reason: "FailedScheduling", message: message, warning: true})
	return nil
}

// misfit returns why a pod cannot run on a node, in the scheduler's words; empty when it can.
func (e *engine) misfit(pod *corev1.Pod, node *corev1.Node) string {
	if target := daemonTarget(pod); target != "" && target != node.Name {
		return "node(s) didn't match Pod's node affinity/selector"
	}
	if node.Spec.Unschedulable && !tolerates(pod, corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}) {
		return "node(s) were unschedulable"
	}
	if !nodeIsReady(node) && !tolerates(pod, corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}) {
		return "node(s) had untolerated taint(s)"
	}
	for _, t := range node.Spec.Taints {
		if t.Effect != corev1.TaintEffectPreferNoSchedule && !tolerates(pod, t) {
			return "node(s) had untolerated taint(s)"
		}
	}
	if !selects(pod, node) {
		return "node(s) didn't match Pod's node affinity/selector"
	}
	return e.shortOf(pod, node)
}

func tolerates(pod *corev1.Pod, t corev1.Taint) bool {
	return slices.ContainsFunc(pod.Spec.Tolerations, func(toleration corev1.Toleration) bool {
		if toleration.Effect != "" && toleration.Effect != t.Effect || toleration.Key != "" && toleration.Key != t.Key {
			return false
		}
		return toleration.Operator == corev1.TolerationOpExists || toleration.Key != "" && toleration.Value == t.Value
	})
}

func selects(pod *corev1.Pod, node *corev1.Node) bool {
	for name, value := range pod.Spec.NodeSelector {
		if node.Labels[name] != value {
			return false
		}
	}
	if pod.Spec.Affinity == nil || pod.Spec.Affinity.NodeAffinity == nil || pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return true
	}
	terms := pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	return slices.ContainsFunc(terms, func(term corev1.NodeSelectorTerm) bool { return termMatches(term, node) })
}

func termMatches(term corev1.NodeSelectorTerm, node *corev1.Node) bool {
	for _, requirement := range term.MatchFields {
		if requirement.Key == metav1.ObjectNameField && !requirementMatches(requirement, node.Name, true) {
			return false
		}
	}
	for _, requirement := range term.MatchExpressions {
		value, present := node.Labels[requirement.Key]
		if !requirementMatches(requirement, value, present) {
			return false
		}
	}
	return true
}

func requirementMatches(r corev1.NodeSelectorRequirement, value string, present bool) bool {
	switch r.Operator {
	case corev1.NodeSelectorOpIn:
		return present && slices.Contains(r.Values, value)
	case corev1.NodeSelectorOpNotIn:
		return !present || !slices.Contains(r.Values, value)
	case corev1.NodeSelectorOpExists:
		return present
	case corev1.NodeSelectorOpDoesNotExist:
		return !present
	}
	return false
}

// shortOf names the resource that a node lacks for a pod.
func (e *engine) shortOf(pod *corev1.Pod, node *corev1.Node) string {
	used := requestsOf(pod)
	count := int64(1)
	for on := range e.onNode[node.Name] {
		other, ok := get[*corev1.Pod](e, on)
		if !ok || other.Status.Phase == corev1.PodSucceeded || other.Status.Phase == corev1.PodFailed {
			continue
		}
		count++
		for name, quantity := range requestsOf(other) {
			total := used[name]
			total.Add(quantity)
			used[name] = total
		}
	}
	if most, limited := node.Status.Allocatable[corev1.ResourcePods]; limited && count > most.Value() {
		return "Too many pods"
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		most, limited := node.Status.Allocatable[name]
		if needed := used[name]; limited && needed.Cmp(most) > 0 {
			return "Insufficient " + string(name)
		}
	}
	return ""
}

func requestsOf(pod *corev1.Pod) map[corev1.ResourceName]apiresource.Quantity {
	sum := map[corev1.ResourceName]apiresource.Quantity{}
	for i := range pod.Spec.Containers {
		for name, quantity := range pod.Spec.Containers[i].Resources.Requests {
			total := sum[name]
			total.Add(quantity)
			sum[name] = total
		}
	}
	return sum
}

func nodeRef(name string) ref { return ref{nodes, types.NamespacedName{Name: name}} }
