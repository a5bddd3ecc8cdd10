package function

import (
	"context"
	"path"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// undoable lists the fields that each action may set, as path patterns. An
// undo may set no other, whatever the receipt in the event says.
var undoable = map[string][]string{
	action.ScaleDeployment:    {replicasPath},
	action.ScaleStatefulSet:   {replicasPath},
	action.IncreaseResources:  {containersPath + "/*/resources/requests/*", containersPath + "/*/resources/limits/*"},
	action.UpdateHPA:          {"/spec/minReplicas", "/spec/maxReplicas"},
	action.CordonNode:         {"/spec/unschedulable"},
	action.RollbackDeployment: {templatePath},
}

// undoPlan turns the receipt of an applied step into a plan of its own: what
// the step set must still hold, and becomes what was before. Nothing else of
// the object matters.
func (x *planner) undoPlan(ctx context.Context, o Order) (Plan, error) {
	u := o.applied.Undo
	p := Plan{Target: o.applied.Target, Note: u.Summary}
	for _, c := range u.Changes {
		if !c.Target.Same(o.Target) {
			return Plan{}, refuse(ReasonUndoMismatch, "the receipt is about %s, too", c.Target)
		}
		if sameJSON(c.Before, c.After) {
			p.Guards = append(p.Guards, Guard{Path: c.Field, Value: c.Before})
			continue
		}
		if !allowedUndo(o.Action.Name, c.Field) {
			return Plan{}, refuse(ReasonUndoMismatch, "%s does not set %s", o.Action.Name, c.Field)
		}
		if c.Field != templatePath {
			p.Fields = append(p.Fields, Field{Path: c.Field, Before: c.Before, After: c.After})
			continue
		}
		swap, err := x.undoTemplate(ctx, p.Target, c)
		if err != nil {
			return Plan{}, err
		}
		p.Template = swap
	}
	if p.Empty() {
		return Plan{}, refuse(ReasonUndoImpossible, "the receipt has no change")
	}
	l, err := read(ctx, x.kube, p.Target)
	if err != nil {
		return Plan{}, err
	}
	if moved := firstMoved(p, l); moved != "" {
		return Plan{}, refuse(ReasonTargetMoved, "%s of %s is no longer what was applied", moved, p.Target)
	}
	p.Target = l.target
	return p, nil
}

func allowedUndo(name, field string) bool {
	for _, pattern := range undoable[name] {
		if ok, err := path.Match(pattern, field); ok && err == nil {
			return true
		}
	}
	return false
}

// undoTemplate finds the revisions that the receipt names. The applied one
// must still be what runs.
func (x *planner) undoTemplate(ctx context.Context, t event.Target, c event.Change) (*Template, error) {
	l, err := read(ctx, x.kube, t)
	if err != nil {
		return nil, err
	}
	h, err := historyOf(ctx, x.kube, l)
	if err != nil {
		return nil, err
	}
	now, ok := h.current()
	if applied, _ := c.Before.(string); !ok || now.Name != applied {
		return nil, refuse(ReasonTargetMoved, "the template of %s is no longer that of %q", t, applied)
	}
	name, _ := c.After.(string)
	former, ok := h.byName(name)
	if !ok {
		return nil, refuse(ReasonNoRevision, "the revision %q is gone: it cannot be rolled forward to", name)
	}
	before := now.Revision
	before.Digest = h.digest
	return &Template{Before: before, After: former.Revision}, nil
}
