package simulation

import (
	"fmt"
	"slices"
	"strconv"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// defaultTargetUtilization is assumed when an autoscaler names no CPU target.
const defaultTargetUtilization = 80

// scaling is one look of an autoscaler at its target.
type scaling struct {
	load    int32 // replicas that the load wants; 0 when unknown
	current int32
	desired int32
}

// reconcileAutoscaler scales the target to what the load annotation wants, within the bounds.
func (e *engine) reconcileAutoscaler(r ref) error {
	hpa, ok := get[*autoscalingv2.HorizontalPodAutoscaler](e, r)
	if !ok || hpa.DeletionTimestamp != nil {
		return nil
	}
	target, found := e.scaleTarget(hpa)
	if !found {
		return e.writeScaling(r, scaling{}, []autoscalingv2.HorizontalPodAutoscalerCondition{{
			Type: autoscalingv2.AbleToScale, Status: corev1.ConditionFalse, Reason: "FailedGetScale",
			Message: "the HPA controller was unable to get the target's current scale",
		}})
	}
	part := scalableOf(target.object)
	state := scaling{current: *part.replicas}
	if load, err := strconv.ParseInt(hpa.Annotations[AnnotationLoad], 10, 32); err == nil && load > 0 {
		state.load = int32(load)
	}
	least := int32(defaultMinReplicasAutoscale)
	if hpa.Spec.MinReplicas != nil {
		least = *hpa.Spec.MinReplicas
	}
	state.desired = state.load
	if state.load == 0 {
		state.desired = state.current
	}
	if state.current == 0 { // scaled to nothing by hand: an autoscaler is off then
		return e.writeScaling(r, scaling{}, []autoscalingv2.HorizontalPodAutoscalerCondition{{
			Type: autoscalingv2.ScalingActive, Status: corev1.ConditionFalse, Reason: "ScalingDisabled",
			Message: "scaling is disabled since the replica count of the target is zero",
		}})
	}
	state.desired = max(least, min(state.desired, hpa.Spec.MaxReplicas))
	if err := e.rescale(hpa, target, state); err != nil {
		return err
	}
	return e.writeScaling(r, state, scalingConditions(hpa, state, least))
}

func (e *engine) scaleTarget(hpa *autoscalingv2.HorizontalPodAutoscaler) (*item, bool) {
	reference := hpa.Spec.ScaleTargetRef
	gv, err := schema.ParseGroupVersion(reference.APIVersion)
	if err != nil {
		return nil, false
	}
	r := served.byKind[gv.WithKind(reference.Kind)]
	if r == nil || !r.scale {
		return nil, false
	}
	found := e.store.get(r, types.NamespacedName{Namespace: hpa.Namespace, Name: reference.Name})
	return found, found != nil
}

func (e *engine) rescale(hpa *autoscalingv2.HorizontalPodAutoscaler, target *item, state scaling) error {
	if state.desired == state.current {
		return nil
	}
	err := e.modify(ref{target.resource, target.key()}, func(o runtime.Object) { *scalableOf(o).replicas = state.desired })
	if err != nil {
		return err
	}
	e.event(report{resource: autoscalers, object: hpa, component: componentAutoscaler, reason: "SuccessfulRescale",
		message: fmt.Sprintf("New size: %d; reason: cpu resource utilization (percentage of request) differs from target", state.desired)})
	return nil
}

func scalingConditions(hpa *autoscalingv2.HorizontalPodAutoscaler, s scaling, least int32) []autoscalingv2.HorizontalPodAutoscalerCondition {
	able := autoscalingv2.HorizontalPodAutoscalerCondition{Type: autoscalingv2.AbleToScale, Status: corev1.ConditionTrue, Reason: "ReadyForNewScale", Message: "recommended size matches current size"}
	if s.desired != s.current {
		able.Reason, able.Message = "SucceededRescale", fmt.Sprintf("the HPA controller was able to update the target scale to %d", s.desired)
	}
	active := autoscalingv2.HorizontalPodAutoscalerCondition{Type: autoscalingv2.ScalingActive, Status: corev1.ConditionTrue, Reason: "ValidMetricFound",
		Message: "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"}
	if s.load == 0 {
		active.Status, active.Reason = corev1.ConditionFalse, "FailedGetResourceMetric"
		active.Message = "the HPA was unable to compute the replica count: failed to get cpu utilization"
	}
	limited := autoscalingv2.HorizontalPodAutoscalerCondition{Type: autoscalingv2.ScalingLimited, Status: corev1.ConditionFalse, Reason: "DesiredWithinRange",
		Message: "the desired count is within the acceptable range"}
	switch {
	case s.load > hpa.Spec.MaxReplicas:
		limited.Status, limited.Reason, limited.Message = corev1.ConditionTrue, "TooManyReplicas", "the desired replica count is more than the maximum replica count"
	case s.load > 0 && s.load < least:
		limited.Status, limited.Reason, limited.Message = corev1.ConditionTrue, "TooFewReplicas", "the desired replica count is less than the minimum replica count"
	}
	return []autoscalingv2.HorizontalPodAutoscalerCondition{able, active, limited}
}

// writeScaling writes what the look found. An autoscaler looks every few seconds and most looks find what the last one found:
// those write nothing, and are told before a transaction is begun.
func (e *engine) writeScaling(r ref, s scaling, conditions []autoscalingv2.HorizontalPodAutoscalerCondition) error {
	hpa, ok := get[*autoscalingv2.HorizontalPodAutoscaler](e, r)
	if !ok {
		return nil
	}
	next := e.scalingStatus(hpa, s, conditions)
	if equality.Semantic.DeepEqual(hpa.Status, next) {
		return nil
	}
	return e.setStatus(r, func(o runtime.Object) { o.(*autoscalingv2.HorizontalPodAutoscaler).Status = next })
}

func (e *engine) scalingStatus(hpa *autoscalingv2.HorizontalPodAutoscaler, s scaling, conditions []autoscalingv2.HorizontalPodAutoscalerCondition) autoscalingv2.HorizontalPodAutoscalerStatus {
	now, next := metav1.NewTime(e.now()), hpa.Status
	for i := range conditions {
		conditions[i].LastTransitionTime = now
		at := slices.IndexFunc(next.Conditions, func(c autoscalingv2.HorizontalPodAutoscalerCondition) bool { return c.Type == conditions[i].Type })
		if at >= 0 && next.Conditions[at].Status == conditions[i].Status {
			conditions[i].LastTransitionTime = next.Conditions[at].LastTransitionTime
		}
	}
	if s.desired != s.current {
		next.LastScaleTime = &now
	}
	next.CurrentReplicas, next.DesiredReplicas, next.Conditions = s.current, s.desired, conditions
	next.CurrentMetrics = utilization(hpa, s)
	return next
}

// utilization is what the CPU metric would read: the load spread over the present replicas.
func utilization(hpa *autoscalingv2.HorizontalPodAutoscaler, s scaling) []autoscalingv2.MetricStatus {
	if s.load == 0 || s.current == 0 {
		return nil
	}
	target := int32(defaultTargetUtilization)
	for _, metric := range hpa.Spec.Metrics {
		if metric.Resource != nil && metric.Resource.Name == corev1.ResourceCPU && metric.Resource.Target.AverageUtilization != nil {
			target = *metric.Resource.Target.AverageUtilization
		}
	}
	average := target * s.load / s.current
	return []autoscalingv2.MetricStatus{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricStatus{
		Name: corev1.ResourceCPU, Current: autoscalingv2.MetricValueStatus{AverageUtilization: &average},
	}}}
}
