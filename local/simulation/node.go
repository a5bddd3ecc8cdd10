package simulation

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// What a node offers when its manifest says nothing.
const (
	defaultNodeCPU    = "8"
	defaultNodeMemory = "32Gi"
	defaultNodePods   = "110"
)

// nodeRuntime remembers when a node's fault began, so that it can end.
type nodeRuntime struct {
	notReadySince time.Time
	recovered     bool
}

// reconcileNode sets a node's capacity, Ready condition and taints from its annotations.
func (e *engine) reconcileNode(r ref) error {
	node, ok := get[*corev1.Node](e, r)
	if !ok {
		return nil
	}
	ready := e.nodeReady(r, node)
	was := conditionOf(node.Status.Conditions, corev1.NodeReady)
	if err := e.setStatus(r, func(o runtime.Object) { e.fillNode(o.(*corev1.Node), ready) }); err != nil {
		return err
	}
	if err := e.modify(r, func(o runtime.Object) { taint(o.(*corev1.Node), ready) }); err != nil {
		return err
	}
	if was != nil && (was.Status == corev1.ConditionTrue) != ready {
		reason := "NodeReady"
		if !ready {
			reason = "NodeNotReady"
		}
		e.event(report{resource: nodes, object: node, component: componentNode, reason: reason,
			message: fmt.Sprintf("Node %s status is now: %s", node.Name, reason)})
	}
	return nil
}

func (e *engine) nodeReady(r ref, node *corev1.Node) bool {
	if node.Annotations[AnnotationReady] != annotationFalse {
		delete(e.nodes, node.UID)
		return true
	}
	state := e.nodes[node.UID]
	if state == nil {
		state = &nodeRuntime{notReadySince: e.now()}
		e.nodes[node.UID] = state
	}
	if state.recovered {
		return true
	}
	after, err := time.ParseDuration(node.Annotations[AnnotationRecoversAfter])
	if err != nil {
		return false
	}
	due := state.notReadySince.Add(e.simulated(after))
	if !e.now().Before(due) {
		state.recovered = true
		return true
	}
	e.at(due, r)
	return false
}

func (e *engine) fillNode(node *corev1.Node, ready bool) {
	if len(node.Status.Capacity) == 0 {
		node.Status.Capacity = corev1.ResourceList{
			corev1.ResourceCPU: apiresource.MustParse(defaultNodeCPU), corev1.ResourceMemory: apiresource.MustParse(defaultNodeMemory),
			corev1.ResourcePods: apiresource.MustParse(defaultNodePods),
		}
	}
	if len(node.Status.Allocatable) == 0 {
		node.Status.Allocatable = node.Status.Capacity.DeepCopy()
	}
	if len(node.Status.Addresses) == 0 {
		node.Status.Addresses = []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: addressOf(node.UID)}, {Type: corev1.NodeHostName, Address: node.Name},
		}
	}
	node.Status.NodeInfo.KubeletVersion = serverVersion.GitVersion
	node.Status.NodeInfo.OperatingSystem, node.Status.NodeInfo.Architecture = "linux", "amd64"
	now := metav1.NewTime(e.now())
	status, reason, message := corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status"
	if !ready {
		status, reason, message = corev1.ConditionFalse, "KubeletNotReady", "container runtime network not ready: NetworkReady=false"
	}
	node.Status.Conditions = setNodeCondition(node.Status.Conditions, corev1.NodeCondition{Type: corev1.NodeReady, Status: status, Reason: reason, Message: message, LastTransitionTime: now, LastHeartbeatTime: now})
	for _, pressure := range []corev1.NodeConditionType{corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure} {
		node.Status.Conditions = setNodeCondition(node.Status.Conditions, corev1.NodeCondition{
			Type: pressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientResources", LastTransitionTime: now, LastHeartbeatTime: now,
		})
	}
}

// addressOf derives a private address from a uid, the same for every look.
func addressOf(uid types.UID) string {
	raw := hash32(string(uid))
	return fmt.Sprintf("10.%d.%d.%d", 64+raw>>16&0x3f, raw>>8&0xff, 1+raw%250)
}

func conditionOf(conditions []corev1.NodeCondition, kind corev1.NodeConditionType) *corev1.NodeCondition {
	for i := range conditions {
		if conditions[i].Type == kind {
			return &conditions[i]
		}
	}
	return nil
}

// setNodeCondition replaces a condition; times change only when its status does, so that an unchanged node is not written.
func setNodeCondition(conditions []corev1.NodeCondition, next corev1.NodeCondition) []corev1.NodeCondition {
	old := conditionOf(conditions, next.Type)
	if old == nil {
		return append(conditions, next)
	}
	if old.Status == next.Status {
		next.LastTransitionTime, next.LastHeartbeatTime = old.LastTransitionTime, old.LastHeartbeatTime
	}
	*old = next
	return conditions
}

// taint sets what the node lifecycle controller sets: not-ready while it is, unschedulable while it is cordoned.
func taint(node *corev1.Node, ready bool) {
	setTaint(node, corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}, !ready)
	setTaint(node, corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoExecute}, !ready)
	setTaint(node, corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}, node.Spec.Unschedulable)
}

func setTaint(node *corev1.Node, wanted corev1.Taint, present bool) {
	same := func(t corev1.Taint) bool { return t.Key == wanted.Key && t.Effect == wanted.Effect }
	has := slices.ContainsFunc(node.Spec.Taints, same)
	switch {
	case present && !has:
		node.Spec.Taints = append(node.Spec.Taints, wanted)
	case !present && has:
		node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, same)
	}
}

func nodeIsReady(node *corev1.Node) bool {
	condition := conditionOf(node.Status.Conditions, corev1.NodeReady)
	return condition != nil && condition.Status == corev1.ConditionTrue
}
