package function

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

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
