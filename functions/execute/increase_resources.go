package function

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/functions/execute/reading"
)

// increaseResources raises one container's requests and limits, by a factor
// or to an absolute limit.
type increaseResources struct {
	kube reading.Client
	caps Caps
}

const (
	containersPath = "/spec/template/spec/containers"
	// defaultFactor multiplies what no absolute value is given for.
	defaultFactor = 1.5
	// Values are rounded up to whole steps, so that they read well.
	memoryStep = 1 << 20
	cpuStepMil = 10
)

// raised is one resource of the container, before and after.
type raised struct {
	name    corev1.ResourceName
	limit   change
	request change
}

// change is a quantity that is raised; both zero where none is set.
type change struct{ before, after resource.Quantity }

// set gives a container's resources the new values.
func (r raised) set(on *corev1.ResourceRequirements) {
	if !r.limit.after.IsZero() {
		on.Limits[r.name] = r.limit.after
	}
	if !r.request.after.IsZero() {
		on.Requests[r.name] = r.request.after
	}
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

// raise computes one resource. An absolute value is the new limit, or the new
// request where no limit is set; a request that stands beside a limit grows in
// the same proportion, so that a Guaranteed pod stays one.
func (a increaseResources) raise(o Order, c corev1.Container, name corev1.ResourceName) (raised, error) {
	r := raised{name: name}
	limit, hasLimit := c.Resources.Limits[name]
	request, hasRequest := c.Resources.Requests[name]
	if !hasLimit && !hasRequest {
		return r, a.unset(o, c, name)
	}
	leading := limit
	if !hasLimit {
		leading = request
	}
	factor, err := growth(o, name, leading)
	if err != nil {
		return r, err
	}
	if hasLimit {
		r.limit = change{limit, scaled(limit, name, factor)}
	}
	if hasRequest {
		r.request = change{request, scaled(request, name, factor)}
	}
	if hasLimit && r.request.after.Cmp(r.limit.after) > 0 {
		r.request.after = r.limit.after
	}
	return r, a.capped(r)
}

// unset skips a resource that nobody asked for by name; to invent a limit
// where none is would restrict the container.
func (a increaseResources) unset(o Order, c corev1.Container, name corev1.ResourceName) error {
	_, named := o.Parameters[string(name)]
	other := len(c.Resources.Limits)+len(c.Resources.Requests) > 0
	if !named && other {
		return nil
	}
	return refuse(ReasonNoResources, "the container %s sets no %s: there is nothing to raise", c.Name, name)
}

// growth is the factor that brings the leading value to what was ordered.
func growth(o Order, name corev1.ResourceName, leading resource.Quantity) (float64, error) {
	text, absolute := parameter[string](o, string(name))
	if !absolute {
		if f, ok := number(o, "factor"); ok {
			return f, nil
		}
		return defaultFactor, nil
	}
	want, err := resource.ParseQuantity(text)
	if err != nil {
		return 0, refuse(ReasonParameters, "%s: %v", name, err)
	}
	if want.Cmp(leading) < 0 {
		return 0, refuse(ReasonWouldShrink, "%s of %s is less than the present %s", name, text, leading.String())
	}
	if leading.IsZero() {
		return 0, refuse(ReasonNoResources, "%s is zero: there is nothing to raise", name)
	}
	return want.AsApproximateFloat64() / leading.AsApproximateFloat64(), nil
}

// scaled multiplies and rounds up to whole steps; a factor of one keeps the
// value as it is.
func scaled(q resource.Quantity, name corev1.ResourceName, factor float64) resource.Quantity {
	if factor == 1 {
		return q
	}
	// What floating point adds to an exact product must not cost a step.
	const slack = 1e-6
	if name == corev1.ResourceCPU {
		steps := math.Ceil(float64(q.MilliValue())*factor/cpuStepMil - slack)
		return *resource.NewMilliQuantity(int64(steps)*cpuStepMil, resource.DecimalSI)
	}
	steps := math.Ceil(float64(q.Value())*factor/memoryStep - slack)
	return *resource.NewQuantity(int64(steps)*memoryStep, resource.BinarySI)
}

func (a increaseResources) capped(r raised) error {
	limit := a.caps.Memory
	if r.name == corev1.ResourceCPU {
		limit = a.caps.CPU
	}
	for _, q := range []resource.Quantity{r.limit.after, r.request.after} {
		if q.Cmp(limit) > 0 {
			return refuse(ReasonOverCap, "%s of %s is over the cap of %s", r.name, q.String(), limit.String())
		}
	}
	return nil
}

// fields are the values that differ. Requests come after limits: the pair is
// valid in either order, because one patch sets both.
func (r raised) fields(index int) []Field {
	var out []Field
	for _, side := range []struct {
		name string
		change
	}{{"limits", r.limit}, {"requests", r.request}} {
		if side.after.Cmp(side.before) != 0 {
			out = append(out, Field{Path: containerPath(index, "resources", side.name, string(r.name)),
				Before: side.before.String(), After: side.after.String()})
		}
	}
	return out
}

func containerPath(index int, parts ...string) string {
	return containersPath + "/" + strconv.Itoa(index) + pointer(parts...)
}

func formerValues(fields []Field) string {
	said := make([]string, 0, len(fields))
	for _, f := range fields {
		parts := strings.Split(f.Path, "/")
		said = append(said, fmt.Sprintf("%s %s %v", parts[len(parts)-1], parts[len(parts)-2], f.Before))
	}
	return strings.Join(said, ", ")
}
