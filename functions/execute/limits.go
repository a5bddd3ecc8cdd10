package function

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rollout is what a raise comes to in pods: one before and one after it, as the
// API server makes them, and how many.
type rollout struct {
	before, after   corev1.PodSpec
	replicas, surge int32
}

// allowed checks the raised container against the namespace's LimitRanges and
// ResourceQuotas. The API server checks neither when the template is written,
// only when pods are made: a rollout that it refuses would hang half way.
func (a increaseResources) allowed(ctx context.Context, w workload, index int, all []raised) error {
	ranges, err := a.kube.CoreV1().LimitRanges(w.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return apiFailure("list limit ranges", err)
	}
	quotas, err := a.kube.CoreV1().ResourceQuotas(w.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return apiFailure("list resource quotas", err)
	}
	wanted := w.template.Spec.DeepCopy()
	for _, r := range all {
		r.set(&wanted.Containers[index].Resources)
	}
	p := rollout{before: admitted(w.template.Spec, ranges.Items), after: admitted(*wanted, ranges.Items),
		replicas: w.replicas, surge: w.surge}
	for i := range ranges.Items {
		for _, r := range all {
			if err := withinRange(&ranges.Items[i], p.after, r); err != nil {
				return err
			}
		}
	}
	for i := range quotas.Items {
		if err := p.withinQuota(&quotas.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

// withinRange checks a new pod against one LimitRange.
func withinRange(l *corev1.LimitRange, pod corev1.PodSpec, r raised) error {
	for _, item := range l.Spec.Limits {
		var err error
		switch item.Type {
		case corev1.LimitTypeContainer:
			err = r.withinContainer(l.Name, item)
		case corev1.LimitTypePod:
			err = r.withinPod(l.Name, item, pod)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r raised) withinContainer(name string, item corev1.LimitRangeItem) error {
	// A default is the limit of a container that sets none, and no request may be over its limit.
	standard, ok := item.Default[r.name]
	if ok && r.limit.after.IsZero() && r.request.after.Cmp(standard) > 0 {
		return refuse(ReasonOverLimitRange, "the request of %s %s is over %s, which the limit range %s sets as the limit of a container without one",
			r.request.after.String(), r.name, standard.String(), name)
	}
	return r.withinMax(name, item, larger(r.limit.after, r.request.after))
}

func (r raised) withinPod(name string, item corev1.LimitRangeItem, pod corev1.PodSpec) error {
	limit := podTotal(pod, counted{limitsOf, r.name})
	if _, ok := item.Max[r.name]; ok && limit.IsZero() {
		return refuse(ReasonOverLimitRange, "the limit range %s wants a limit of %s for every pod, and no container sets one", name, r.name)
	}
	return r.withinMax(name, item, larger(limit, podTotal(pod, counted{requestsOf, r.name})))
}

// withinMax compares the limit or the request, whichever is more: both must be
// within the maximum.
func (r raised) withinMax(name string, item corev1.LimitRangeItem, most resource.Quantity) error {
	maximum, ok := item.Max[r.name]
	if !ok || most.Cmp(maximum) <= 0 {
		return nil
	}
	return refuse(ReasonOverLimitRange, "%s of %s is over the %s that the limit range %s allows a %s",
		r.name, most.String(), maximum.String(), name, item.Type)
}

// withinQuota checks the rollout's pods against all that a quota counts: a surge
// pod takes of each resource, whichever was raised.
func (p rollout) withinQuota(q *corev1.ResourceQuota) error {
	if !countsWorkloads(q) || p.replicas == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(q.Status.Hard)) {
		if container := without(p.after, name); container != "" {
			return refuse(ReasonOverQuota, "the quota %s wants %s of every container, and %s sets none", q.Name, name, container)
		}
		more := p.more(name)
		need, hard := q.Status.Used[name].DeepCopy(), q.Status.Hard[name]
		used := need.String()
		need.Add(more)
		if more.Sign() > 0 && need.Cmp(hard) > 0 {
			return refuse(ReasonOverQuota, "%s: %s is used, the rollout needs up to %s more (%s), and the quota %s allows %s",
				name, used, more.String(), p.why(name), q.Name, hard.String())
		}
	}
	return nil
}

// more is what the rollout takes at most beyond what is used now. A quota is
// checked as each pod is made: what is used and the new pod together must not be
// over it. The last new pod needs most: all others are new by then, and as many
// former ones as the surge allows are still there. The first new pods need no more
// than that, and without a surge it is what all pods together grow by.
//
// Where pods may be unavailable, a rollout may get through with less, from one
// refused pod to the next: that is for a person to try.
func (p rollout) more(name corev1.ResourceName) resource.Quantity {
	before, total := podTakes(p.before, name), podTakes(p.after, name)
	total.Sub(before)
	total.Mul(int64(p.replicas))
	before.Mul(int64(p.former()))
	total.Add(before)
	return total
}

// former is how many former pods are beside all new ones at most.
func (p rollout) former() int32 { return min(p.surge, p.replicas) }

// why says what more consists of.
func (p rollout) why(name corev1.ResourceName) string {
	before, after := podTakes(p.before, name), podTakes(p.after, name)
	var parts []string
	if after.Cmp(before) != 0 {
		parts = append(parts, fmt.Sprintf("%d pods grow from %s to %s", p.replicas, before.String(), after.String()))
	}
	if n := p.former(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d former of %s still there with the last new one", n, before.String()))
	}
	return strings.Join(parts, ", ")
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
