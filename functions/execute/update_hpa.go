package function

import (
	"context"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/event"
)

// updateHPA moves the bounds of a HorizontalPodAutoscaler.
type updateHPA struct {
	kube reading.Client
	caps Caps
}

// Plan refuses bounds that cross and a maximum over the cap.
func (a updateHPA) Plan(ctx context.Context, o Order) (Plan, error) {
	h, l, err := sightAs[*autoscalingv2.HorizontalPodAutoscaler](ctx, a.kube, o)
	if err != nil {
		return Plan{}, err
	}
	low, high := replicas(h.Spec.MinReplicas), h.Spec.MaxReplicas
	wantLow, setsLow := number(o, "minReplicas")
	wantHigh, setsHigh := number(o, "maxReplicas")
	if !setsLow && !setsHigh {
		return Plan{}, refuse(ReasonParameters, "neither minReplicas nor maxReplicas is given")
	}
	p := Plan{Target: l.target, UndoSummary: fmt.Sprintf("Sets the bounds back to %d and %d.", low, high)}
	newLow, newHigh := low, high
	if setsLow {
		newLow = int32(wantLow)
	}
	if setsHigh {
		newHigh = int32(wantHigh)
	}
	switch {
	case newLow > newHigh:
		return Plan{}, refuse(ReasonMinOverMax, "the minimum %d would be over the maximum %d", newLow, newHigh)
	case newHigh > high && int(newHigh) > a.caps.Autoscaler:
		return Plan{}, refuse(ReasonOverCap, "a maximum of %d is over the cap of %d", newHigh, a.caps.Autoscaler)
	}
	if newLow != low {
		p.Fields = append(p.Fields, Field{Path: "/spec/minReplicas", Before: at(l.body, "/spec/minReplicas"), After: newLow})
	}
	if newHigh != high {
		p.Fields = append(p.Fields, Field{Path: "/spec/maxReplicas", Before: high, After: newHigh})
	}
	if len(p.Fields) == 0 {
		p.Note = fmt.Sprintf("The bounds are %d and %d already.", low, high)
		return p, nil
	}
	if err := o.boundedSince(l, h); err != nil {
		return Plan{}, err
	}
	return p, nil
}

// Disturbs is the workload that the autoscaler scales.
func (a updateHPA) Disturbs(ctx context.Context, o Order, _ Plan) ([]event.Target, error) {
	h, _, err := sightAs[*autoscalingv2.HorizontalPodAutoscaler](ctx, a.kube, o)
	if err != nil {
		return nil, err
	}
	ref := h.Spec.ScaleTargetRef
	return []event.Target{{APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: o.Target.Namespace, Name: ref.Name}}, nil
}
