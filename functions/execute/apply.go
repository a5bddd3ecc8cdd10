package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubernaut.ai/shared/event"
)

// maxWriteAttempts bounds how often a write is tried again when the object
// changed between read and write without touching what the plan rests on,
// as it does whenever a controller reports status.
const maxWriteAttempts = 6

// operation is one operation of a JSON Patch. Value is always encoded: null is a value
// that a test may want.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// apply makes the plan's one write, guarded so that it can happen only once
// and only to what was planned for. It returns the object after the write;
// already says that an earlier attempt had made it.
func (x *Executor) apply(ctx context.Context, o Order, p Plan) (after live, already bool, err error) {
	var last error
	for n := range maxWriteAttempts {
		before := o.seen
		// The first try is built on what this turn has seen: if that is over, a guard
		// fails and the next one reads.
		if n > 0 || before == nil || before.target != p.Target {
			l, err := read(ctx, x.kube, p.Target)
			if err != nil {
				return live{}, false, err
			}
			before = &l
		}
		if already, err := x.fenced(*before, o); err != nil || already {
			return *before, already, err
		}
		body, err := x.patch(ctx, o, p, *before)
		if err != nil {
			return live{}, false, err
		}
		typed, err := kinds[p.Target.Kind].patch(ctx, x.writer, write{target: p.Target, body: body, dryRun: o.DryRun})
		if err == nil {
			after, err := liveOf(p.Target, typed)
			return after, false, err
		}
		// Only these two can mean that a guard failed; the next read tells.
		if !apierrors.IsInvalid(err) && !apierrors.IsConflict(err) && !rejectedPatch(err) {
			return live{}, false, apiFailure("patch "+p.Target.String(), err)
		}
		last = err
	}
	if apierrors.IsConflict(last) {
		return live{}, false, passing(ReasonContended, fmt.Errorf("patch %s: %w", p.Target, last))
	}
	return live{}, false, refuseFor(ReasonRejected, "patch "+p.Target.String(), last)
}

// rejectedPatch recognises the API server's 422 for a JSON Patch whose test
// failed, which names no field and so no kind.
func rejectedPatch(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Code == 422
}

// patch builds the guarded JSON Patch against the object as it was just read.
// What the plan rests on must still hold: nothing is ever planned again.
func (x *Executor) patch(ctx context.Context, o Order, p Plan, l live) ([]byte, error) {
	if moved := firstMoved(p, l); moved != "" {
		return nil, refuse(ReasonTargetMoved, "%s of %s is no longer what was planned for", moved, p.Target)
	}
	ops := []operation{{"test", "/metadata/uid", p.Target.UID}}
	for _, g := range p.Guards {
		ops = append(ops, operation{"test", g.Path, g.Value})
	}
	for _, f := range p.Fields {
		ops = append(ops, operation{"test", f.Path, f.Before}, set(f))
	}
	if p.Template != nil {
		swap, err := x.templateOps(ctx, p, l)
		if err != nil {
			return nil, err
		}
		ops = append(ops, swap...)
	}
	marks, err := x.marks(o, p, l)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(append(ops, marks...))
	if err != nil {
		return nil, fmt.Errorf("encode patch: %w", err)
	}
	return body, nil
}

// set is the operation that gives a field its planned value.
func set(f Field) operation {
	switch {
	case f.After == nil:
		return operation{"remove", f.Path, nil}
	case f.Before == nil:
		return operation{"add", f.Path, f.After}
	}
	return operation{"replace", f.Path, f.After}
}

// firstMoved is the path of a value that is not what the plan rests on.
func firstMoved(p Plan, l live) string {
	for _, g := range p.Guards {
		if !sameJSON(at(l.body, g.Path), g.Value) {
			return g.Path
		}
	}
	for _, f := range p.Fields {
		if !sameJSON(at(l.body, f.Path), f.Before) {
			return f.Path
		}
	}
	return ""
}

// marks set the annotations in the same write, guarded by what they were: two
// remediations cannot both believe to have been first.
func (x *Executor) marks(o Order, p Plan, l live) ([]operation, error) {
	text, err := p.receipt()
	if err != nil {
		return nil, err
	}
	const annotations = "/metadata/annotations"
	var ops []operation
	present := l.meta.GetAnnotations()
	if len(present) == 0 {
		ops = append(ops, operation{"test", annotations, nil}, operation{"add", annotations, map[string]string{}})
	} else {
		ops = append(ops, operation{"test", pointer("metadata", "annotations", AnnotationApplied), orNull(present, AnnotationApplied)})
	}
	for _, a := range [...][2]string{{AnnotationApplied, o.Mark()}, {AnnotationAppliedAt, stamp(x.now())}, {AnnotationReceipt, text}} {
		ops = append(ops, operation{"add", pointer("metadata", "annotations", a[0]), a[1]})
	}
	return ops, nil
}

func orNull(m map[string]string, key string) any {
	if v, ok := m[key]; ok {
		return v
	}
	return nil
}

// appliedPlan is the plan of a step that the live object says is applied: the
// stored one, or else what the receipt on the object tells.
func (x *planner) appliedPlan(ctx context.Context, o Order, l live) (Plan, error) {
	stored, found, err := x.stored(ctx, o)
	if err != nil || found {
		return stored, err
	}
	p, err := planOf(l.meta.GetAnnotations()[AnnotationReceipt], l.target)
	if err != nil {
		// Somebody removed the receipt: that it was applied still stands.
		return Plan{Target: l.target, Note: "The receipt is gone from the object: " + event.Cut(err.Error(), event.MaxText)}, nil
	}
	return p, nil
}
