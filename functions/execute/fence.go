package function

import (
	"time"
)

// The annotations that a write sets on the object it changes, in the same
// patch. The first is the fence: an object that carries a step's mark has
// that step applied, whatever Redis remembers.
const (
	AnnotationApplied   = "kubernaut.ai/applied"
	AnnotationAppliedAt = "kubernaut.ai/applied-at"
	AnnotationReceipt   = "kubernaut.ai/receipt"
)

// fenced tells whether the live object already carries the order's mark, and
// refuses where a mark forbids the order: a later step, or another
// remediation's change that is still settling.
func (x *planner) fenced(l live, o Order) (applied bool, err error) {
	text := l.meta.GetAnnotations()[AnnotationApplied]
	if text == o.Mark() {
		return true, nil
	}
	m, ok := parseMark(text)
	if !ok {
		return false, nil
	}
	if m.after(o) {
		return false, refuse(ReasonSuperseded, "%s carries %s, which came later", l.target, text)
	}
	// A person who takes a change back, or a rung that follows a rung, does not
	// wait for it to settle.
	if o.Undo || !o.Action.ChangesCluster || m.remediation == o.Remediation.ID {
		return false, nil
	}
	at, err := time.Parse(time.RFC3339, l.meta.GetAnnotations()[AnnotationAppliedAt])
	if err == nil && x.now().Sub(at) < x.stabilization {
		return false, refuse(ReasonRecentlyChanged, "%s was changed by %s at %s and is left alone for %s",
			l.target, text, stamp(at), x.stabilization)
	}
	return false, nil
}
