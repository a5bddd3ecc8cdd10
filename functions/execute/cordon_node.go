package function

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/cluster"
)

// cordonNode keeps new pods off a node. The pods that run there stay.
type cordonNode struct{ kube reading.Client }

// nodePage bounds one page of the list of nodes.
const nodePage = 500

// recovery is for how long a node that was not ready must be so again to count as
// recovered.
const recovery = 5 * time.Minute

// Plan refuses to cordon the last node that takes pods.
func (a cordonNode) Plan(ctx context.Context, o Order) (Plan, error) {
	node, l, err := sightAs[*corev1.Node](ctx, a.kube, o)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Target: l.target, UndoSummary: "Makes the node schedulable again."}
	if node.Spec.Unschedulable {
		p.Note = "The node is cordoned already."
		return p, nil
	}
	if was := o.Context.Node; was != nil && was.Name == node.Name && !was.Ready && readySince(node, o.DecidedAt.Add(-recovery)) {
		return Plan{}, refuse(ReasonTargetMoved, "the node %s is ready again: it was not when it was analysed, at %s", node.Name, stamp(o.Context.CollectedAt))
	}
	other, err := a.otherTakesPods(ctx, node.Name)
	if err != nil {
		return Plan{}, err
	}
	if !other {
		return Plan{}, refuse(ReasonLastNode, "no other node is ready and takes pods")
	}
	p.Fields = []Field{{Path: "/spec/unschedulable", Before: at(l.body, "/spec/unschedulable"), After: true}}
	return p, nil
}

func (a cordonNode) otherTakesPods(ctx context.Context, name string) (bool, error) {
	options := metav1.ListOptions{Limit: nodePage}
	for {
		list, err := a.kube.CoreV1().Nodes().List(ctx, options)
		if err != nil {
			return false, apiFailure("list nodes", err)
		}
		for i := range list.Items {
			if n := &list.Items[i]; n.Name != name && takesPods(n) {
				return true, nil
			}
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return false, nil
		}
	}
}

// takesPods tells that an ordinary pod could be scheduled on the node: it is
// ready, not cordoned, and no taint keeps pods off.
func takesPods(n *corev1.Node) bool {
	if n.Spec.Unschedulable {
		return false
	}
	for _, t := range n.Spec.Taints {
		if t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute {
			return false
		}
	}
	return cluster.NodeReady(n)
}

// readySince tells that the node was ready by then, and is: one that became so a
// moment ago may flap.
func readySince(n *corev1.Node, then time.Time) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue && c.LastTransitionTime.Time.Before(then)
	})
}
