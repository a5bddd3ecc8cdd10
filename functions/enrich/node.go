package function

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
)

const (
	// maxNodesRead bounds the nodes among which other places are counted; the
	// count is marked where there are more.
	maxNodesRead = 500
	maxTaints    = 10
)

func (e enricher) readNodes(ctx context.Context) ([]corev1.Node, bool, error) {
	list, err := e.clients.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: maxNodesRead})
	if err != nil {
		return nil, false, err
	}
	return list.Items, list.Continue != "", nil
}

// nodeState is the named node among the nodes; nil when it is not there. A
// tainted node is no place for others: who cordons the last plain one because
// a control plane is left has nowhere to go.
func nodeState(nodes []corev1.Node, name string) *event.Node {
	var out *event.Node
	others := 0
	for i := range nodes {
		n := &nodes[i]
		if n.Name != name {
			if ready(n) && !n.Spec.Unschedulable && !repels(n) {
				others++
			}
			continue
		}
		out = &event.Node{Name: n.Name, Ready: ready(n), Unschedulable: n.Spec.Unschedulable,
			Conditions: conditions(n.Status.Conditions, func(c corev1.NodeCondition) event.Condition {
				return event.Condition{Type: string(c.Type), Status: string(c.Status), Reason: c.Reason, Message: c.Message}
			})}
		for _, t := range n.Spec.Taints[:min(len(n.Spec.Taints), maxTaints)] {
			out.Taints = append(out.Taints, event.Cut(t.ToString(), event.MaxAttribute))
		}
	}
	if out != nil {
		out.OtherSchedulable = others
	}
	return out
}

func ready(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func repels(n *corev1.Node) bool {
	for _, t := range n.Spec.Taints {
		if t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute {
			return true
		}
	}
	return false
}
