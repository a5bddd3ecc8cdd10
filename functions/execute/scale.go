package function

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/event"
)

// Both scaling actions write spec.replicas of the object itself, not its
// scale subresource: the subresource takes no annotation, so the applied mark
// could not be part of the same write, and a crash between the two would
// leave a change that nobody knows of. A JSON Patch on the object is guarded
// the same way, by UID and by a test on the former count.
const replicasPath = "/spec/replicas"

// scaling is what both have in common.
type scaling struct {
	order   Order
	live    live
	current int32
	caps    Caps
}

// wanted reads the count to set and refuses what nobody may set alone.
func (s scaling) wanted() (int32, error) {
	n, ok := number(s.order, "replicas")
	if !ok {
		return 0, refuse(ReasonParameters, "replicas is missing")
	}
	want := int32(n)
	switch {
	case want > s.current && int(want) > s.caps.Replicas:
		return 0, refuse(ReasonOverCap, "%d replicas are over the cap of %d", want, s.caps.Replicas)
	case want == 0 && s.order.Approver == "":
		return 0, refuse(ReasonNeedsApproval, "scaling to zero takes a person's approval")
	}
	return want, nil
}

// plan sets the count; the same count is nothing to do.
func (s scaling) plan(want int32) (Plan, error) {
	p := Plan{Target: s.live.target}
	if want == s.current {
		p.Note = fmt.Sprintf("%s has %d replicas already.", s.live.target, want)
		return p, nil
	}
	if err := s.order.scaledSince(s.live, s.current); err != nil {
		return Plan{}, err
	}
	p.Fields = []Field{{Path: replicasPath, Before: s.current, After: want}}
	p.UndoSummary = fmt.Sprintf("Sets the replicas back to %d.", s.current)
	return p, nil
}

// autoscaled refuses a workload whose replicas an HPA sets: it would take the
// change back within seconds.
func autoscaled(ctx context.Context, kube reading.Client, t event.Target) error {
	list, err := kube.AutoscalingV2().HorizontalPodAutoscalers(t.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return apiFailure("list autoscalers", err)
	}
	for _, h := range list.Items {
		if ref := h.Spec.ScaleTargetRef; ref.Kind == t.Kind && ref.Name == t.Name {
			return refuse(ReasonHPAManaged, "the autoscaler %s sets the replicas of %s", h.Name, t)
		}
	}
	return nil
}
