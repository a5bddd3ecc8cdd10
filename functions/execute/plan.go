package function

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/shared/event"
)

// Bounds of a plan.
const (
	// MaxVictims bounds the pods that one order evicts; the rest wait for the
	// next remediation.
	MaxVictims = 100
	// EvictionsATurn bounds the evictions of one turn.
	EvictionsATurn = 10
	// MaxReceipt bounds the receipt annotation, in bytes.
	MaxReceipt = 1 << 10
)

// Plan is an order resolved to absolute values against the live objects. It
// is stored before the first write, and every retry uses the stored one: a
// factor of 1.5 is multiplied once, however often the process dies.
type Plan struct {
	// Target is the object that is written, with its UID.
	Target event.Target `json:"target"`
	// Fields are the values that the write changes, each with what must hold
	// before.
	Fields []Field `json:"fields,omitempty"`
	// Guards are values that must hold and stay, such as the name of the
	// container that an index points at.
	Guards []Guard `json:"guards,omitempty"`
	// Template replaces the whole pod template by that of a revision.
	Template *Template `json:"template,omitempty"`
	// Victims are the pods to evict, in order.
	Victims []Victim `json:"victims,omitempty"`
	// Grace is the victims' grace period in seconds; nil keeps their own.
	Grace *int64 `json:"grace,omitempty"`
	// UndoSummary is one line for people: what undoing would do, or why
	// nothing needs to be undone.
	UndoSummary string `json:"undoSummary,omitempty"`
	// Note is what people should know of what was planned.
	Note string `json:"note,omitempty"`
}

// Field is one value of the target, by JSON Pointer; nil means absent.
type Field struct {
	Path   string `json:"path"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
}

// Guard is one value of the target that must hold.
type Guard struct {
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// Template names two revisions of one workload by the objects that hold them.
// The templates themselves may hold secrets and are never stored.
type Template struct {
	Before Revision `json:"before"`
	After  Revision `json:"after"`

	// read is what the turn that planned has read, and need not read again.
	read *templateRead
}

// templateRead is the pod template of the revision to go to, as it was when the
// target had this resource version.
type templateRead struct {
	template corev1.PodTemplateSpec
	version  string
}

// Revision is a ReplicaSet or ControllerRevision and the digest of its pod
// template.
type Revision struct {
	Name   string `json:"name"`
	Number int64  `json:"number"`
	Digest string `json:"digest"`
}

func (r Revision) String() string { return fmt.Sprintf("%s (revision %d)", r.Name, r.Number) }

// Victim is a pod to evict.
type Victim struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// Performer turns an order for one action into a plan: it checks the
// preconditions on live objects and resolves absolute values. It writes
// nothing. A precondition that fails is a *Refusal.
type Performer interface {
	Plan(ctx context.Context, o Order) (Plan, error)
}

// Collector is a Performer whose product is evidence.
type Collector interface {
	Collect(ctx context.Context, o Order) ([]event.Evidence, error)
}

// Disturber is a Performer that disturbs more than its target. All of it must
// be managed.
type Disturber interface {
	Disturbs(ctx context.Context, o Order, p Plan) ([]event.Target, error)
}

// Empty tells that there is nothing to write.
func (p Plan) Empty() bool { return len(p.Fields) == 0 && p.Template == nil && len(p.Victims) == 0 }

// templatePath is the pod template of every workload kind.
const templatePath = "/spec/template"

// changes lists what the plan changes, for people, receipts and drift.
func (p Plan) changes() []event.Change {
	out := make([]event.Change, 0, len(p.Fields)+1)
	for _, f := range p.Fields {
		out = append(out, event.Change{Target: p.Target, Field: f.Path, Before: f.Before, After: f.After})
	}
	if t := p.Template; t != nil {
		out = append(out, event.Change{Target: p.Target, Field: templatePath, Before: t.Before.Name, After: t.After.Name})
	}
	return out
}

// undo is the receipt with which the plan can be taken back. Guards become
// changes whose two values are equal: they must hold then, too.
func (p Plan) undo() *event.Undo {
	u := &event.Undo{Summary: p.UndoSummary}
	if len(p.Fields) == 0 && p.Template == nil {
		return u
	}
	u.Possible = true
	for _, g := range p.Guards {
		u.Changes = append(u.Changes, event.Change{Target: p.Target, Field: g.Path, Before: g.Value, After: g.Value})
	}
	for _, c := range p.changes() {
		u.Changes = append(u.Changes, event.Change{Target: c.Target, Field: c.Field, Before: c.After, After: c.Before})
	}
	if p.Template != nil {
		u.Revision = p.Template.Before.Name
	}
	return u
}

// receipt is the value of the receipt annotation: enough to undo the write
// with kubectl when Kubernaut and its Redis are gone.
type receipt struct {
	Fields   []Field   `json:"fields,omitempty"`
	Guards   []Guard   `json:"guards,omitempty"`
	Template *Template `json:"template,omitempty"`
	Undo     string    `json:"undo,omitempty"`
}

func (p Plan) receipt() (string, error) {
	raw, err := json.Marshal(receipt{p.Fields, p.Guards, p.Template, p.UndoSummary})
	if err != nil {
		return "", fmt.Errorf("encode receipt: %w", err)
	}
	if len(raw) >= MaxReceipt {
		return "", refuse(ReasonReceipt, "the receipt has %d bytes, %d are allowed", len(raw), MaxReceipt-1)
	}
	return string(raw), nil
}

// planOf rebuilds a plan from the receipt on the object, for when Redis has
// forgotten the stored one.
func planOf(text string, target event.Target) (Plan, error) {
	var r receipt
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Plan{}, fmt.Errorf("decode receipt annotation: %w", err)
	}
	return Plan{Target: target, Fields: r.Fields, Guards: r.Guards, Template: r.Template, UndoSummary: r.Undo}, nil
}

// pointer joins the parts of a JSON Pointer.
func pointer(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(escape.Replace(p))
	}
	return b.String()
}

var (
	escape   = strings.NewReplacer("~", "~0", "/", "~1")
	unescape = strings.NewReplacer("~1", "/", "~0", "~")
)

// at reads a JSON Pointer's value; absent is nil.
func at(body any, path string) any {
	for _, part := range strings.Split(path, "/")[1:] {
		switch node := body.(type) {
		case map[string]any:
			body = node[unescape.Replace(part)]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(node) {
				return nil
			}
			body = node[i]
		default:
			return nil
		}
	}
	return body
}
