package function

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// allowed checks the raised container against the namespace's LimitRanges and
// ResourceQuotas. The API server checks neither when the template is written,
// only when pods are made: a rollout that it refuses would hang half way.
func (a increaseResources) allowed(ctx context.Context, w workload, index int, all []raised) error {
	ranges, err := a.kube.CoreV1().LimitRanges(w.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return apiFailure("list limit ranges", err)
	}
	for i := range ranges.Items {
		for _, item := range ranges.Items[i].Spec.Limits {
			if err := withinRange(item, w, index, all); err != nil {
				return err
			}
		}
	}
	quotas, err := a.kube.CoreV1().ResourceQuotas(w.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return apiFailure("list resource quotas", err)
	}
	for i := range quotas.Items {
		if err := withinQuota(&quotas.Items[i], w, all); err != nil {
			return err
		}
	}
	return nil
}

func withinRange(item corev1.LimitRangeItem, w workload, index int, all []raised) error {
	for _, r := range all {
		limit, ok := item.Max[r.name]
		if !ok {
			continue
		}
		value := r.limit.after
		switch item.Type {
		case corev1.LimitTypeContainer:
		case corev1.LimitTypePod:
			value = podTotal(w.template.Spec.Containers, index, r)
		default:
			continue
		}
		if value.Cmp(limit) > 0 {
			return refuse(ReasonOverLimitRange, "%s of %s is over the limit range's %s for a %s", r.name, value.String(), limit.String(), item.Type)
		}
	}
	return nil
}

// podTotal is the pod's limit of the resource after the raise.
func podTotal(containers []corev1.Container, index int, r raised) resource.Quantity {
	total := r.limit.after.DeepCopy()
	for i, c := range containers {
		if i != index {
			total.Add(c.Resources.Limits[r.name])
		}
	}
	return total
}

// withinQuota checks what all replicas together take more, once the rollout
// is through.
func withinQuota(q *corev1.ResourceQuota, w workload, all []raised) error {
	if !countsWorkloads(q) {
		return nil
	}
	for _, r := range all {
		for name, c := range map[corev1.ResourceName]change{
			r.name:               r.request,
			"requests." + r.name: r.request,
			"limits." + r.name:   r.limit,
		} {
			hard, ok := q.Status.Hard[name]
			if !ok {
				continue
			}
			need := q.Status.Used[name].DeepCopy()
			for range w.replicas {
				need.Add(c.by())
			}
			if need.Cmp(hard) > 0 {
				return refuse(ReasonOverQuota, "%s would be %s, and the quota %s allows %s", name, need.String(), q.Name, hard.String())
			}
		}
	}
	return nil
}

// countsWorkloads tells that a quota counts long-running pods that set
// resources, whatever their priority: those are the pods of a workload.
func countsWorkloads(q *corev1.ResourceQuota) bool {
	if q.Spec.ScopeSelector != nil {
		return false
	}
	return !slices.ContainsFunc(q.Spec.Scopes, func(s corev1.ResourceQuotaScope) bool {
		return s != corev1.ResourceQuotaScopeNotTerminating && s != corev1.ResourceQuotaScopeNotBestEffort
	})
}
