package simulation

import (
	"sort"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// reconcileDaemonSet runs one pod on every node that the template selects.
func (e *engine) reconcileDaemonSet(r ref) error {
	set, ok := get[*appsv1.DaemonSet](e, r)
	if !ok || set.DeletionTimestamp != nil {
		return nil
	}
	spec := revisioned{daemonSets, set, &set.Spec.Template, set.Spec.Selector.MatchLabels, defaultRevisionHistory}
	revision, all, err := e.revisions(spec)
	if err != nil {
		return err
	}
	owned, err := e.ownedPods(set.UID, set.Spec.Selector)
	if err != nil {
		return err
	}
	hash := revisionLabel(spec, revision)
	byNode, used := map[string]*corev1.Pod{}, map[string]bool{hash: true}
	for _, pod := range owned {
		byNode[daemonTarget(pod)] = pod
		used[pod.Labels[appsv1.ControllerRevisionHashLabelKey]] = true
	}
	targets := e.daemonNodes(set)
	for _, node := range targets {
		if byNode[node] == nil {
			if err := e.createDaemon(set, node, hash); err != nil {
				return err
			}
		}
	}
	if err := e.removeStray(set, byNode, targets); err != nil {
		return err
	}
	if err := e.updateDaemons(r, set, byNode, targets, hash); err != nil {
		return err
	}
	if err := e.pruneRevisions(spec, all, used); err != nil {
		return err
	}
	return e.writeDaemonStatus(r, set, byNode, targets, hash)
}

// daemonNodes returns the nodes that a pod of the set may run on, cordoned and not ready ones included.
func (e *engine) daemonNodes(set *appsv1.DaemonSet) []string {
	sample := e.daemonPod(set, "", "")
	sample.Spec.Affinity = set.Spec.Template.Spec.Affinity
	var out []string
	for _, node := range list[*corev1.Node](e, nodes, "") {
		if selects(sample, node) && toleratesAll(sample, node) {
			out = append(out, node.Name)
		}
	}
	return out
}

func toleratesAll(pod *corev1.Pod, node *corev1.Node) bool {
	for _, t := range node.Spec.Taints {
		if t.Effect != corev1.TaintEffectPreferNoSchedule && !tolerates(pod, t) {
			return false
		}
	}
	return true
}

func (e *engine) createDaemon(set *appsv1.DaemonSet, node, hash string) error {
	return e.createPod(daemonSets, set, e.daemonPod(set, node, hash), componentDaemonSet)
}

func (e *engine) daemonPod(set *appsv1.DaemonSet, node, hash string) *corev1.Pod {
	pod := e.podFrom(daemonSets, set, &set.Spec.Template)
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels[appsv1.ControllerRevisionHashLabelKey] = hash
	for _, key := range []string{corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable} {
		pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute},
			corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule})
	}
	pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{Key: corev1.TaintNodeUnschedulable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule})
	if pod.Spec.Affinity == nil {
		pod.Spec.Affinity = &corev1.Affinity{}
	}
	pod.Spec.Affinity.NodeAffinity = &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{
			{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{node}},
		}}},
	}}
	return pod
}

// daemonTarget returns the node that a DaemonSet made a pod for; empty for other pods.
func daemonTarget(pod *corev1.Pod) string {
	if pod.Spec.Affinity == nil || pod.Spec.Affinity.NodeAffinity == nil || pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return ""
	}
	for _, term := range pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, requirement := range term.MatchFields {
			if requirement.Key == metav1.ObjectNameField && requirement.Operator == corev1.NodeSelectorOpIn && len(requirement.Values) == 1 {
				return requirement.Values[0]
			}
		}
	}
	return ""
}

func (e *engine) removeStray(set *appsv1.DaemonSet, byNode map[string]*corev1.Pod, targets []string) error {
	wanted := map[string]bool{}
	for _, node := range targets {
		wanted[node] = true
	}
	for _, node := range sortedKeys(byNode) {
		pod := byNode[node]
		over := pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
		if pod.DeletionTimestamp == nil && (!wanted[node] || over) {
			if err := e.deletePod(daemonSets, set, pod, componentDaemonSet); err != nil {
				return err
			}
		}
	}
	return nil
}

// updateDaemons replaces pods of former templates, no more at once than may be unavailable; those that serve nobody go first.
func (e *engine) updateDaemons(r ref, set *appsv1.DaemonSet, byNode map[string]*corev1.Pod, targets []string, hash string) error {
	rolling := set.Spec.UpdateStrategy.RollingUpdate
	if set.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType || rolling == nil {
		return nil
	}
	most, err := intstr.GetScaledValueFromIntOrPercent(rolling.MaxUnavailable, len(targets), true)
	if err != nil {
		most = 1
	}
	budget := max(most, 1)
	var outdated []*corev1.Pod
	for _, node := range targets {
		pod := byNode[node]
		if pod == nil || pod.DeletionTimestamp != nil || !e.available(r, pod, set.Spec.MinReadySeconds) {
			budget--
		}
		if pod != nil && pod.DeletionTimestamp == nil && pod.Labels[appsv1.ControllerRevisionHashLabelKey] != hash {
			outdated = append(outdated, pod)
		}
	}
	sort.SliceStable(outdated, func(a, b int) bool { return !podReady(outdated[a]) && podReady(outdated[b]) })
	for _, pod := range outdated {
		serving := podReady(pod)
		if serving && budget <= 0 {
			return nil
		}
		if err := e.deletePod(daemonSets, set, pod, componentDaemonSet); err != nil {
			return err
		}
		if serving {
			budget--
		}
	}
	return nil
}

func (e *engine) writeDaemonStatus(r ref, set *appsv1.DaemonSet, byNode map[string]*corev1.Pod, targets []string, hash string) error {
	status := appsv1.DaemonSetStatus{ObservedGeneration: set.Generation, DesiredNumberScheduled: int32(len(targets)), Conditions: set.Status.Conditions}
	for _, node := range targets {
		pod := byNode[node]
		if pod == nil || !alive(pod) {
			continue
		}
		status.CurrentNumberScheduled++
		if podReady(pod) {
			status.NumberReady++
		}
		if e.available(r, pod, set.Spec.MinReadySeconds) {
			status.NumberAvailable++
		}
		if pod.Labels[appsv1.ControllerRevisionHashLabelKey] == hash {
			status.UpdatedNumberScheduled++
		}
	}
	status.NumberUnavailable = status.DesiredNumberScheduled - status.NumberAvailable
	return e.setStatus(r, func(o runtime.Object) { o.(*appsv1.DaemonSet).Status = status })
}
