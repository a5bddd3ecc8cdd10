package function

import (
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"kubernaut.ai/shared/event"
)

// A proposal rests on the target as it was analysed. Until it is carried out a
// person may have been asked, for hours; and whoever helped meanwhile must not
// have it taken back as if it were the fault.

// analysed is what was analysed, if it can be held against the target as it is
// now: a rung that follows a rung finds what that one made.
func (o Order) analysed(l live) (event.Context, bool) {
	m, marked := parseMark(l.meta.GetAnnotations()[AnnotationApplied])
	return o.Context, !marked || m.remediation != o.Remediation.ID
}

// describes tells that the analysed workload is t, which the alert need not have
// named.
func describes(c event.Context, t event.Target) bool {
	return c.Target.Same(t) || slices.ContainsFunc(c.Owners, t.Same)
}

// rolledOutSince refuses where the present revision came after what was analysed.
func (o Order) rolledOutSince(l live, present recorded) error {
	was, ok := o.analysed(l)
	if !ok || !describes(was, l.target) {
		return nil
	}
	i := slices.IndexFunc(was.Revisions, func(r event.Revision) bool { return r.Current })
	if i >= 0 && was.Revisions[i].Name != present.Name ||
		i < 0 && present.created.After(was.CollectedAt.Add(clockSkew)) {
		return refuse(ReasonTargetMoved, "%s of %s was rolled out after the workload was analysed, at %s",
			present.Revision, l.target, stamp(was.CollectedAt))
	}
	return nil
}

// named is the name of the revision that had the number when it was analysed, if
// that was told.
func (o Order) named(number int64) string {
	for _, r := range o.Context.Revisions {
		if r.Number == number && describes(o.Context, o.Target) {
			return r.Name
		}
	}
	return ""
}

// scaledSince refuses where the replicas are not what was analysed.
func (o Order) scaledSince(l live, present int32) error {
	was, ok := o.analysed(l)
	if !ok || was.Workload == nil || !describes(was, l.target) || was.Workload.Desired == present {
		return nil
	}
	return refuse(ReasonTargetMoved, "%s had %d replicas when it was analysed, and now %d", l.target, was.Workload.Desired, present)
}

// boundedSince refuses where an autoscaler is not what was analysed: its bounds,
// or what it scales.
func (o Order) boundedSince(l live, h *autoscalingv2.HorizontalPodAutoscaler) error {
	was, ok := o.analysed(l)
	a := was.Autoscaler
	if !ok || a == nil || a.Name != h.Name || was.Target.Namespace != h.Namespace {
		return nil
	}
	low, high, scales := replicas(h.Spec.MinReplicas), h.Spec.MaxReplicas, h.Spec.ScaleTargetRef.Name
	if a.Min == low && a.Max == high && a.Scales.Name == scales {
		return nil
	}
	return refuse(ReasonTargetMoved, "%s scaled %s between %d and %d when it was analysed, and now %s between %d and %d",
		l.target, a.Scales.Name, a.Min, a.Max, scales, low, high)
}

// resizedSince refuses where the container's resources are not what was analysed.
func (o Order) resizedSince(l live, c corev1.Container) error {
	was, ok := o.analysed(l)
	if !ok || !describes(was, l.target) {
		return nil
	}
	i := slices.IndexFunc(was.Containers, func(w event.Container) bool { return w.Name == c.Name })
	if i < 0 {
		return nil
	}
	then := was.Containers[i]
	for _, name := range []corev1.ResourceName{corev1.ResourceMemory, corev1.ResourceCPU} {
		if !sameQuantity(then.Limits, c.Resources.Limits, name) || !sameQuantity(then.Requests, c.Resources.Requests, name) {
			return refuse(ReasonTargetMoved, "the %s of the container %s of %s is not what it was when that was analysed, at %s",
				name, c.Name, l.target, stamp(was.CollectedAt))
		}
	}
	return nil
}

func sameQuantity(then map[string]string, now corev1.ResourceList, name corev1.ResourceName) bool {
	text, was := then[string(name)]
	present, is := now[name]
	if !was || !is {
		return was == is
	}
	q, err := resource.ParseQuantity(text)
	return err == nil && q.Cmp(present) == 0
}

// specChangedSince tells that something of the spec is not what was analysed: only
// then is it worth reading what.
func (o Order) specChangedSince(l live) bool {
	was, ok := o.analysed(l)
	return ok && was.Workload != nil && describes(was, l.target) && was.Workload.Generation != l.meta.GetGeneration()
}
