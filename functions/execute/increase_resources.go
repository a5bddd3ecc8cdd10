package function

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/functions/execute/reading"
)

// increaseResources raises one container's requests and limits, by a factor
// or to an absolute limit.
type increaseResources struct {
	kube reading.Client
	caps Caps
}

// Plan resolves the factor to absolute quantities and refuses to lower, and
// whatever is over Kubernaut's own cap, a LimitRange or a ResourceQuota.
func (a increaseResources) Plan(ctx context.Context, o Order) (Plan, error) {
	l, err := sight(ctx, a.kube, o)
	if err != nil {
		return Plan{}, err
	}
	w, err := workloadOf(l)
	if err != nil {
		return Plan{}, err
	}
	i, oom, err := a.container(ctx, o, w)
	if err != nil {
		return Plan{}, err
	}
	c := w.template.Spec.Containers[i]
	p := Plan{Target: l.target}
	p.Guards = []Guard{{Path: containerPath(i, "name"), Value: c.Name}}
	var all []raised
	for _, name := range wantedResources(o, oom) {
		r, err := a.raise(o, c, name)
		if err != nil {
			return Plan{}, err
		}
		all = append(all, r)
		p.Fields = append(p.Fields, r.fields(i)...)
	}
	if len(p.Fields) == 0 {
		p.Note = fmt.Sprintf("The container %s has that much already.", c.Name)
		return p, nil
	}
	if err := a.changedSince(ctx, o, l, c); err != nil {
		return Plan{}, err
	}
	if err := a.allowed(ctx, w, i, all); err != nil {
		return Plan{}, err
	}
	p.UndoSummary = fmt.Sprintf("Sets the resources of the container %s back: %s.", c.Name, formerValues(p.Fields))
	return p, nil
}

// changedSince refuses where the container, or the revision that it is of, is not what
// was analysed.
func (a increaseResources) changedSince(ctx context.Context, o Order, l live, c corev1.Container) error {
	if err := o.resizedSince(l, c); err != nil || !o.specChangedSince(l) {
		return err
	}
	h, err := historyOf(ctx, a.kube, l)
	if err != nil {
		return err
	}
	present, err := h.present(l)
	if err != nil {
		return err
	}
	return o.rolledOutSince(l, present)
}

// container finds the one to raise: the named one, else the one that was
// OOM-killed, else the only one.
func (a increaseResources) container(ctx context.Context, o Order, w workload) (index int, oom bool, err error) {
	killed, err := a.oomKilled(ctx, w)
	if err != nil {
		return 0, false, err
	}
	name, named := parameter[string](o, "container")
	containers := w.template.Spec.Containers
	for i, c := range containers {
		if named && c.Name == name || !named && killed[c.Name] {
			return i, killed[c.Name], nil
		}
	}
	if !named && len(containers) == 1 {
		return 0, false, nil
	}
	if named {
		return 0, false, refuse(ReasonNoContainer, "%s has no container %q", o.Target, name)
	}
	return 0, false, refuse(ReasonNoContainer, "none of the %d containers was OOM-killed: one must be named", len(containers))
}

// oomKilled names the containers that ran out of memory, now or last time.
func (a increaseResources) oomKilled(ctx context.Context, w workload) (map[string]bool, error) {
	options, err := controlled{&metav1.ObjectMeta{Name: w.namespace}, w.selector}.options()
	if err != nil {
		return nil, err
	}
	options.Limit = podPage
	list, err := a.kube.CoreV1().Pods(w.namespace).List(ctx, options)
	if err != nil {
		return nil, apiFailure("list pods", err)
	}
	killed := map[string]bool{}
	for i := range list.Items {
		for _, s := range list.Items[i].Status.ContainerStatuses {
			for _, t := range []*corev1.ContainerStateTerminated{s.State.Terminated, s.LastTerminationState.Terminated} {
				if t != nil && t.Reason == "OOMKilled" {
					killed[s.Name] = true
				}
			}
		}
	}
	return killed, nil
}

// wantedResources are those that the order names; without any, memory for a
// container that ran out of it, else both.
func wantedResources(o Order, oom bool) []corev1.ResourceName {
	var names []corev1.ResourceName
	for _, n := range []corev1.ResourceName{corev1.ResourceMemory, corev1.ResourceCPU} {
		if _, ok := o.Parameters[string(n)]; ok {
			names = append(names, n)
		}
	}
	if len(names) > 0 {
		return names
	}
	if oom {
		return []corev1.ResourceName{corev1.ResourceMemory}
	}
	return []corev1.ResourceName{corev1.ResourceMemory, corev1.ResourceCPU}
}
