package function

import (
	"context"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kubernaut.ai/shared/event"
)

// maxLimitsRead bounds the autoscalers and the budgets of a namespace that
// are looked through for those that apply.
const maxLimitsRead = 500

// remembered lets the API server answer a list from its memory. For one that
// must be up to date it first asks etcd how far that is, and where little
// changes, waits for the next sign of it. What comes of a context is looked at
// again before anything is done. Such a list knows no limit.
var remembered = metav1.ListOptions{ResourceVersion: "0", ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan}

// first are so many of a list, and whether there are more.
func first[T any](list []T, most int) ([]T, bool) {
	return list[:min(len(list), most)], len(list) > most
}

// scalable tells whether an autoscaler can have such a target. Kinds without
// a reader may: operators' kinds have scale subresources too.
func scalable(t event.Target) bool {
	switch t.Kind {
	case kindDeployment.Kind, kindStatefulSet.Kind, kindReplicaSet.Kind:
		return true
	}
	_, known := readers[t.Kind]
	return !known
}

func (e enricher) readAutoscalers(ctx context.Context, namespace string) ([]autoscalingv2.HorizontalPodAutoscaler, bool, error) {
	list, err := e.clients.Kube.AutoscalingV2().HorizontalPodAutoscalers(namespace).List(ctx, remembered)
	if err != nil {
		return nil, false, err
	}
	found, more := first(list.Items, maxLimitsRead)
	return found, more, nil
}

// autoscalerOf is the autoscaler that scales the target; nil when none does.
func autoscalerOf(list []autoscalingv2.HorizontalPodAutoscaler, t event.Target) *event.Autoscaler {
	for i := range list {
		if scaled(&list[i]).Same(t) {
			return autoscalerState(&list[i])
		}
	}
	return nil
}

func (e enricher) readBudgets(ctx context.Context, namespace string) ([]policyv1.PodDisruptionBudget, bool, error) {
	list, err := e.clients.Kube.PolicyV1().PodDisruptionBudgets(namespace).List(ctx, remembered)
	if err != nil {
		return nil, false, err
	}
	found, more := first(list.Items, maxLimitsRead)
	return found, more, nil
}

// budgetsOf are the budgets that select pods with these labels. A budget
// without a selector selects none, one with an empty selector all.
func budgetsOf(list []policyv1.PodDisruptionBudget, podLabels map[string]string) []event.Budget {
	var out []event.Budget
	for i := range list {
		selector, err := metav1.LabelSelectorAsSelector(list[i].Spec.Selector)
		if err == nil && selector.Matches(labels.Set(podLabels)) {
			out = append(out, *budgetState(&list[i]))
		}
	}
	return out
}
